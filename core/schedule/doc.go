// Package schedule says when a periodic job is due: cron expressions and ISO
// 8601 repetitions, by the wall clock of a time zone. It is pure: it reads
// no clock and no files, and takes a *time.Location that someone else loaded.
//
// Values are immutable once made, so any goroutine may use them.
//
// On the days when the clocks change it does as Vixie's cron(8), see docs/adr/0060:
// an expression that names times of the day (neither the minute nor the hour
// begins with *) follows the wall clock, runs right after the change where its time is
// skipped and once where it comes twice; all others follow real time.
package schedule
