package httpapi_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/master/httpapi"
	"github.com/tender-scheduler/tender/core/master/httpapi/apitest"
	"github.com/tender-scheduler/tender/core/model"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// check is a stand-in for jobspec's rules: it finds what the transcripts need.
func check(job *model.Job) (faults []string) {
	if job.Name == "" {
		faults = append(faults, "name: the job has no name")
	}
	if len(job.Groups) == 0 {
		faults = append(faults, "groups: the job has no group")
	}
	return faults
}

// serve starts an API server for m.
func serve(t testing.TB, m *apitest.Master, heartbeat time.Duration) *httptest.Server {
	h, err := httpapi.New(httpapi.Config{Backend: m, Check: check, Heartbeat: heartbeat})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// TestTranscripts plays the requests of testdata against real servers over a
// master in memory, and compares what comes back word for word.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		m := apitest.New(epoch)
		s := serve(t, m, 0)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "http" {
				return exchange(t, s.URL, d.Input)
			}
			if handled, err := m.Play(d); !handled || err != nil {
				t.Fatalf("%s: %v", d.Cmd, err)
			}
			return ""
		})
	})
}

// long is replaced by that many letters.
var long = regexp.MustCompile(`@LONG (\d+)@`)

// exchange sends one request: a line with method and path, header lines, an
// empty line and the body. It prints the answer.
func exchange(t *testing.T, base, input string) string {
	head, body, _ := strings.Cut(input, "\n\n")
	lines := strings.Split(head, "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	// A body on the second line is as good as one behind an empty line.
	if len(lines) > 1 && strings.HasPrefix(lines[1], "{") {
		body, lines = strings.Join(lines[1:], "\n"), lines[:1]
	}
	body = strings.ReplaceAll(body, "@JOB@", `{"name":"hello","type":"batch","role":"default","priority":50,"groups":[{"name":"main","count":2,"restart":{"attempts":0,"interval":"0s","delay":"0s","mode":"fail"},"tasks":[]}]}`)
	body = long.ReplaceAllStringFunc(body, func(m string) string {
		n, err := strconv.Atoi(long.FindStringSubmatch(m)[1])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat("x", n)
	})
	req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out bytes.Buffer
	fmt.Fprintln(&out, resp.Status)
	for _, h := range []string{"Location", "Retry-After", "Allow", "Content-Type"} {
		for _, v := range resp.Header.Values(h) {
			if v != "application/json" {
				fmt.Fprintf(&out, "%s: %s\n", h, v)
			}
		}
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		readUntilLive(&out, resp.Body)
		return out.String()
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if json.Valid(b) {
		b = []byte(layout(b, "") + "\n")
	}
	out.Write(b)
	if v := resp.Trailer.Get(httpapi.TrailerError); v != "" {
		fmt.Fprintf(&out, "trailer %s: %s\n", httpapi.TrailerError, v)
	}
	return out.String()
}

// readUntilLive copies a stream of events up to the one that says that there
// are no more.
func readUntilLive(to io.Writer, from io.Reader) {
	lines := bufio.NewScanner(from)
	for live := false; lines.Scan(); {
		live = live || lines.Text() == "event: live"
		if lines.Text() == "" {
			if live {
				return
			}
			continue
		}
		fmt.Fprintln(to, lines.Text())
	}
}

// layout writes JSON on one line where it fits, and else a line for each member.
func layout(raw json.RawMessage, indent string) string {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return string(raw)
	}
	if compact.Len()+len(indent) <= 110 || compact.Bytes()[0] != '{' && compact.Bytes()[0] != '[' {
		return compact.String()
	}
	dec := json.NewDecoder(&compact)
	open, _ := dec.Token()
	var members []string
	for dec.More() {
		name := ""
		if open == json.Delim('{') {
			key, _ := dec.Token()
			name = strconv.Quote(key.(string)) + ": "
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return string(raw)
		}
		members = append(members, indent+" "+name+layout(value, indent+" "))
	}
	closing := map[json.Token]string{json.Delim('{'): "}", json.Delim('['): "]"}[open]
	return fmt.Sprint(open) + "\n" + strings.Join(members, ",\n") + "\n" + indent + closing
}
