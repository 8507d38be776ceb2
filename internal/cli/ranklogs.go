package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// maxRanksFollowed is how many ranks' output `tender logs -f` copies at once.
const maxRanksFollowed = 128

// parseRanks reads a list such as "0,2,5-7".
func parseRanks(s string) ([]uint32, error) {
	var out []uint32
	seen := map[uint32]bool{}
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 32)
		b, err2 := strconv.ParseUint(last, 10, 32)
		if err1 != nil || err2 != nil || b < a || b-a > model.MaxCount {
			return nil, fmt.Errorf("%q: want ranks such as 3, 0-3 or 0,2,5-7", s)
		}
		for n := a; n <= b; n++ {
			if !seen[uint32(n)] {
				seen[uint32(n)] = true
				out = append(out, uint32(n))
			}
		}
	}
	return out, nil
}

// ranksToShow says which ranks a query is about; none means that it is about a
// task as such.
func ranksToShow(view model.JobView, q logQuery) (*model.Group, []uint32, error) {
	if view.Spec == nil {
		return nil, nil, nil
	}
	g := view.Spec.FindGang(q.group)
	if g == nil || q.task != "" && q.ranks == "" {
		if q.ranks != "" {
			return nil, nil, model.Refuse(model.ReasonBadRequest, "job %s has no gang%s, so it has no ranks: --index chooses a task", view.ID, inGroup(q.group))
		}
		return nil, nil, nil
	}
	world := uint32(g.WorldSize())
	switch {
	case q.ranks != "":
		ranks, err := parseRanks(q.ranks)
		if err != nil {
			return nil, nil, err
		}
		for _, n := range ranks {
			if n >= world {
				return nil, nil, model.Refuse(model.ReasonNotFound, "group %q of job %s has the ranks 0 to %d, not %d", g.Name, view.ID, world-1, n)
			}
		}
		return g, ranks, nil
	case q.index >= 0:
		per := uint32(g.Ranks())
		return g, span32(uint32(q.index)*per, per), nil
	case q.group == "" && &view.Spec.Groups[0] != g:
		return nil, nil, nil // the first group is not it
	}
	return g, span32(0, world), nil
}

func inGroup(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" called %q", name)
}

func span32(first, n uint32) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = first + uint32(i)
	}
	return out
}

// rankLogs prints the output of several ranks, each line with its rank before it:
// following, as it comes; else one rank after another.
func (a *app) rankLogs(ctx context.Context, c *client.Client, r model.ReadLog, ranks []uint32, tail int) error {
	if r.Follow && len(ranks) > maxRanksFollowed {
		a.note("following the first %d of %s; --rank chooses others", maxRanksFollowed, plural(len(ranks), "rank"))
		ranks = ranks[:maxRanksFollowed]
	}
	var mu sync.Mutex // a line is never torn apart by another rank's
	one := func(n uint32) error {
		mine := r
		mine.Rank = &n
		to := &prefixer{w: a.Stdout, mu: &mu, prefix: fmt.Sprintf("[%d] ", n)}
		defer to.flush()
		return showLog(ctx, c, mine, tail, to)
	}
	errs := make([]error, len(ranks))
	if !r.Follow {
		for i, n := range ranks {
			if errs[i] = one(n); fatal(errs[i]) {
				return errs[i]
			}
		}
	} else {
		var wg sync.WaitGroup
		for i, n := range ranks {
			wg.Go(func() { errs[i] = one(n) })
		}
		wg.Wait()
	}
	return a.rankTrouble(ranks, errs)
}

// fatal tells what is wrong with one rank's output from what is wrong with all.
func fatal(err error) bool {
	_, refused := errors.AsType[*model.Refusal](err)
	return err != nil && !refused
}

// rankTrouble says of which ranks there was nothing to show. It is an error if
// there was of none.
func (a *app) rankTrouble(ranks []uint32, errs []error) error {
	var first error
	bad := 0
	for i, err := range errs {
		if err == nil {
			continue
		}
		if bad++; first == nil {
			first = err
		}
		if bad <= 3 && !errors.Is(err, context.Canceled) {
			a.note("rank %d: %v", ranks[i], err)
		}
	}
	if bad > 3 {
		a.note("and %d more ranks", bad-3)
	}
	if bad == len(ranks) {
		return first
	}
	return nil
}

// showLog prints one log, or its last lines.
func showLog(ctx context.Context, c *client.Client, r model.ReadLog, tail int, to io.Writer) error {
	if tail >= 0 {
		return tailLog(ctx, c, r, tail, to)
	}
	return copyLog(ctx, c, r, to)
}
