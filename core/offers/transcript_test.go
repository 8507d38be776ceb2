package offers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
)

// TestTranscripts runs the scenarios in testdata: scripts of one call a line,
// and what they print. testdata/README.md says how to read and write them.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		s := &script{b: NewBook(), now: epoch, next: map[model.JobID]uint32{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			s.run(t, d.Pos, d.Cmd, d.CmdArgs)
			for line := range strings.Lines(d.Input) {
				line, _, _ = strings.Cut(line, " #")
				cmd, args, err := datadriven.ParseLine(line)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				s.run(t, d.Pos, cmd, args)
			}
			if s.out.Len() == 0 {
				return "ok"
			}
			return s.out.String()
		})
	})
}

// script is a book under a transcript, with the clock that the book has not.
type script struct {
	b    *Book
	now  time.Time
	seq  uint64
	next map[model.JobID]uint32 // index of a job's next task
	out  strings.Builder
}

func (s *script) printf(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// arguments of one call: words, and values by name.
type arguments struct {
	words  []string
	values map[string][]string
	order  []string // of values
}

func (a arguments) value(name, otherwise string) string {
	if v := a.values[name]; v != nil {
		return v[0]
	}
	return otherwise
}

func (a arguments) has(word string) bool { return slices.Contains(a.words, word) }

func (s *script) run(t *testing.T, pos, cmd string, args []datadriven.CmdArg) {
	t.Helper()
	commands := map[string]func(a arguments) error{
		"agents": s.agents, "down": s.down, "up": s.up, "remove": s.remove, "running": s.running, "end": s.end,
		"demand": s.demand, "drop": s.drop, "plan": s.plan, "accept": s.accept, "decline": s.decline,
		"why": s.why, "whatif": s.whatIf, "tick": s.tick, "nodes": s.nodes, "demands": s.demands, "offers": s.offers,
		"wake": s.wake, "holds": s.holds, "settings": s.settings, "role": s.role, "reserve": s.reserve, "shares": s.shares,
		"subscribe": s.subscribe, "unsubscribe": s.unsubscribe, "suppress": s.suppress, "revive": s.revive, "launch": s.launch,
	}
	f := commands[cmd]
	if f == nil {
		t.Fatalf("%s: there is no call %q", pos, cmd)
	}
	a := arguments{values: map[string][]string{}}
	for _, x := range args {
		if x.Vals == nil {
			a.words = append(a.words, x.Key)
			continue
		}
		a.values[x.Key] = append(a.values[x.Key], x.Vals...)
		a.order = append(a.order, x.Key)
	}
	if err := f(a); err != nil {
		t.Fatalf("%s: %s: %v", pos, cmd, err)
	}
	s.recalls()
	for _, w := range s.b.Withdrawn() {
		s.printf("withdrawn %s of %s: %s", w.Offer.ID, whose(&w.Offer), w.Reason)
	}
	if err := s.b.Audit(); err != nil {
		t.Fatalf("%s: %s: %v", pos, cmd, err)
	}
}

// names expands a1..a4.
func names(words []string) (out []string) {
	for _, w := range words {
		from, to, found := strings.Cut(w, "..")
		if !found {
			out = append(out, w)
			continue
		}
		stem := strings.TrimRight(from, "0123456789")
		lo, _ := strconv.Atoi(from[len(stem):])
		hi, _ := strconv.Atoi(strings.TrimPrefix(to, stem))
		for n := lo; n <= hi; n++ {
			out = append(out, stem+strconv.Itoa(n))
		}
	}
	return out
}

// quantity reads cpus=, memory= and disk= into r.
func quantity(r *model.Resources, name, text string) error {
	number := strings.TrimRight(text, "KMGTiB")
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return err
	}
	unit := map[string]float64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}[text[len(number):]]
	switch name {
	case "cpus":
		r.CPUMilli = int64(f * 1000)
	case "memory":
		r.MemoryBytes = int64(f * unit)
	case "disk":
		r.DiskBytes = int64(f * unit)
	case "gpus":
		r.GPUMilli = int64(f * 1000)
	default:
		return fmt.Errorf("there is no resource %q", name)
	}
	return nil
}

