package jobspec

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// Canonical returns the job as JSON: the same bytes for the same job, with maps
// sorted, no spaces and no escapes but those JSON needs. It is what the journal
// keeps, and what model.MaxJobBytes bounds.
func Canonical(j *model.Job) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(j); err != nil {
		panic("jobspec: a job is plain data and always encodes: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Complete fills in what a job that came as JSON may leave out: everything
// whose zero value means nothing. Resources are left as they are, since 0 is a
// value there. A job from Parse is complete.
func Complete(j *model.Job) {
	fill(&j.Type, model.JobBatch)
	fill(&j.Role, model.DefaultRole)
	completeConstraints(j.Constraints)
	completePreferences(j.Affinities, j.Spreads)
	completePeriodic(j.Periodic)
	for i := range j.Groups {
		g := &j.Groups[i]
		fill(&g.Count, 1)
		fill(&g.Restart.Mode, model.RestartFail)
		completeRollout(j.Type, g)
		completeConstraints(g.Constraints)
		completePreferences(g.Affinities, g.Spreads)
		if g.Network != nil && len(g.Network.Ports) == 0 {
			g.Network = nil
		}
		if g.Network != nil {
			slices.SortStableFunc(g.Network.Ports, func(a, b model.Port) int { return cmp.Compare(a.Label, b.Label) })
		}
		if g.Gang != nil {
			fill(&g.Gang.Launch, "none")
			fill(&g.Gang.Ranks, 1)
		}
		completeServices(j, g)
		for k := range g.Tasks {
			completeTask(&g.Tasks[k])
		}
	}
	slices.SortStableFunc(j.DependsOn, func(a, b model.Dependency) int {
		return bytes.Compare([]byte(a.Job), []byte(b.Job))
	})
}

func completeTask(t *model.TaskSpec) {
	fill(&t.Driver, model.DriverExec)
	fill(&t.KillSignal, defaultKillSignal)
	t.KillSignal = canonicalSignal(t.KillSignal)
	fill(&t.Logs.MaxFiles, defaultLogFiles)
	fill(&t.Logs.MaxFileBytes, defaultLogFileBytes)
	completeConstraints(t.Constraints)
	completePreferences(t.Affinities, nil)
	for i := range t.Artifacts {
		fill(&t.Artifacts[i].Destination, defaultArtifactDestination)
		fill(&t.Artifacts[i].Mode, defaultArtifactMode)
	}
	for i := range t.Templates {
		fill(&t.Templates[i].Perms, defaultTemplatePerms)
		fill(&t.Templates[i].LeftDelim, defaultLeftDelimiter)
		fill(&t.Templates[i].RightDelim, defaultRightDelimiter)
	}
}

func completeConstraints(cs []model.Constraint) {
	for i := range cs {
		cs[i].Operator = canonicalOperator(cs[i].Operator)
	}
}

func completePreferences(as []model.Affinity, ss []model.Spread) {
	for i := range as {
		as[i].Operator = canonicalOperator(as[i].Operator)
		fill(&as[i].Weight, defaultWeight)
	}
	for i := range ss {
		fill(&ss[i].Weight, defaultWeight)
	}
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
