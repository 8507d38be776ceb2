package cron

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// A chained schedule has no due times: its runs follow those of the jobs it depends on.
// A round is what one due time of a root gives rise to, and goes by that time all the
// way down, so that a diamond's ends meet even if one of its sides is a round behind.
// Where the parents have several roots there are no such common rounds: a round is then
// complete as soon as every parent has ended a run since the last one.

// outcome is what a chained schedule has heard of one run of a parent.
type outcome struct {
	Parent string    `json:"parent"` // as in depends_on
	Round  time.Time `json:"round"`
	Run    int       `json:"run,omitempty"`
	End    endKind   `json:"end"`
	Used   bool      `json:"used,omitempty"` // by a round that is decided
}

type endKind string

const (
	endStarted endKind = "started"
	endOK      endKind = "ok"
	endFailed  endKind = "failed"
	endSkipped endKind = "skipped"
)

// maxHeard bounds what is remembered of each parent.
const maxHeard = 64

// verdict is how a run of a parent stands to a condition.
type verdict uint8

const (
	verdictOpen verdict = iota
	verdictMet
	verdictNot
)

func (o *outcome) verdict(kind model.DependencyKind) verdict {
	met := false
	switch {
	case o.End == endSkipped:
	case kind == model.DependStarted:
		met = true
	case o.End == endStarted:
		return verdictOpen
	case kind == model.DependOK:
		met = o.End == endOK
	case kind == model.DependFailed:
		met = o.End == endFailed
	default:
		met = true
	}
	if met {
		return verdictMet
	}
	return verdictNot
}

// childrenOf returns the chained schedules that depend on e.
func (f *Framework) childrenOf(e *entry) []*entry {
	if f.children == nil {
		f.children = map[string][]*entry{}
		for _, c := range f.order {
			if c.ended() || !c.chained() {
				continue
			}
			for _, d := range c.Job.DependsOn {
				f.children[d.Job] = append(f.children[d.Job], c)
			}
		}
	}
	byName, byID := f.children[e.Job.Name], f.children[string(e.ID)]
	if len(byID) == 0 {
		return byName
	}
	return slices.Concat(byName, byID)
}

func (f *Framework) touchChildren(e *entry) {
	for _, c := range f.childrenOf(e) {
		f.out.touch(c)
	}
}

// tellChildren folds what became of a run into what the schedules after it have heard.
func (f *Framework) tellChildren(e *entry, o outcome) {
	for _, c := range f.childrenOf(e) {
		for _, d := range c.Job.DependsOn {
			if d.Job == e.Job.Name || d.Job == string(e.ID) {
				o.Parent = d.Job
				c.hear(o)
			}
		}
	}
}

func (e *entry) hear(o outcome) {
	e.frozen = nil
	of := 0
	for i := range e.Heard {
		if h := &e.Heard[i]; h.Parent == o.Parent {
			if of++; h.Round.Equal(o.Round) {
				o.Used = h.Used
				*h = o
				return
			}
		}
	}
	if of >= maxHeard {
		i := slices.IndexFunc(e.Heard, func(h outcome) bool { return h.Parent == o.Parent })
		e.Heard = slices.Delete(e.Heard, i, i+1)
	}
	e.Heard = append(e.Heard, o)
}

// consume marks what a decided round was made of.
func (e *entry) consume(round time.Time, joined bool) {
	for i := range e.Heard {
		if h := &e.Heard[i]; h.Round.Equal(round) || joined && h.Round.Before(round) {
			h.Used = true
		}
	}
}

// completeRounds decides the rounds of which every parent's run has ended.
func (f *Framework) completeRounds(e *entry) {
	for e.chained() && f.out.spawned < f.cfg.StepRuns {
		round, joined, ok := f.completeRound(e)
		if !ok {
			return
		}
		d := decision{Due: round, Cause: model.RunParents, Joined: joined}
		switch not := e.notMet(round, joined); {
		case e.paused():
			f.skip(e, d, time.Time{}, 1, "the schedule is paused")
		case not != "":
			f.skip(e, d, time.Time{}, 1, not)
		default:
			f.start(e, d)
		}
	}
}

// completeRound returns the earliest round in which every condition is decided.
func (f *Framework) completeRound(e *entry) (round time.Time, joined, ok bool) {
	if joined = len(e.Job.DependsOn) > 1 && len(f.roots(e)) > 1; joined {
		for i := range e.Job.DependsOn {
			o := e.latest(&e.Job.DependsOn[i], time.Time{})
			if o == nil {
				return round, joined, false
			}
			round = laterOf(round, o.Round)
		}
		return round, joined, true
	}
	for i := range e.Heard {
		at := e.Heard[i].Round
		if e.Heard[i].Used || ok && !at.Before(round) {
			continue
		}
		all := true
		for k := range e.Job.DependsOn {
			all = all && e.latest(&e.Job.DependsOn[k], at) != nil
		}
		if all {
			round, ok = at, true
		}
	}
	return round, joined, ok
}

