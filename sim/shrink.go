package sim

import "slices"

// Shrink looks for fewer jobs, faults and agents with which a failing run still
// breaks the same invariant, in at most that many runs. It returns what it found
// and how many runs it took.
func Shrink(o Options, runs int) (Options, int) {
	s := &shrinker{left: runs}
	s.want = s.breaks(o)
	if s.want == "" {
		return o, runs - s.left
	}
	// Another number of agents is another run altogether, so it comes first.
	full := o.withDefaults()
	o.Agents, o.Length, o.Flavour = full.Agents, full.Length, full.Flavour
	if o.Jobs == nil && o.Faults == nil {
		for n := range 4 {
			less := o
			less.Agents = 2 << n
			if less.Agents < o.Agents && s.breaks(less) == s.want {
				o.Agents = less.Agents
				break
			}
		}
	}
	full = o
	if o.Jobs == nil {
		for _, p := range planJobs(full, newWorld(full).hosts) {
			o.Jobs = append(o.Jobs, p.num)
		}
	}
	if o.Faults == nil {
		o.Faults = []int{}
		for _, f := range planFaults(full) {
			o.Faults = append(o.Faults, f.num)
		}
	}
	for round := 0; round < 2; round++ {
		o.Faults = s.fewer(o.Faults, func(keep []int) Options { x := o; x.Faults = keep; return x })
		o.Jobs = s.fewer(o.Jobs, func(keep []int) Options { x := o; x.Jobs = keep; return x })
	}
	return o, runs - s.left
}

type shrinker struct {
	want string
	left int
}

// breaks returns which invariant o breaks, "" if none.
func (s *shrinker) breaks(o Options) string {
	if s.left <= 0 {
		return ""
	}
	s.left--
	o.Log = nil
	r, err := Run(o)
	if err != nil || r.Failure == nil {
		return ""
	}
	return r.Failure.Invariant
}

// fewer leaves out parts of a list as long as the failure stays: halves first,
// then smaller parts (Zeller's ddmin without its complements).
func (s *shrinker) fewer(keep []int, with func([]int) Options) []int {
	for part := max(len(keep)/2, 1); ; part /= 2 {
		for from := 0; from < len(keep); {
			rest := slices.Concat(keep[:from], keep[min(from+part, len(keep)):])
			if s.breaks(with(rest)) == s.want {
				keep = rest
			} else {
				from += part
			}
		}
		if part <= 1 {
			return keep
		}
	}
}
