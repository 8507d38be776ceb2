package service

import (
	"fmt"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

func benchService(name string, count int) *model.Job {
	return &model.Job{
		Name: name, Type: model.JobService, Role: model.DefaultRole, Priority: model.DefaultPriority,
		Groups: []model.Group{{Name: "g", Count: count, Tasks: []model.TaskSpec{{
			Name: "run", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"},
			Resources: model.TaskResources{CPUMilli: 100, MemoryBytes: 16 << 20},
		}}}},
	}
}

// BenchmarkSubmitAmongMany is a new version of one service of two tasks among so many
// others: it is to cost the same however many there are.
func BenchmarkSubmitAmongMany(b *testing.B) {
	for _, n := range []int{100, 10_000, 49_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f, err := New(DefaultConfig())
			if err != nil {
				b.Fatal(err)
			}
			f.Step(sdktest.Start, model.Leading{})
			for i := range n {
				name := fmt.Sprintf("s%05d", i)
				e := f.Step(sdktest.Start, model.Request{ID: 1, Body: model.Submit{ID: model.JobID(name), Job: benchService(name, 2)}})
				if e.Replies[0].Err != nil {
					b.Fatal(e.Replies[0].Err)
				}
			}
			jobs := [2]*model.Job{benchService("s00007", 2), benchService("s00007", 2)}
			jobs[1].Groups[0].Tasks[0].Config.Command = "/bin/false"
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				f.Step(sdktest.Start, model.Request{ID: 2, Body: model.Submit{Job: jobs[i%2]}})
			}
		})
	}
}