func (s *script) agents(a arguments) error {
	for _, n := range names(a.words) {
		info := model.AgentInfo{ID: model.AgentID("id-" + n), Name: n, Attributes: map[string]string{"node.unique.name": n}}
		for _, k := range a.order {
			if strings.Contains(k, ".") {
				info.Attributes[k] = a.values[k][0]
			} else if k == "gpus" {
				giveGPUs(&info, a.values[k][0])
			} else if k == "ports" {
				var r model.PortRange
				if _, err := fmt.Sscanf(a.values[k][0], "%d-%d", &r.First, &r.Last); err != nil {
					return err
				}
				info.Ports = append(info.Ports, r)
			} else if err := quantity(&info.Capacity, k, a.values[k][0]); err != nil {
				return err
			}
		}
		s.b.SetAgent(info)
	}
	return nil
}

func (s *script) each(a arguments, f func(id model.AgentID)) error {
	for _, n := range names(a.words) {
		f(model.AgentID("id-" + n))
	}
	return nil
}

func (s *script) down(a arguments) error {
	return s.each(a, func(id model.AgentID) { s.b.SetAvailable(id, false) })
}

func (s *script) up(a arguments) error {
	return s.each(a, func(id model.AgentID) { s.b.SetAvailable(id, true) })
}

func (s *script) remove(a arguments) error { return s.each(a, s.b.RemoveAgent) }

// tasks makes the attempts of n more tasks of job.
func (s *script) tasks(job model.JobID, n int) (out []model.Attempt) {
	for range n {
		out = append(out, model.Attempt{Index: s.next[job]})
		s.next[job]++
	}
	return out
}

// running a1 job=x cpus=8 [limit=30m] [count=2] [of=demand] [exclusive] [lasting]
func (s *script) running(a arguments) error {
	limit, err := time.ParseDuration(a.value("limit", "0s"))
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(a.value("count", "1"))
	if err != nil {
		return err
	}
	words := slices.DeleteFunc(slices.Clone(a.words), func(w string) bool { return w == "exclusive" || w == "preemptible" || w == "lasting" })
	for _, n := range names(words) {
		l := model.Launch{Agent: model.AgentID("id-" + n), Job: model.JobID(a.value("job", "x")), TimeLimit: model.Duration(limit)}
		l.Tasks = s.tasks(l.Job, count)
		for _, k := range []string{"cpus", "memory", "disk"} {
			if v := a.value(k, ""); v != "" {
				if err := quantity(&l.Shape.Resources, k, v); err != nil {
					return err
				}
			}
		}
		c := Claim{Key: Key{"batch", a.value("of", string(l.Job)), 0}, Exclusive: a.has("exclusive"),
			Role: a.value("role", ""), Preemptible: a.has("preemptible"), Lasting: a.has("lasting")}
		c.Priority, _ = strconv.Atoi(a.value("priority", "0"))
		grace, _ := time.ParseDuration(a.value("grace", "0s"))
		c.Grace = model.Duration(grace)
		if fw := a.value("framework", ""); fw != "" {
			c.Key = Key{Framework: model.FrameworkID(fw)}
		}
		s.b.Use(&l, c, s.now)
	}
	return nil
}

// end x [on=a1] [count=1]: tasks of job x end, the first ones first.
func (s *script) end(a arguments) error {
	job, left := model.JobID(a.words[0]), -1
	if n := a.value("count", ""); n != "" {
		left, _ = strconv.Atoi(n)
	}
	for i := range s.next[job] {
		id := model.TaskID{Job: job, Index: i}
		st := s.b.tasks.get(id)
		if st == nil || left == 0 || st.agent.info.Name != a.value("on", st.agent.info.Name) {
			continue
		}
		s.b.Release(id)
		left--
	}
	return nil
}

