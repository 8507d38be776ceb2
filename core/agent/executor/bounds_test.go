package executor

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

// TestDevicesAreTheTasksOwn: of three nodes, one is everybody's, one the first
// task's and one the second's; a task of driver raw_exec is not bounded. The
// numbers are NVIDIA's, and no driver answers to them here: what a filter lets
// through fails in another way.
func TestDevicesAreTheTasksOwn(t *testing.T) {
	nodes := t.TempDir()
	for minor := range 3 {
		if err := unix.Mknod(fmt.Sprintf("%s/nvidia%d", nodes, minor), unix.S_IFCHR|0o666, int(unix.Mkdev(195, uint32(210+minor)))); err != nil {
			t.Skipf("device nodes cannot be made here: %v", err)
		}
	}
	script := "for i in 0 1 2; do case $(2>&1 dd of=/dev/null count=0 if=" + nodes + "/nvidia$i) in *not\\ permitted*) echo denied;; *) echo let through;; esac; done"
	for _, c := range []struct {
		driver string
		want   []string
	}{
		{model.DriverExec, []string{"let through\nlet through\ndenied\n", "let through\ndenied\nlet through\n"}},
		{model.DriverRawExec, []string{"let through\nlet through\nlet through\n", "let through\nlet through\nlet through\n"}},
	} {
		t.Run(c.driver, func(t *testing.T) {
			r := newSpare(t, func(r *rig) {
				if err := r.host.FilterDevices(); err != nil {
					t.Skip("devices cannot be bounded here: " + err.Error())
				}
				r.args = []string{"--devices", nodes + "/nvidia0"}
			})
			j := sh(script)
			j.Groups[0].Tasks[0].Driver = c.driver
			j.Groups[0].Tasks[0].Resources.GPU = &model.GPURequest{Count: 1}
			r.adopt(j)
			for i, want := range c.want {
				node := fmt.Sprintf("%s/nvidia%d", nodes, i+1)
				k := lifecycle.Key{Index: uint32(i)}
				r.launchWith(&execpb.Launch{Indices: []uint32{k.Index}, Grants: []*execpb.Grant{
					{Gpus: []*execpb.GpuShare{{Uuid: "GPU-" + fmt.Sprint(i), Milli: 1000, Nodes: []string{node, nodes + "/nonexistent"}}}},
				}})
				r.await(k)
				if got := r.outputOf(k, "t.stdout"); got != want {
					t.Errorf("task %d with %s: %q, want %q", i, node, got, want)
				}
			}
		})
	}
}
