package service

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// micros is a time as microseconds since 1970; 0 = none. What is folded has no
// finer times, so that the journal's form loses nothing.
type micros int64

func microsOf(t time.Time) micros {
	if t.IsZero() {
		return 0
	}
	return micros(t.UnixMicro())
}

func (m micros) time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// add returns the time d later.
func (m micros) add(d model.Duration) micros { return m + micros(d.Std().Microseconds()) }

// since returns the time from o to m.
func (m micros) since(o micros) time.Duration { return time.Duration(m-o) * time.Microsecond }
