package cli

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseRemote(t *testing.T) {
	for in, want := range map[string]string{
		"n1 hostname":                            "n1: hostname",
		"-x n1 sh -c true":                       "n1: sh -c true",
		"-x -n -l me n1 orted -mca ess env":      "n1 (no input): orted -mca ess env",
		"-p 22 -oBatchMode=yes -o A=b me@n1 x y": "n1: x y",
		"-xn n1 -- x":                            "n1 (no input): -- x",
		"-q -- n1 x":                             "n1: x",
		`n1 "/usr/bin/proxy" --control-port h:4`: `n1: "/usr/bin/proxy" --control-port h:4`,
		"n1":                                     "error",
		"":                                       "error",
		"-l":                                     "error",
	} {
		r, err := parseRemote(strings.Fields(in))
		got := "error"
		if err == nil {
			got = r.host + ": " + r.command
			if r.noInput {
				got = fmt.Sprintf("%s (no input): %s", r.host, r.command)
			}
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"ls\r":          "ls\r",
		"\r~.":          "\r LEFT",
		"~.":            " LEFT",
		"a~.":           "a~.",
		"\r~~.":         "\r~.",
		"\r~a":          "\r~a",
		"\n~\r~.":       "\n~\r LEFT",
		"cd ~/x\r~/bin": "cd ~/x\r~/bin",
	} {
		for _, size := range []int{1, 100} { // however it arrives
			var e escape
			got := ""
			for b := []byte(in); len(b) > 0; {
				n := min(size, len(b))
				pass, leave := e.filter(b[:n])
				got += string(pass)
				if leave {
					got += " LEFT"
					break
				}
				b = b[n:]
			}
			if got != want {
				t.Errorf("%q by %d: got %q, want %q", in, size, got, want)
			}
		}
	}
}

func TestNameOf(t *testing.T) {
	for in, want := range map[string]string{
		"hostname": "hostname", "/usr/bin/env": "env", "./a b.sh": "a-b.sh", "...": "run", "-": "run",
	} {
		if got := nameOf(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
