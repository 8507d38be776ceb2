package model

import (
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h Histogram
	for _, d := range []time.Duration{-time.Second, 2 * time.Millisecond, 3 * time.Millisecond, time.Hour} {
		h.Observe(d)
	}
	if h.Buckets[0] != 2 || h.Buckets[1] != 1 || h.Count != 4 || h.Sum != time.Hour+5*time.Millisecond {
		t.Errorf("%+v", h)
	}
}
