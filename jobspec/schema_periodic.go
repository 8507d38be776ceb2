package jobspec

// periodicShape is Nomad's block, and what Chronos has beyond it.
var periodicShape = &shape{
	title: "periodic",
	attrs: []string{
		"cron", "crons", "schedule", "time_zone", "prohibit_overlap", "overlap", "catch_up", "epsilon", "enabled", "chained",
		"keep_successful", "keep_failed",
	},
	refused: map[string]refusal{
		"spec":                       no("this is its name in Nomad's JSON", "use cron"),
		"spec_type":                  no("there is cron for cron expressions and schedule for ISO 8601 repetitions", "remove it"),
		"timezone":                   no("it is named otherwise", "use time_zone"),
		"depends_on":                 no("dependencies belong to the job", "put depends_on in the job, and chained = true here"),
		"successfulJobsHistoryLimit": no("this is its name in Kubernetes", "use keep_successful"),
		"failedJobsHistoryLimit":     no("this is its name in Kubernetes", "use keep_failed"),
		"parents":                    no("what a run follows is the job's depends_on", "put depends_on in the job, and chained = true here"),
	},
}
