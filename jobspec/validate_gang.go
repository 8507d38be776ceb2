package jobspec

import (
	"fmt"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

var launchers = []string{model.LaunchNone, model.LaunchPMI, model.LaunchTorchrun, model.LaunchMPIRun}

const (
	// maxRanks is what one allocation may have: its executor keeps a few
	// descriptors for each.
	maxRanks = 1024
	// maxWorld bounds the ranks of one gang. What PMI brings together in one
	// message grows with it.
	maxWorld = 20_000
)

func (c *checker) gang(path string, g *model.Group) {
	launch, ranks := g.Gang.Launch, g.Gang.Ranks
	switch {
	case !slices.Contains(launchers, launch):
		c.fail(path+".launch", fmt.Sprintf("there is no launcher %q", launch), didYouMean(launch, launchers))
	}
	c.between(path+".ranks", "ranks", int64(ranks), 1, maxRanks)
	if ranks > 1 && ranks <= maxRanks && g.Count > 0 && g.Count <= model.MaxCount && ranks*g.Count > maxWorld {
		c.fail(path+".ranks", fmt.Sprintf("the gang has %d × %d = %d ranks; it may have %d", g.Count, ranks, ranks*g.Count, maxWorld),
			"give each rank more threads, or make several jobs")
	}
	if t := g.Gang.Topology; t != "" && !nameSyntax().MatchString(t) {
		c.fail(path+".topology", fmt.Sprintf("%q cannot name a level of the topology", t), `write a name such as "rack"`)
	}
	if g.Array != nil {
		c.fail(path, "a group is either a gang or an array", "a gang starts all at once, an array one by one; make two groups of them")
	}
	c.rankTask(path, g)
}

// rankTask looks that there is one task to start the ranks of, where it matters
// which.
func (c *checker) rankTask(path string, g *model.Group) {
	at := path + ".launch"
	switch {
	case g.Gang.Ranks > 1:
		at = path + ".ranks"
	case g.Gang.Launch == model.LaunchNone || !slices.Contains(launchers, g.Gang.Launch):
		return
	}
	var main []string
	for i := range g.Tasks {
		if g.Tasks[i].Lifecycle == nil {
			main = append(main, g.Tasks[i].Name)
		}
	}
	if len(main) > 1 {
		c.fail(at, fmt.Sprintf("the ranks of a gang are processes of its main task, but the group %q has %d: %q and %q", g.Name, len(main), main[0], main[1]),
			`give the others a lifecycle block, such as lifecycle { hook = "prestart" sidecar = true }`)
	}
}
