package replay

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/frameworks/batch"
)

func TestReadSWF(t *testing.T) {
	log, err := ReadSWF(strings.NewReader(strings.Join([]string{
		"; MaxNodes: 7", ";MaxProcs: 14", "; Note: MaxProcs: 3", "",
		"1 5 7 20.9 3 -1 -1 4 60 -1 1 9 2 8 -1 -1 -1 -1",
		"2 5 7 20 3 -1 -1 4 60",
		"3 -2 7 20 3 -1 -1 4 60 -1 1 9 2 8 -1 -1 -1 -1",
		"4 5 7 1e99 3 -1 -1 4 60 -1 1 9 2 8 -1 -1 -1 -1",
		"5 5 7 NaN 3 -1 -1 4 60 -1 1 9 2 8 -1 -1 -1 -1",
		"6 5 -1 20 5 -1 -1 -1 -1 -1 1 -1 2 -1 -1 -1 -1 -1",
	}, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	want := []Record{
		{ID: 1, Submit: 5, Wait: 7, Run: 20, Procs: 4, Limit: 60, User: 9, Executable: 8},
		{ID: 6, Submit: 5, Wait: -1, Run: 20, Procs: 5, Limit: -1, User: -1, Executable: -1},
	}
	if log.MaxProcs != 14 || len(log.Records) != 2 || log.Records[0] != want[0] || log.Records[1] != want[1] {
		t.Errorf("read %+v", log)
	}
	for i, line := range []int{6, 7, 8, 9} {
		if i >= len(log.Faults) || log.Faults[i].Line != line {
			t.Fatalf("faults %v, want lines 6 to 9", log.Faults)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "comments": "; a\n", "prose": "what is this\n", "much prose": strings.Repeat("what is this\n", 101),
		"a long line": strings.Repeat("1 ", 100_000),
	} {
		if _, err := ReadSWF(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read without an error", name)
		}
	}
}

func TestChoose(t *testing.T) {
	r := func(run, limit int64, procs int) Record { return Record{Run: run, Limit: limit, Procs: procs} }
	log := &Log{Records: []Record{r(10, 5, 1), r(-1, 5, 1), r(10, -1, 1), r(10, 5, 9), r(10, 5, 0)}}
	var d Dropped
	jobs, err := log.choose(Window{0, 5}, 8, &d)
	if err != nil || len(jobs) != 1 || jobs[0].Run != 5 || d != (Dropped{TooLarge: 1, NoRun: 2, NoLimit: 1}) {
		t.Errorf("chose %+v, dropped %+v: %v", jobs, d, err)
	}
	unlimited := &Log{Records: []Record{r(10, -1, 1)}}
	if jobs, err = unlimited.choose(Window{0, 1}, 8, &d); err != nil || len(jobs) != 1 || jobs[0].Limit != 10 {
		t.Errorf("of a log without limits chose %+v: %v", jobs, err)
	}
	for _, w := range []Window{{-1, 2}, {0, 0}, {4, 2}} {
		if _, err := log.choose(w, 8, &d); err == nil {
			t.Errorf("chose %v of 5", w)
		}
	}
}

// TestChart checks that the chart is XML, and that its columns add up to the work
// that was done.
func TestChart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := drawLog(t)
		n := len(log.Records)
		res, err := Run(log, Options{Policy: batch.PolicyEASY, Windows: []Window{{0, n}, {n / 2, n - n/2}}})
		if err != nil {
			t.Fatal(err)
		}
		cols := res.columns(100)
		sum := 0.0
		for _, c := range cols {
			sum += c.busy * float64(res.Span) / 100
			if c.busy > float64(res.Procs)+1e-6 || c.waiting < 0 {
				t.Fatalf("column %+v on %d processors", c, res.Procs)
			}
		}
		work := res.Utilization * float64(res.Procs) * float64(res.Span)
		if math.Abs(sum-work) > 1e-6*work+1e-6 {
			t.Fatalf("columns hold %f processor seconds, %f were used", sum, work)
		}
		var b strings.Builder
		if err := res.WriteSVG(&b); err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}
