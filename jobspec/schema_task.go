package jobspec

// putNetwork says where a network block goes.
const putNetwork = "put network { port \"label\" {} } in the group, and read TENDER_PORT_label"

var taskShape = &shape{
	title: "task",
	label: "its name",
	attrs: []string{"driver", "user", "env", "meta", "kill_timeout", "kill_signal", "shutdown_delay", "leader"},
	blocks: []string{
		"config", "env", "meta", "resources", "constraint", "affinity", "artifact", "template", "logs", "lifecycle", "restart", "service",
	},
	once: []string{"config", "resources", "logs", "lifecycle", "restart"},
	refused: map[string]refusal{
		"name":             no("the label of the task block is its name", "write task \"name\" { … }"),
		"vault":            no("tender does not talk to Vault", "pass secrets in through a variable, or fetch them in the task"),
		"consul":           no("tender does not talk to Consul", "remove it"),
		"dispatch_payload": later("dispatchable jobs are", "pass parameters with --var, or a file as an artifact"),
		"volume_mount":     later("volumes are", "name paths of a shared file system, or use an artifact"),
		"csi_plugin":       later("storage plugins are", "name paths of a shared file system"),
		"kind":             later("service meshes are", "remove it"),
		"scaling":          later("scaling is", "set count in the group, or use array"),
		"secret":           later("secrets are", "fetch them in the task"),
		"identity":         later("workload identities are", "remove it"),
		"action":           later("actions are", "submit a job of its own for it"),
		"schedule":         later("scheduled tasks are", "submit from cron: tender submit FILE"),
		"network":          no("ports belong to the group, whose tasks share them", putNetwork),
		"spread":           no("a group's tasks share an agent, so it is groups that are spread", "put it in the group"),
		"count":            no("a count belongs to a group", "put it in group \"name\" { count = … }"),
		"time_limit":       no("one limit holds for the whole job", "put time_limit in the job"),
		"max_run_duration": no("one limit holds for the whole job", "put time_limit in the job"),
		"ephemeral_disk":   no("the disk is shared by the group's tasks", "put it in the group, or set resources { disk = … }"),
		"volume":           later("volumes are", "name paths of a shared file system, or use an artifact"),
		"depends_on":       no("dependencies belong to the job", "put depends_on in the job; within a group use lifecycle"),
	},
}

// configShape is the config block of exec and raw_exec.
var configShape = &shape{
	title: "config",
	attrs: []string{"command", "args", "script", "work_dir"},
	refused: map[string]refusal{
		"image":              later("containers are", "install the program on the agents, or ship it as an artifact"),
		"ports":              no("tasks share their agent's network, so there is nothing to map", "remove it: a task gets every port of its group, as TENDER_PORT_<label>"),
		"port_map":           no("tasks share their agent's network, so there is nothing to map", putNetwork),
		"network_mode":       no("tasks share their agent's network", "remove it"),
		"entrypoint":         later("containers are", "put the program in command and its arguments in args"),
		"volumes":            later("volumes are", "name paths of a shared file system, or use an artifact"),
		"mount":              later("volumes are", "name paths of a shared file system, or use an artifact"),
		"mounts":             later("volumes are", "name paths of a shared file system, or use an artifact"),
		"privileged":         later("containers are", "use the raw_exec driver for a task without isolation"),
		"pid_mode":           no("exec always gives a task a process namespace of its own", "use the raw_exec driver for a task without isolation"),
		"ipc_mode":           no("tasks share their agent's IPC namespace", "remove it"),
		"cap_add":            later("capabilities are", "use the raw_exec driver for a task without isolation"),
		"cap_drop":           later("capabilities are", "set user for a task with fewer rights"),
		"cgroup_v1_override": no("each task has a cgroup of its own", "remove it; limits belong in resources"),
		"cgroup_v2_override": no("each task has a cgroup of its own", "remove it; limits belong in resources"),
		"oom_score_adj":      later("this is", "set memory and memory_max in resources"),
		"denied_envvars":     later("this is", "unset the variable in the script"),
		"jar_path":           later("the java driver is", "use command = \"java\" and args = [\"-jar\", …]"),
		"jvm_options":        later("the java driver is", "use command = \"java\" and put the options in args"),
		"env":                no("an environment belongs to the task", "put env { … } beside config, not in it"),
	},
}

