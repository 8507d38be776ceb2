package jobspec

import (
	"fmt"
	"strings"
	"testing"
)

// nomadNames are the blocks and attributes of Nomad's job file, by block. What
// stands in a block that is refused as a whole is refused with it.
var nomadNames = []struct {
	block string
	names string
}{
	{"job", "region namespace id name type priority all_at_once datacenters node_pool constraint affinity group update multiregion spread periodic parameterized reschedule migrate meta ui"},
	{"group", "name count constraint affinity task spread volume restart disconnect reschedule ephemeral_disk update migrate network meta service shutdown_delay max_run_duration stop_after_client_disconnect max_client_disconnect scaling consul prevent_reschedule_on_lost"},
	{"task", "name driver user lifecycle config constraint affinity env service resources restart meta kill_timeout logs artifact vault consul template dispatch_payload volume_mount csi_plugin leader shutdown_delay kill_signal kind scaling secret identity action schedule"},
	{"resources", "cpu cores memory memory_max disk network device numa secrets iops"},
	{"device", "count constraint affinity"},
	{"constraint", "attribute value operator"},
	{"affinity", "attribute value operator weight"},
	{"spread", "attribute weight target"},
	{"spread.target", "percent"},
	{"update", "stagger max_parallel health_check min_healthy_time healthy_deadline progress_deadline canary auto_revert auto_promote"},
	{"migrate", "max_parallel health_check min_healthy_time healthy_deadline"},
	{"reschedule", "attempts interval delay delay_function max_delay unlimited"},
	{"restart", "interval attempts delay mode render_templates"},
	{"disconnect", "lost_after stop_on_client_after replace reconcile"},
	{"periodic", "enabled cron crons prohibit_overlap time_zone"},
	{"parameterized", "payload meta_required meta_optional"},
	{"template", "source destination data change_mode change_script change_signal once splay perms uid gid left_delimiter right_delimiter env vault_grace wait error_on_missing_key"},
	{"template.wait", "min max"},
	{"template.change_script", "command args timeout fail_on_error run_on_first_render"},
	{"artifact", "source options headers mode insecure destination chown"},
	{"volume", "name type source read_only sticky access_mode attachment_mode mount_options per_alloc"},
	{"volume.mount_options", "fs_type mount_flags"},
	{"volume_mount", "volume destination read_only propagation_mode selinux_label"},
	{"network", "mode device cidr ip dns reserved_ports port hostname mbits cni"},
	{"network.port", "static to host_network ignore_collision"},
	{"network.dns", "servers searches options"},
	{"network.cni", "args"},
	{"service", "name tags canary_tags enable_tag_override port address_mode address check check_restart connect meta canary_meta tagged_addresses task on_update identity weights provider cluster kind"},
	{"check", "name type command args path protocol port expose address_mode advertise interval timeout initial_status notes tls_server_name tls_skip_verify header method check_restart grpc_service grpc_use_tls task success_before_passing failures_before_critical failures_before_warning body on_update"},
	{"check_restart", "limit grace ignore_warnings"},
	{"service.weights", "passing warning"},
	{"lifecycle", "hook sidecar"},
	{"logs", "max_files max_file_size enabled disabled"},
	{"scaling", "min max policy enabled type"},
	{"multiregion", "strategy region"},
	{"multiregion.strategy", "max_parallel on_failure"},
	{"multiregion.region", "count datacenters node_pool meta"},
	{"vault", "policies role namespace cluster env disable_file change_mode change_signal allow_token_expiration"},
	{"consul", "namespace cluster partition"},
	{"identity", "name aud change_mode change_signal env file filepath service_name ttl extra_claims"},
	{"secret", "name provider path config env"},
	{"numa", "affinity devices"},
	{"ui", "description link"},
	{"ui.link", "label url"},
	{"dispatch_payload", "file"},
	{"ephemeral_disk", "sticky migrate size"},
	{"action", "name command args"},
	{"schedule", "cron"},
	{"schedule.cron", "start end timezone"},
}

// houseNames are the names jobspec.md adds to Nomad's.
var houseNames = []struct {
	block string
	names string
}{
	{"job", "role time_limit preemptible placement depends_on catch_up epsilon schedule"},
	{"group", "array gang exclusive"},
	{"periodic", "schedule overlap catch_up epsilon chained keep_successful keep_failed"},
	{"gang", "launch ranks topology"},
	{"array", "range limit"},
	{"resources", "cpus gpu pids_max"},
	{"gpu", "count memory_min model share mig"},
	{"config", "command args script work_dir"},
	{"artifact", "checksum"},
}

