package agent

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestMastersInTurn(t *testing.T) {
	m := masters{addresses: []string{"a", "b", "c"}, rand: rand.New(rand.NewPCG(1, 2))}
	var got []string
	next := func(hint string) {
		got = append(got, m.address())
		m.failed(hint)
	}
	for range 4 {
		next("")
	}
	next("leader")
	next("")
	got = append(got, m.address())
	if s := fmt.Sprint(got); s != "[a b c a b leader c]" {
		t.Error(s)
	}
}

func TestMastersBackOff(t *testing.T) {
	m := masters{addresses: []string{"a", "b", "c"}, rand: rand.New(rand.NewPCG(1, 2))}
	if d := m.failed("b"); d != 0 {
		t.Errorf("a leader that was named is tried after %v", d)
	}
	m.failed("c")
	if d := m.failed("b"); d == 0 {
		t.Error("masters that name each other are asked without a pause")
	}
	var sum time.Duration
	for range patientTries - 3 {
		d := m.failed("")
		if d > retryMost {
			t.Errorf("try %d comes after %v", m.tries, d)
		}
		sum += d
	}
	if sum < 15*time.Second {
		t.Errorf("only %v of asking often", sum)
	}
	for range 50 {
		m.failed("")
	}
	if d := m.failed(""); d < retrySlow/2 || d > retrySlow {
		t.Errorf("after long, a try comes after %v", d)
	}
	m.registered()
	if d := m.failed(""); d > 2*retryFirst {
		t.Errorf("after a loss, the first try comes after %v", d)
	}
}

func TestConfig(t *testing.T) {
	good := Config{DataDir: "/x", Masters: []string{"m1:7650", "[::1]:7650"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	bad := Config{
		Masters: []string{"m1", ":7650", "m1:"}, Name: strings.Repeat("x", 200), CPUMilli: -1,
		RecoveryTimeout: -1, Keep: Keep{MaxDiskUsedPercent: 101}, Meta: map[string]string{"a b": "c"},
	}
	err := bad.Validate()
	for _, want := range []string{
		"data directory is missing", `master address "m1"`, `master address ":7650"`, `master address "m1:"`,
		"node name of 200 bytes", "cpus must not be negative", "recovery timeout", "percent", `meta name "a b"`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in %v", want, err)
		}
	}
	c, err := Config{DataDir: "x"}.withDefaults()
	if err != nil || !strings.HasPrefix(c.DataDir, "/") || c.Keep != DefaultKeep || c.RecoveryTimeout != DefaultRecoveryTimeout {
		t.Errorf("defaults: %+v, %v", c, err)
	}
}
