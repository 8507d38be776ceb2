package jobspec

import "slices"

// shape is what a block may hold. Every name of Nomad's job file and of the
// house's is in it, understood or refused, so that nothing is ever ignored.
type shape struct {
	title   string   // the block's name in messages
	label   string   // what its label names; empty for a block without
	attrs   []string // understood as name = value
	blocks  []string // understood as name { … }
	once    []string // those of blocks that may appear only once
	refused map[string]refusal
}

// refusal says why a known name is not taken and what to do instead.
type refusal struct{ why, instead string }

func (s *shape) attr(name string) bool  { return slices.Contains(s.attrs, name) }
func (s *shape) block(name string) bool { return slices.Contains(s.blocks, name) }

func (s *shape) names() []string { return slices.Concat(s.attrs, s.blocks) }

// later refuses what a later release will have.
func later(what, instead string) refusal {
	return refusal{what + " not supported yet", instead}
}

// no refuses what has no place in tender.
func no(why, instead string) refusal { return refusal{why, instead} }

var fileShape = &shape{
	title:  "a job file",
	blocks: []string{"job", "variable", "variables", "locals"},
	refused: map[string]refusal{
		"vault":     no("tender does not talk to Vault", "pass secrets in through a variable, or fetch them in the task"),
		"terraform": no("this is a job file, not a Terraform module", "remove it"),
		"provider":  no("this is a job file, not a Terraform module", "remove it"),
		"resource":  no("this is a job file, not a Terraform module", "describe the work in job \"name\" { … }"),
		"data":      no("this is a job file, not a Terraform module", "pass the value in through a variable"),
		"output":    no("this is a job file, not a Terraform module", "write results in the task"),
		"module":    no("one file holds one whole job", "use locals and dynamic blocks for what repeats"),
	},
}

var variableShape = &shape{
	title:  "variable",
	label:  "its name",
	attrs:  []string{"type", "default", "description"},
	blocks: []string{"validation"},
	refused: map[string]refusal{
		"sensitive": no("the whole job file is kept with the job, so no value of it is secret", "remove it, and fetch secrets in the task"),
		"nullable":  no("null means that no value is given", "remove it, and give a default"),
		"ephemeral": no("the whole job file is kept with the job", "remove it"),
	},
}

var validationShape = &shape{title: "validation", attrs: []string{"condition", "error_message"}}

var jobShape = &shape{
	title:  "job",
	label:  "its name",
	attrs:  []string{"type", "role", "priority", "time_limit", "preemptible", "placement", "depends_on", "meta"},
	blocks: []string{"constraint", "affinity", "spread", "group", "task", "meta", "depends_on", "periodic", "update", "reschedule", "migrate"},
	once:   []string{"depends_on", "periodic", "update", "reschedule", "migrate"},
	refused: map[string]refusal{
		"id":          no("a job's id is given when it is submitted", "remove it; the label of the job block is its name"),
		"name":        no("the label of the job block is its name", "write job \"name\" { … }"),
		"region":      no("a tender cluster is one region", "remove it; --address chooses the cluster"),
		"namespace":   no("who a job belongs to is its role", "use role = \"team/project\""),
		"datacenters": no("a tender cluster has no datacenters", "remove it, or constrain ${meta.datacenter}"),
		"node_pool":   no("a tender cluster has no node pools", "constrain ${meta.pool}, or whatever your agents carry in meta"),
		"all_at_once": no("starting together is a property of a group", "use gang {} in the group"),
		"multiregion": no("a tender cluster is one region", "submit the job to each cluster with --address"),
		"cron":        no("when a job is due is said in its periodic block", "put it in periodic { cron = … }"),
		"catch_up":    no("when a job is due is said in its periodic block", "put it in periodic { catch_up = … }"),
		"epsilon":     no("when a job is due is said in its periodic block", "put it in periodic { epsilon = … }"),
		"schedule":    no("when a job is due is said in its periodic block", "put it in periodic { schedule = … }"),
		"parameterized": later("dispatchable jobs are",
			"declare a variable for each parameter and submit with --var"),
		"ui":               later("links are", "keep the text in meta"),
		"vault":            no("tender does not talk to Vault", "pass secrets in through a variable, or fetch them in the task"),
		"consul_token":     no("tender does not talk to Consul", "remove it"),
		"vault_token":      no("tender does not talk to Vault", "remove it"),
		"version":          no("versions are counted by the cluster", "remove it, or keep it in meta"),
		"count":            no("a count belongs to a group", "put it in group \"name\" { count = … }"),
		"array":            no("an array belongs to a group", "put it in group \"name\" { array { range = … } }"),
		"gang":             no("a gang belongs to a group", "put it in group \"name\" { gang { … } }"),
		"max_run_duration": no("the job's limit is named otherwise", "use time_limit"),
	},
}

var groupShape = &shape{
	title:  "group",
	label:  "its name",
	attrs:  []string{"count", "exclusive", "meta", "shutdown_delay", "max_run_duration"},
	blocks: []string{"constraint", "affinity", "spread", "network", "task", "meta", "array", "gang", "restart", "service", "ephemeral_disk", "update", "reschedule", "migrate"},
	once:   []string{"network", "array", "gang", "restart", "ephemeral_disk", "update", "reschedule", "migrate"},
	refused: map[string]refusal{
		"name":                         no("the label of the group block is its name", "write group \"name\" { … }"),
		"volume":                       later("volumes are", "name paths of a shared file system, or use an artifact"),
		"disconnect":                   later("this is", "remove it: tasks of an agent that is cut off are run again as restart says"),
		"scaling":                      later("scaling is", "set count, or use array for a batch of like tasks"),
		"stop_after_client_disconnect": later("this is", "remove it: tasks of an agent that is cut off are run again as restart says"),
		"max_client_disconnect":        later("this is", "remove it: tasks of an agent that is cut off are run again as restart says"),
		"prevent_reschedule_on_lost":   later("this is", "use restart { attempts = 0 }, which is the default"),
		"consul":                       no("tender does not talk to Consul", "remove it"),
		"time_limit":                   no("one limit holds for the whole job", "put time_limit in the job"),
		"preemptible":                  no("a job is preemptible as a whole", "put preemptible in the job"),
		"placement":                    no("one placement holds for the whole job", "put placement in the job"),
		"driver":                       no("a driver belongs to a task", "put it in task \"name\" { driver = … }"),
		"resources":                    no("resources belong to a task", "put them in task \"name\" { resources { … } }"),
		"env":                          no("an environment belongs to a task", "put it in task \"name\" { env { … } }"),
		"config":                       no("a config belongs to a task", "put it in task \"name\" { config { … } }"),
		"depends_on":                   no("dependencies belong to the job", "put depends_on in the job"),
		"artifact":                     no("artifacts belong to a task", "put it in task \"name\" { artifact { … } }"),
		"template":                     no("templates belong to a task", "put it in task \"name\" { template { … } }"),
	},
}

var arrayShape = &shape{title: "array", attrs: []string{"range", "limit"}}

var gangShape = &shape{title: "gang", attrs: []string{"launch", "ranks", "topology"}}

var restartShape = &shape{
	title: "restart",
	attrs: []string{"attempts", "interval", "delay", "mode"},
	refused: map[string]refusal{
		"render_templates": no("templates are rendered anew for every attempt", "remove it"),
	},
}

var diskShape = &shape{title: "ephemeral_disk", attrs: []string{"size", "sticky", "migrate"}}