// leadsTo maps each block to the text that leads to it. A block that is missing
// here stands in another that is refused, which its own case shows.
var leadsTo = map[string]string{
	"job":            "%s",
	"periodic":       "periodic {\n%s\n}",
	"group":          "group \"g\" {\n%s\n}",
	"task":           "task \"t\" {\n%s\n}",
	"resources":      "task \"t\" {\nresources {\n%s\n}\n}",
	"config":         "task \"t\" {\nconfig {\n%s\n}\n}",
	"device":         "task \"t\" {\nresources {\ndevice \"nvidia/gpu\" {\n%s\n}\n}\n}",
	"gpu":            "task \"t\" {\nresources {\ngpu {\n%s\n}\n}\n}",
	"constraint":     "constraint {\n%s\n}",
	"affinity":       "affinity {\n%s\n}",
	"spread":         "spread {\n%s\n}",
	"spread.target":  "spread {\ntarget \"r1\" {\n%s\n}\n}",
	"network":        "group \"g\" {\nnetwork {\n%s\n}\n}",
	"network.port":   "group \"g\" {\nnetwork {\nport \"p\" {\n%s\n}\n}\n}",
	"restart":        "group \"g\" {\nrestart {\n%s\n}\n}",
	"array":          "group \"g\" {\narray {\n%s\n}\n}",
	"gang":           "group \"g\" {\ngang {\n%s\n}\n}",
	"template":       "task \"t\" {\ntemplate {\n%s\n}\n}",
	"artifact":       "task \"t\" {\nartifact {\n%s\n}\n}",
	"service":        "group \"g\" {\nservice {\n%s\n}\n}",
	"check":          "group \"g\" {\nservice {\ncheck {\n%s\n}\n}\n}",
	"check_restart":  "group \"g\" {\nservice {\ncheck {\ncheck_restart {\n%s\n}\n}\n}\n}",
	"lifecycle":      "task \"t\" {\nlifecycle {\n%s\n}\n}",
	"logs":           "task \"t\" {\nlogs {\n%s\n}\n}",
	"ephemeral_disk": "group \"g\" {\nephemeral_disk {\n%s\n}\n}",
	"update":         "type = \"service\"\ngroup \"g\" {\nupdate {\n%s\n}\n}",
	"reschedule":     "type = \"service\"\ngroup \"g\" {\nreschedule {\n%s\n}\n}",
	"migrate":        "type = \"service\"\ngroup \"g\" {\nmigrate {\n%s\n}\n}",
}

// TestNomadSurface walks all names of Nomad's job file: each is understood or
// refused with what to use instead, as an attribute and as a block; none is
// unknown, and none is ignored.
func TestNomadSurface(t *testing.T) {
	for _, b := range append(nomadNames, houseNames...) {
		outer, inside := leadsTo[b.block]
		if !inside {
			continue
		}
		for name := range strings.FieldsSeq(b.names) {
			t.Run(b.block+"/"+name, func(t *testing.T) {
				checkSurface(t, outer, name)
			})
		}
	}
}

// TestRefusedBlocks shows that the blocks without an entry in leadsTo are refused
// where they stand, so that nothing within them goes unseen.
func TestRefusedBlocks(t *testing.T) {
	homes := map[string][]string{}
	for _, b := range nomadNames {
		for name := range strings.FieldsSeq(b.names) {
			homes[name] = append(homes[name], b.block)
		}
	}
	for _, b := range nomadNames {
		if _, inside := leadsTo[b.block]; inside {
			continue
		}
		if outer, _, nested := strings.Cut(b.block, "."); nested {
			if _, inside := leadsTo[outer]; !inside {
				continue // its outer block is refused
			}
		}
		name := b.block[strings.LastIndex(b.block, ".")+1:]
		if len(homes[name]) == 0 {
			t.Errorf("no block holds %s", name)
		}
		for _, home := range homes[name] {
			outer, inside := leadsTo[home]
			if !inside {
				continue
			}
			src := fmt.Sprintf("job \"j\" {\n"+outer+"\n}", name+" {}")
			_, ds := Parse([]byte(src), Options{})
			if !mentions(ds, name+" cannot be used in") && !mentions(ds, quote(name)+" is not a block") {
				t.Errorf("%s in %s is not refused:\n%s", name, home, ds.Error())
			}
		}
	}
}

func checkSurface(t *testing.T, outer, name string) {
	refused, understood := false, false
	for _, form := range []string{name + " = null", name + " {}", name + " \"label\" {}"} {
		src := fmt.Sprintf("job \"j\" {\n"+outer+"\n}", form)
		_, ds := Parse([]byte(src), Options{})
		for _, d := range ds.List() {
			if strings.HasPrefix(d.Summary, "unknown ") {
				t.Errorf("%s: %s", form, d.Summary)
			}
			if d.Summary == "" || d.File == "" || d.Start.Line == 0 {
				t.Errorf("%s: a diagnostic without place or text: %+v", form, d)
			}
			if strings.HasPrefix(d.Summary, name+" cannot be used in") {
				refused = true
				if d.Suggestion == "" || d.Detail == "" {
					t.Errorf("%s is refused without saying why and what to use instead: %+v", form, d)
				}
			}
		}
		if !mentions(ds, name+" cannot be used in") && !mentions(ds, quote(name)+" is a block") && !mentions(ds, quote(name)+" is not a block") {
			understood = true
		}
	}
	if refused == understood {
		t.Errorf("%s: refused %v, understood %v; want one of them", name, refused, understood)
	}
}

func mentions(ds *Diagnostics, part string) bool {
	for _, d := range ds.List() {
		if strings.Contains(d.Summary, part) {
			return true
		}
	}
	return false
}
