package agent

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

const (
	// sampleEvery is how often the devices are looked at for the master.
	sampleEvery = 15 * time.Second
	// sampleOften is how often while tasks with devices run.
	sampleOften = 5 * time.Second
	// sampleSoon is within what time a task that has started is looked at, and so
	// also how often the devices are looked at at most.
	sampleSoon = time.Second
)

// sampler says when the devices are looked at.
type sampler struct {
	often *atomic.Bool
	soon  chan struct{} // holds one if somebody has asked
}

func newSampler() sampler { return sampler{new(atomic.Bool), make(chan struct{}, 1)} }

// ask has the devices looked at soon, if tasks are to be seen, and from then on often or not.
func (s sampler) ask(often bool) {
	s.often.Store(often)
	if !often {
		return
	}
	select {
	case s.soon <- struct{}{}:
	default:
	}
}

func (s sampler) every() time.Duration {
	if s.often.Load() {
		return sampleOften
	}
	return sampleEvery
}

// sampleGPUs feeds what goes on on the devices to the machine until ctx ends. A
// driver that cannot say is asked again, and complained of once.
func (l *Loop) sampleGPUs(ctx context.Context) {
	due := time.Now().Add(sampleSoon) // so that the first who look see something
	timer := time.NewTimer(sampleSoon)
	defer timer.Stop()
	complained := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.sampler.soon:
			if at := time.Now().Add(sampleSoon); at.Before(due) {
				due = at
				timer.Reset(sampleSoon)
			}
			continue
		case <-timer.C:
		}
		due = time.Now().Add(l.sampler.every())
		timer.Reset(l.sampler.every())
		all, err := l.GPUs.Usage()
		if err != nil {
			if !complained {
				l.Log.Warn("what goes on on the GPUs is not known", "error", err)
			}
			complained = true
			continue
		}
		complained = false
		at := time.Now()
		samples := make(map[string]model.GPUSample, len(all))
		for i := range all {
			samples[all[i].UUID] = sampleOf(&all[i], at.UTC())
		}
		l.inbox.put(event{input: GPUUsage{at, all, samples}})
	}
}
