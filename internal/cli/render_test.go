package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tender-scheduler/tender/core/model"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", time.Microsecond: "0.001s", 12 * time.Millisecond: "0.012s", 350 * time.Millisecond: "0.35s",
		time.Second: "1.0s", 9990 * time.Millisecond: "9.9s", 41500 * time.Millisecond: "41s", 125 * time.Second: "2m05s",
		3*time.Hour + 12*time.Minute: "3h12m", 52 * time.Hour: "2d04h",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		room int
		want string
	}{{"hello", 5, "hello"}, {"hello", 4, "hel…"}, {"hello", 1, "…"}, {"hello", 0, ""}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}} {
		if got := cut(c.in, c.room); got != c.want || cells(got) > c.room {
			t.Errorf("cut(%q, %d) = %q (%d cells), want %q", c.in, c.room, got, cells(got), c.want)
		}
	}
}

// A table never gets wider than its terminal as long as its columns can give
// way, and no cell can steer the terminal.
func TestTableFits(t *testing.T) {
	tab := &table{columns: []column{{title: "NAME", floor: 6}, {title: "N", right: true, spare: 1}, {title: "TEXT", floor: 5, spare: 2}}}
	tab.add(text("日本語の名前です"), text("12"), text("a text of some length\nwith \x1b[31mtricks"))
	tab.add(text("b"), text("3"), text(""))
	for width := 6; width < 70; width++ {
		for l := range strings.Lines(string(tab.render(false, false, width))) {
			if l = strings.TrimSuffix(l, "\n"); cells(l) > width || strings.ContainsAny(l, "\x1b") {
				t.Errorf("width %d: line %q has %d cells", width, l, cells(l))
			}
		}
	}
}

// TestBar shows the progress bar of an array on terminals of several widths.
func TestBar(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	view := model.JobView{ID: "k3f9x2mq", Name: "wordcount", State: model.JobRunning, Started: now.Add(-75 * time.Second),
		Slots: model.SlotCounts{Total: 1000, Waiting: 300, Running: 100, Staging: 28, Succeeded: 512, Failed: 50, Lost: 10}}
	queued := model.JobView{ID: "k3f9x2mq", Name: "wordcount", State: model.JobQueued}
	want := map[int][2]string{
		150: {
			"wordcount k3f9x2mq ━━━━━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌············ 572/1,000 done, 50 failed, 10 lost, 128 running, 300 waiting 1m15s",
			"wordcount k3f9x2mq queued 4.0s: waits for cpus on 3 agents, expected to start at 12:10:00 (in 10m00s)",
		},
		90: {
			"wordcount k3f9x2mq 572/1,000 done, 50 failed, 10 lost, 128 running, 300 waiting 1m15s",
			"wordcount k3f9x2mq queued 4.0s: waits for cpus on 3 agents, expected to start at 12:10:0…",
		},
		40: {
			"wordcount k3f9x2mq 572/1,000 done, 50 …",
			"wordcount k3f9x2mq queued 4.0s: waits …",
		},
	}
	for width, w := range want {
		b := &barProgress{app: &app{Env: Env{Now: func() time.Time { return now }, StderrColumns: width}, noColor: true}, began: now.Add(-4 * time.Second)}
		if got := b.line(view); got != w[0] || cells(got) >= width {
			t.Errorf("%d columns:\n got %q\nwant %q", width, got, w[0])
		}
		b.why = "waits for cpus on 3 agents, expected to start at 12:10:00 (in 10m00s)"
		if got := b.line(queued); got != w[1] || cells(got) >= width {
			t.Errorf("%d columns:\n got %q\nwant %q", width, got, w[1])
		}
	}
}

// Waiting is the normal life of a batch job, so it is never red.
func TestQueuedIsNeverRed(t *testing.T) {
	for _, s := range []model.JobState{model.JobQueued, model.JobBlocked, model.JobRunning, model.JobStopping, model.JobSucceeded, model.JobCancelled} {
		if jobStyle(s) == red {
			t.Errorf("state %s is red", s)
		}
	}
	for _, s := range []string{"waiting", "staging", "starting", "running", "killing", "finished", "killed"} {
		if taskStyle(s) == red {
			t.Errorf("task state %s is red", s)
		}
	}
	if tierStyle(model.TierWaiting) == red || tierStyle(model.TierBlocked) == red || tierStyle(model.TierHeld) == red {
		t.Error("a tier that time will clear is red")
	}
}

func TestParseIndices(t *testing.T) {
	for in, want := range map[string][]uint32{
		"": nil, "3": {3}, "3,10-12": {3, 10, 11, 12}, "0-6:3, 9": {0, 3, 6, 9}, "4294967295": {4294967295},
	} {
		if got, err := parseIndices(in); err != nil || cmp.Diff(got, want) != "" {
			t.Errorf("parseIndices(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"a", "3-", "5-3", "1-9:0", "3:2", "-1", "1,,2", "4294967296", "0-4294967295"} {
		if got, err := parseIndices(in); err == nil {
			t.Errorf("parseIndices(%q) = %d indices, want an error", in, len(got))
		}
	}
}

func TestSizes(t *testing.T) {
	for in, want := range map[string]int64{
		"512": 512 << 20, "512MiB": 512 << 20, "512 mib": 512 << 20, "64GiB": 64 << 30, "1.5g": 3 << 29, "2T": 2 << 40, "100B": 100, "3kb": 3000, "4K": 4096,
	} {
		var v bytesValue
		if err := v.Set(in); err != nil || int64(v) != want {
			t.Errorf("size %q is %d, %v, want %d", in, v, err, want)
		}
	}
	for _, in := range []string{"", "GiB", "-1", "0", "1XB", "1e30", "nan", "inf", "9999999P"} {
		var v bytesValue
		if err := v.Set(in); err == nil {
			t.Errorf("size %q is %d, want an error", in, v)
		}
	}
	for in, want := range map[string]int64{"8": 8000, "2.5": 2500, "0.001": 1} {
		var v coresValue
		if err := v.Set(in); err != nil || int64(v) != want {
			t.Errorf("%q cores are %d, %v, want %d", in, v, err, want)
		}
	}
	for _, in := range []string{"", "-1", "0", "nan", "1e9", "8 cores"} {
		var v coresValue
		if err := v.Set(in); err == nil {
			t.Errorf("%q cores are %d, want an error", in, v)
		}
	}
}

func TestDurationFlag(t *testing.T) {
	for in, want := range map[string]string{"2m": "2m", "1h": "1h", "1h30m": "1h30m", "90s": "1m30s", "0": "", "10m": "10m", "20h": "20h"} {
		var v durationValue
		if err := v.Set(in); err != nil || v.String() != want {
			t.Errorf("duration %q prints as %q, %v, want %q", in, v.String(), err, want)
		}
	}
	for _, in := range []string{"-1s", "5", "", "1d"} {
		var v durationValue
		if v.Set(in) == nil {
			t.Errorf("duration %q is taken", in)
		}
	}
}