// latest returns the latest unused outcome that decides a condition, of one round if
// that is not zero.
func (e *entry) latest(d *model.Dependency, round time.Time) (best *outcome) {
	for i := range e.Heard {
		h := &e.Heard[i]
		if h.Parent != d.Job || h.Used || h.verdict(d.Kind) == verdictOpen || !round.IsZero() && !h.Round.Equal(round) {
			continue
		}
		if best == nil || h.Round.After(best.Round) {
			best = h
		}
	}
	return best
}

// notMet says which condition of a complete round does not hold, empty if all do.
func (e *entry) notMet(round time.Time, joined bool) string {
	if joined {
		round = time.Time{}
	}
	for i := range e.Job.DependsOn {
		d := &e.Job.DependsOn[i]
		o := e.latest(d, round)
		if o.verdict(d.Kind) == verdictMet {
			continue
		}
		if o.End == endSkipped {
			return fmt.Sprintf("%s had no run in this round", d.Job)
		}
		return fmt.Sprintf("run %d of %s %s, and the condition is %q", o.Run, d.Job, endWords[o.End], d.Kind)
	}
	return ""
}

var endWords = map[endKind]string{endOK: "succeeded", endFailed: "failed", endStarted: "started"}

// parent finds the schedule that a dependency is on.
func (f *Framework) parent(d *model.Dependency) *entry {
	if e := f.live(d.Job); e != nil {
		return e
	}
	if e := f.entries[model.JobID(d.Job)]; e != nil && !e.ended() {
		return e
	}
	return nil
}

// roots returns the names of the schedules at the beginning of e's part of the DAG.
func (f *Framework) roots(e *entry) map[string]bool {
	out, seen := map[string]bool{}, map[*entry]bool{}
	var walk func(*entry)
	walk = func(e *entry) {
		if seen[e] {
			return
		}
		seen[e] = true
		if !e.chained() {
			out[e.Job.Name] = true
			return
		}
		for i := range e.Job.DependsOn {
			if p := f.parent(&e.Job.DependsOn[i]); p != nil {
				walk(p)
			}
		}
	}
	walk(e)
	return out
}

// checkParents refuses a chained job that depends on what is not scheduled, or on itself
// by way of others.
func (f *Framework) checkParents(job *model.Job) *model.Refusal {
	for i := range job.DependsOn {
		d := &job.DependsOn[i]
		if d.Job != job.Name && f.parent(d) == nil {
			return f.noParent(job, d)
		}
	}
	if cycle := f.cycle(job); cycle != nil {
		return model.Refuse(model.ReasonInvalidJob, "job %q would follow itself: %s", job.Name, strings.Join(cycle, " → "))
	}
	return nil
}

func (f *Framework) noParent(job *model.Job, d *model.Dependency) *model.Refusal {
	r := model.Refuse(model.ReasonInvalidJob, "job %q is to run after %q, which is no scheduled job; submit that one first", job.Name, d.Job)
	live := slices.DeleteFunc(slices.Clone(f.order), func(e *entry) bool { return e.ended() })
	near := sdk.Find(live, (*entry).found, func(model.JobID) (*entry, bool) { return nil, false }, d.Job)
	for _, n := range near.Jobs {
		r.Details = append(r.Details, fmt.Sprintf("%s %s (%s)", n.ID, n.Name, n.State))
	}
	if len(near.Jobs) > 0 {
		r.Message += fmt.Sprintf("; did you mean %q?", near.Jobs[0].Name)
	}
	return r
}

// cycle returns the schedules of a cycle that job would close, in the order in which
// they would run, nil if there is none.
func (f *Framework) cycle(job *model.Job) []string {
	seen := map[string]bool{}
	var walk func(name string, deps []model.Dependency) []string
	walk = func(name string, deps []model.Dependency) []string {
		for i := range deps {
			next := deps[i].Job
			p := f.parent(&deps[i])
			if p != nil {
				next = p.Job.Name
			}
			if next == job.Name {
				return []string{next, name}
			}
			if p == nil || seen[next] || !p.chained() {
				continue
			}
			seen[next] = true
			if path := walk(next, p.Job.DependsOn); path != nil {
				return append(path, name)
			}
		}
		return nil
	}
	return walk(job.Name, job.DependsOn)
}

// parentNames and childNames are for people.
func (e *entry) parentNames() (out []string) {
	if e.chained() {
		for _, d := range e.Job.DependsOn {
			out = append(out, d.Job)
		}
	}
	return out
}

func (f *Framework) childNames(e *entry) []string {
	names := map[string]bool{}
	for _, c := range f.childrenOf(e) {
		names[c.Job.Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}
