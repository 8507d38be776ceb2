package replay

import (
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// priority is that of all jobs: logs have none.
const priority = 50

// specOf makes the job that a record stands for. On a machine of one node it is
// one task with all the processors; on several a gang of tasks with one each.
func specOf(j *job, nodes int) *model.Job {
	var s struct { // in one piece of memory
		job    model.Job
		groups [1]model.Group
		tasks  [1]model.TaskSpec
	}
	g := &s.groups[0]
	*g = model.Group{Name: "all", Count: 1, Restart: model.RestartPolicy{Mode: model.RestartFail}, Tasks: s.tasks[:]}
	cpus := int64(j.Procs)
	if nodes > 1 {
		g.Count, g.Gang, cpus = j.Procs, &model.Gang{Ranks: 1}, 1
	}
	s.tasks[0] = model.TaskSpec{Name: "all", Resources: model.TaskResources{CPUMilli: cpus * 1000}}
	s.job = model.Job{
		Name: nameOf(j), Type: model.JobBatch, Role: "log", Priority: priority,
		TimeLimit: model.Duration(time.Duration(j.Limit) * time.Second),
		Groups:    s.groups[:],
	}
	return &s.job
}

// nameOf tells programs apart by letters: digits do not make a job's kind.
func nameOf(j *job) string {
	if j.Executable < 0 {
		return "job"
	}
	name := []byte("app-")
	for n := j.Executable; ; n /= 26 {
		if name = append(name, byte('a'+n%26)); n < 26 {
			return string(name)
		}
	}
}

func userOf(j *job) string {
	if j.User < 0 {
		return ""
	}
	return "user" + strconv.FormatInt(j.User, 10)
}
