package jobspec

var updateShape = &shape{
	title: "update",
	attrs: []string{
		"max_parallel", "health_check", "min_healthy_time", "healthy_deadline", "progress_deadline", "stagger",
		"canary", "auto_revert", "auto_promote",
	},
}

var rescheduleShape = &shape{
	title: "reschedule",
	attrs: []string{"attempts", "interval", "delay", "delay_function", "max_delay", "unlimited"},
}

var migrateShape = &shape{
	title: "migrate",
	attrs: []string{"max_parallel", "health_check", "min_healthy_time", "healthy_deadline"},
}
