package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/tender-scheduler/tender/core/model"
)

// defaultFollowed is how many tasks' output --follow copies: each takes two streams.
const defaultFollowed = 16

// startFollowing opens the output of all tasks of the job, before they start.
func (w *watch) startFollowing(ctx context.Context) (*followed, error) {
	view, err := w.client.Job(ctx, string(w.id))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &followed{cancel: cancel}
	var out, errs sync.Mutex // a line is never torn apart by another task's
	total := 0
	for gi := range view.Spec.Groups {
		total += speakers(&view.Spec.Groups[gi])
	}
	opened, most := 0, cmp.Or(w.maxFollowed, defaultFollowed)
	for gi := range view.Spec.Groups {
		g := &view.Spec.Groups[gi]
		if g.Gang != nil && g.Gang.Launch != model.LaunchMPIRun && g.WorldSize() > 1 {
			n := w.followRanks(ctx, f, g, len(view.Spec.Groups) > 1, most-opened, &out, &errs)
			opened, total = opened+n, total+g.WorldSize()-g.Size()
			continue
		}
		for n := 0; n < speakers(g) && opened < most; n++ {
			opened++
			prefix := ""
			switch {
			case total > 1 && w.prefix != nil:
				prefix = w.prefix(g, g.IndexAt(n))
			case total > 1:
				prefix = fmt.Sprintf("%s[%d] ", g.Name, g.IndexAt(n))
			}
			stdout := model.ReadLog{Selector: string(w.id), Group: g.Name, Index: g.IndexAt(n), Follow: true}
			stderr := stdout
			stderr.Stderr = true
			f.wg.Go(func() { w.copyLog(ctx, f, stdout, &prefixer{w: w.Stdout, mu: &out, prefix: prefix}) })
			f.wg.Go(func() { w.copyLog(ctx, f, stderr, &prefixer{w: w.Stderr, mu: &errs, prefix: prefix}) })
		}
	}
	if opened < total {
		w.note("following the first %d of %s; tender logs %s --index N -f follows another", opened, plural(total, "task"), w.id)
	}
	return f, nil
}

// speakers is how many of a group's tasks may print something: those that hold
// room for what an mpirun starts do not.
func speakers(g *model.Group) int {
	if g.HoldsIndex(1) {
		return 1
	}
	return g.Size()
}

// followRanks opens the output of a gang's ranks, at most so many.
func (w *watch) followRanks(ctx context.Context, f *followed, g *model.Group, several bool, most int, out, errs *sync.Mutex) int {
	n := min(g.WorldSize(), max(most, 0))
	for i := range n {
		rank := uint32(i)
		prefix := fmt.Sprintf("[%d] ", i)
		if several {
			prefix = g.Name + prefix
		}
		stdout := model.ReadLog{Selector: string(w.id), Group: g.Name, Rank: &rank, Follow: true}
		stderr := stdout
		stderr.Stderr = true
		f.wg.Go(func() { w.copyLog(ctx, f, stdout, &prefixer{w: w.Stdout, mu: out, prefix: prefix}) })
		f.wg.Go(func() { w.copyLog(ctx, f, stderr, &prefixer{w: w.Stderr, mu: errs, prefix: prefix}) })
	}
	return n
}

// copyLog prints one stream. A task that never started has none.
func (w *watch) copyLog(ctx context.Context, f *followed, r model.ReadLog, to *prefixer) {
	err := copyLog(ctx, w.client, r, to)
	to.flush()
	if refusal, ok := errors.AsType[*model.Refusal](err); ok && refusal.Reason == model.ReasonNotFound {
		return
	}
	if err != nil && ctx.Err() == nil {
		f.fail(err)
	}
}

// prefixer writes whole lines with a prefix each; without one it writes what comes.
type prefixer struct {
	w      io.Writer
	mu     *sync.Mutex
	prefix string
	rest   []byte // of a line whose end has not come yet
}

func (p *prefixer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.prefix == "" {
		return p.w.Write(b)
	}
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			p.rest = append(p.rest, b...)
			return n, nil
		}
		line := append(append([]byte(p.prefix), p.rest...), b[:i+1]...)
		p.rest, b = p.rest[:0], b[i+1:]
		if _, err := p.w.Write(line); err != nil {
			return 0, err
		}
	}
}

// flush ends a last line that has no newline.
func (p *prefixer) flush() {
	if len(p.rest) > 0 {
		_, _ = p.Write([]byte("\n"))
	}
}