// parseDemand reads NAME [rank=N] [gang] [framework=F] [start=1m] [N×]cpus=…
// [memory=…] [per_agent=N] [exclusive] [lasting] [gpu] [where=(attribute op value, …)].
func (s *script) parseDemand(a arguments) (model.Demand, error) {
	d := model.Demand{Framework: model.FrameworkID(a.value("framework", "batch")), ID: a.words[0], Label: a.value("label", "")}
	d.AllOrNothing, d.Preemptible, d.Lasting = a.has("gang"), a.has("preemptible"), a.has("lasting")
	g := model.DemandGroup{Count: 1, Exclusive: a.has("exclusive")}
	if a.has("gpu") {
		if err := askGPUs(&g.Shape, "1"); err != nil {
			return d, err
		}
	}
	for _, k := range a.order {
		v := a.values[k][0]
		var err error
		switch n, kind, times := strings.Cut(k, "×"); {
		case times:
			if g.Count, err = strconv.Atoi(n); err == nil && kind == "gpus" {
				err = askGPUs(&g.Shape, v)
			} else if err == nil && kind == "ports" {
				g.Shape.Ports = askPorts(a.values[k])
			} else if err == nil {
				err = quantity(&g.Shape.Resources, kind, v)
			}
		case k == "rank":
			d.Rank, err = strconv.ParseInt(v, 10, 64)
		case k == "seq":
			d.Seq, err = strconv.ParseUint(v, 10, 64)
		case k == "per_agent":
			g.MaxPerAgent, err = strconv.Atoi(v)
		case k == "time_limit":
			var limit time.Duration
			limit, err = time.ParseDuration(v)
			d.TimeLimit = model.Duration(limit)
		case k == "start":
			var in time.Duration
			in, err = time.ParseDuration(v)
			d.EarliestStart = s.now.Add(in)
		case k == "where":
			g.Constraints = constraints(a.values[k])
		case k == "gpus":
			err = askGPUs(&g.Shape, v)
		case k == "model":
			g.Shape.GPUs[0].Model = v
		case k == "topology":
			g.Topology = v
		case k == "placement":
			d.Placement = model.Placement(v)
		case k == "ports":
			g.Shape.Ports = askPorts(a.values[k])
		case k == "priority":
			d.Priority, err = strconv.Atoi(v)
			d.Rank = int64(d.Priority)
		case k == "role":
			d.Role = v
		case k == "grace":
			var grace time.Duration
			grace, err = time.ParseDuration(v)
			d.Grace = model.Duration(grace)
		case k == "framework" || k == "label":
		default:
			err = quantity(&g.Shape.Resources, k, v)
		}
		if err != nil {
			return d, err
		}
	}
	d.Groups = []model.DemandGroup{g}
	return d, nil
}

// constraints reads "attribute op value" each; an attribute with a dot is a
// reference unless it is quoted.
func constraints(texts []string) (out []model.Constraint) {
	for _, text := range texts {
		f := strings.Fields(text)
		switch {
		case len(f) == 1:
			out = append(out, model.Constraint{Operator: f[0]})
			continue
		case strings.Contains(f[0], ".") && !strings.Contains(f[0], `"`):
			f[0] = "${" + f[0] + "}"
		}
		out = append(out, model.Constraint{Attribute: strings.Trim(f[0], `"`), Operator: f[1], Value: strings.Join(f[2:], " ")})
	}
	return out
}

func (s *script) demand(a arguments) error {
	d, err := s.parseDemand(a)
	if d.Seq == 0 {
		s.seq++
		d.Seq = s.seq
	}
	s.b.SetDemand(d)
	return err
}

// find returns the demand of a name, whoever's it is.
func (s *script) find(name string) (model.Demand, error) {
	for _, d := range s.b.Demands() {
		if d.ID == name {
			return d, nil
		}
	}
	return model.Demand{}, fmt.Errorf("there is no demand %s", name)
}

func (s *script) drop(a arguments) error {
	d, err := s.find(a.words[0])
	s.b.DropDemand(d.Framework, d.ID)
	return err
}

func (s *script) tick(a arguments) error {
	d, err := time.ParseDuration(a.words[0])
	s.now = s.now.Add(d)
	return err
}
