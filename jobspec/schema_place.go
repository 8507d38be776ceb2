package jobspec

// constraintWords are the attributes of a constraint and of an affinity that
// name an operator or what it compares.
var constraintWords = []string{
	"attribute", "operator", "value",
	"regexp", "version", "semver", "set_contains", "set_contains_all", "set_contains_any",
}

var constraintShape = &shape{
	title: "constraint",
	attrs: append(constraintWords[:len(constraintWords):len(constraintWords)],
		"distinct_hosts", "distinct_property", "is_set", "is_not_set"),
	refused: map[string]refusal{
		"weight": no("a constraint must hold; it has no weight", "use affinity for what is preferred"),
	},
}

var affinityShape = &shape{
	title: "affinity",
	attrs: append(constraintWords[:len(constraintWords):len(constraintWords)], "is_set", "is_not_set", "weight"),
	refused: map[string]refusal{
		"distinct_hosts":    no("an affinity is about one agent", "use spread to prefer that tasks are apart, constraint where they must be"),
		"distinct_property": no("an affinity is about one agent", "use spread to prefer that tasks are apart, constraint where they must be"),
	},
}

var spreadShape = &shape{title: "spread", attrs: []string{"attribute", "weight"}, blocks: []string{"target"}}

var spreadTargetShape = &shape{title: "target", label: "a value of the attribute", attrs: []string{"percent"}}

var networkShape = &shape{
	title:  "network",
	attrs:  []string{"mode"},
	blocks: []string{"port"},
	refused: map[string]refusal{
		"device":         no("tasks share their agent's network", "remove it, or constrain an attribute of the agent"),
		"cidr":           no("tasks share their agent's network", "remove it"),
		"ip":             no("tasks share their agent's network", "remove it"),
		"dns":            later("networks of their own for tasks are", "remove it: tasks share their agent's network"),
		"hostname":       later("networks of their own for tasks are", "remove it: tasks share their agent's network"),
		"cni":            later("networks of their own for tasks are", "remove it: tasks share their agent's network"),
		"mbits":          no("bandwidth is not divided up", "remove it"),
		"reserved_ports": no("a port is asked for by its label", "write port \"label\" { static = … }"),
	},
}

var portShape = &shape{
	title: "port",
	label: "what the task calls it",
	attrs: []string{"static", "to"},
	refused: map[string]refusal{
		"host_network":     no("an agent's ports belong to all its networks", "remove it"),
		"ignore_collision": no("a port is given to one task at a time", "remove it"),
	},
}
