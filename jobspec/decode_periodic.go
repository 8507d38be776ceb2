package jobspec

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/schedule"
)

// What a periodic block that is silent means. Nomad too lets runs overlap, and makes
// up for one run after its servers were away.
const (
	defaultOverlap = model.OverlapAllow
	defaultCatchUp = model.CatchUpLatest
	defaultEpsilon = model.Duration(time.Minute)
)

func completePeriodic(p *model.Periodic) {
	if p == nil {
		return
	}
	fill(&p.Overlap, defaultOverlap)
	fill(&p.CatchUp, defaultCatchUp)
	fill(&p.Epsilon, defaultEpsilon)
	p.Keep = p.Keep.Or(model.DefaultKeepRuns)
}

// periodic decodes a periodic block.
func (n *node) periodic() *model.Periodic {
	p := &model.Periodic{}
	n.crons(p)
	if n.text("schedule", &p.Schedule) {
		_, fault := schedule.ParseRepeat(p.Schedule)
		n.scheduleFault("schedule", "schedule", n.d.at[n.field("schedule")], fault)
	}
	n.text("time_zone", &p.TimeZone)
	n.text("overlap", (*string)(&p.Overlap))
	var prohibit bool
	if n.flag("prohibit_overlap", &prohibit) {
		n.prohibit(prohibit, p)
	}
	n.text("catch_up", (*string)(&p.CatchUp))
	n.duration("epsilon", &p.Epsilon)
	n.flag("chained", &p.Chained)
	n.keep("keep_successful", "keep.successful", &p.Keep.Successful)
	n.keep("keep_failed", "keep.failed", &p.Keep.Failed)
	enabled := true
	n.flag("enabled", &enabled)
	p.Disabled = !enabled
	n.mark("disabled", n.d.at[n.field("enabled")])
	completePeriodic(p)
	return p
}

// keep reads how many ended runs are kept. None would leave nobody time to see how one
// ended.
func (n *node) keep(name, path string, into *int) {
	if !n.whole(name, into) {
		return
	}
	at := n.d.at[n.field(name)]
	n.mark(path, at)
	if *into == 0 {
		n.d.bad[n.field(path)] = true
		n.d.ds.at(at, fmt.Sprintf("%s is 0; it must be 1 to %d", name, model.MaxKeepRuns), "", "old runs leave the history after a while anyway")
	}
}

// crons reads cron, one expression, and crons, a list of them.
func (n *node) crons(p *model.Periodic) {
	var one string
	if v, at, ok := n.firm("cron", "cron"); ok && (v.Type().IsTupleType() || v.Type().IsListType()) {
		n.wrong("cron", "crons", at, "one expression", "write crons = […] for several", v)
	} else if ok && n.takeText("cron", v, at, &one) {
		n.d.at[n.field("crons")], n.d.at[n.field("crons[0]")] = at, at
		p.Crons = []string{one}
		_, fault := schedule.ParseCron(one)
		n.scheduleFault("cron", "crons", at, fault)
	}
	var list []string
	if !n.texts("crons", &list) {
		return
	}
	if p.Crons != nil {
		n.d.ds.at(n.block.body.Attributes["crons"].NameRange, "periodic has either cron or crons", "", "put all expressions into crons")
	}
	p.Crons = list
	for i, text := range list {
		at := n.elementAt("crons", i, n.d.at[n.field("crons")])
		n.d.at[n.field(fmt.Sprintf("crons[%d]", i))] = at
		if _, fault := schedule.ParseCron(text); fault != nil {
			n.scheduleFault("", "crons", n.d.part(at, text, fault.From, fault.To), fault)
		}
	}
}

// prohibit takes Nomad's prohibit_overlap as an overlap.
func (n *node) prohibit(on bool, p *model.Periodic) {
	at := n.d.at[n.field("prohibit_overlap")]
	want := model.OverlapAllow
	if on {
		want = model.OverlapForbid
	}
	if n.has("overlap") && p.Overlap != want {
		n.d.ds.at(at, fmt.Sprintf("prohibit_overlap = %t says otherwise than overlap = %q", on, p.Overlap), "", "remove it: overlap says more")
		return
	}
	if p.Overlap == "" {
		p.Overlap = want
		n.mark("overlap", at)
	}
}

// scheduleFault reports what is wrong with an expression at its place in it.
func (n *node) scheduleFault(name, path string, at hcl.Range, fault *schedule.Fault) {
	if fault == nil {
		return
	}
	n.d.bad[n.field(path)] = true
	if name != "" {
		at = n.within(name, at, fault.From, fault.To)
	}
	n.d.ds.at(at, fault.Message, "", fault.Hint)
}

// part narrows the place of a plainly written text to some of it.
func (d *decoder) part(at hcl.Range, text string, from, to int) hcl.Range {
	src := d.ds.sources[at.Filename]
	if at.End.Byte > len(src) || at.Start.Line != at.End.Line || to > len(text) || string(src[at.Start.Byte:at.End.Byte]) != quote(text) {
		return at
	}
	out := at
	out.Start.Byte, out.Start.Column = at.Start.Byte+1+from, at.Start.Column+1+from
	out.End.Byte, out.End.Column = at.Start.Byte+1+to, at.Start.Column+1+to
	return out
}
