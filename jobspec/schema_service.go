package jobspec

// One cluster has one list of services, tender's own. What is about Consul, its
// mesh or its catalog has no place here.

var serviceShape = &shape{
	title:  "service",
	attrs:  []string{"name", "port", "task", "tags", "meta", "provider"},
	blocks: []string{"check", "check_restart", "meta"},
	once:   []string{"check_restart"},
	refused: map[string]refusal{
		"canary_tags":         no("canaries are listed like the tasks beside them", "remove it"),
		"canary_meta":         no("canaries are listed like the tasks beside them", "remove it"),
		"enable_tag_override": no("a service's tags are what the job file says", "remove it"),
		"address_mode":        no("a service is found at its node's address", "remove it"),
		"address":             no("a service is found at its node's address", "remove it; an agent's --address chooses it"),
		"tagged_addresses":    no("a service is found at its node's address", "remove it, or put others in meta"),
		"connect":             no("tender has no service mesh", "remove it; the task reaches others by the list of services"),
		"on_update":           no("a check passes or fails, and both count", "remove it"),
		"identity":            later("workload identities are", "remove it"),
		"weights":             later("weights are", "remove it, or put them in meta for your proxy"),
		"cluster":             no("tender does not talk to Consul", "remove it"),
		"kind":                no("tender has no service mesh", "remove it"),
	},
}

var checkShape = &shape{
	title: "check",
	attrs: []string{
		"name", "type", "port", "protocol", "method", "path", "header", "body", "tls_skip_verify", "command", "args", "task",
		"interval", "timeout", "success_before_passing", "failures_before_critical",
	},
	blocks: []string{"header", "check_restart"},
	once:   []string{"header", "check_restart"},
	refused: map[string]refusal{
		"expose":                    no("tender has no service mesh", "remove it"),
		"address_mode":              no("checks ask at the node's address", "remove it"),
		"advertise":                 no("checks ask at the node's address", "remove it"),
		"initial_status":            no("a check fails until it has passed once", "remove it"),
		"notes":                     no("a check is known by its name", "write a comment"),
		"tls_server_name":           later("this is", "use tls_skip_verify, or a script check with curl"),
		"grpc_service":              later("gRPC checks are", "use type = \"tcp\", or a script check"),
		"grpc_use_tls":              later("gRPC checks are", "use type = \"tcp\", or a script check"),
		"failures_before_warning":   no("a check passes or fails; there are no warnings", "use failures_before_critical"),
		"on_update":                 no("a check passes or fails, and both count", "remove it"),
		"grace":                     no("a grace belongs to check_restart", "put it in check_restart { grace = … }"),
		"deregister_critical_after": no("what fails its checks is off the list at once", "remove it"),
	},
}

var checkRestartShape = &shape{
	title: "check_restart",
	attrs: []string{"limit", "grace"},
	refused: map[string]refusal{
		"ignore_warnings": no("a check passes or fails; there are no warnings", "remove it"),
	},
}