var resourcesShape = &shape{
	title:  "resources",
	attrs:  []string{"cpus", "cpu", "cores", "memory", "memory_max", "disk", "pids_max"},
	blocks: []string{"gpu", "device"},
	once:   []string{"gpu", "device"},
	refused: map[string]refusal{
		"network": no("ports belong to the group, whose tasks share them", putNetwork),
		"numa":    later("NUMA placement is", "bind within the task with numactl"),
		"secrets": later("secret directories are", "remove it"),
		"iops":    no("disk operations are not divided up", "remove it"),
	},
}

var gpuShape = &shape{title: "gpu", attrs: []string{"count", "memory_min", "model", "share", "mig"}}

var deviceShape = &shape{
	title:  "device",
	label:  "what it is, such as \"nvidia/gpu\"",
	attrs:  []string{"count"},
	blocks: []string{"constraint"},
	refused: map[string]refusal{
		"affinity": later("preferences among devices are", "use gpu { model = …, memory_min = … } for what must hold"),
		"name":     no("the label of the device block is its name", "write device \"nvidia/gpu\" { … }"),
	},
}

var artifactShape = &shape{
	title:  "artifact",
	attrs:  []string{"source", "destination", "checksum", "mode", "headers", "options"},
	blocks: []string{"headers", "options"},
	once:   []string{"headers", "options"},
	refused: map[string]refusal{
		"insecure": no("a server's certificate is always checked", "use a checksum with http://"),
		"chown":    no("artifacts belong to the task's user already", "remove it"),
	},
}

var artifactOptionsShape = &shape{
	title: "options",
	attrs: []string{"checksum", "archive"},
	refused: map[string]refusal{
		"ref":    later("git sources are", "clone in the task, or name an archive with http(s)://"),
		"depth":  later("git sources are", "clone in the task, or name an archive with http(s)://"),
		"sshkey": later("git sources are", "clone in the task, or name an archive with http(s)://"),
		"region": later("S3 sources are", "name the object with https://"),

		"aws_access_key_id":     later("S3 sources are", "name the object with https://"),
		"aws_access_key_secret": later("S3 sources are", "name the object with https://"),
		"aws_access_token":      later("S3 sources are", "name the object with https://"),
		"filename":              no("the destination names the file", "use destination with mode = \"file\""),
	},
}

var templateShape = &shape{
	title: "template",
	attrs: []string{
		"source", "data", "destination", "perms", "env", "left_delimiter", "right_delimiter",
		"error_on_missing_key", "change_mode", "once",
	},
	refused: map[string]refusal{
		"change_script": no("a batch task's templates are rendered once, before it starts", "remove it"),
		"change_signal": no("a batch task's templates are rendered once, before it starts", "remove it"),
		"splay":         no("a batch task's templates are rendered once, before it starts", "remove it"),
		"wait":          no("a batch task's templates are rendered once, before it starts", "remove it"),
		"vault_grace":   no("tender does not talk to Vault", "remove it"),
		"uid":           no("the file belongs to the task's user", "remove it, or set user in the task"),
		"gid":           no("the file belongs to the task's user", "remove it, or set user in the task"),
	},
}

var logsShape = &shape{
	title: "logs",
	attrs: []string{"max_files", "max_file_size", "disabled"},
	refused: map[string]refusal{
		"enabled": no("this is the other way round", "use disabled"),
	},
}

var lifecycleShape = &shape{title: "lifecycle", attrs: []string{"hook", "sidecar"}}

// allShapes is every block there is, for finding where a misplaced name belongs.
var allShapes = []*shape{
	jobShape, groupShape, taskShape, configShape, resourcesShape, gpuShape, arrayShape, gangShape, restartShape,
	constraintShape, affinityShape, spreadShape, spreadTargetShape, updateShape, rescheduleShape, migrateShape, networkShape, portShape, diskShape, artifactShape, templateShape, logsShape, lifecycleShape, deviceShape,
	serviceShape, checkShape, checkRestartShape,
	periodicShape,
}
