package sdk

import "time"

// Micros is a time as microseconds since 1970; 0 = no time. What is folded has no
// finer times, so that the journal's form of it loses nothing.
type Micros int64

// MicrosOf returns t without what is finer than a microsecond.
func MicrosOf(t time.Time) Micros {
	if t.IsZero() {
		return 0
	}
	return Micros(t.UnixMicro())
}

// Time returns the time in UTC; the zero time for 0.
func (m Micros) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// Add returns the time d later.
func (m Micros) Add(d time.Duration) Micros { return m + Micros(d.Microseconds()) }

// Since returns the time from o to m.
func (m Micros) Since(o Micros) time.Duration { return time.Duration(m-o) * time.Microsecond }
