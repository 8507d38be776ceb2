package executor

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

// asNobody lets the executor run as an ordinary user, as on a developer's laptop.
func asNobody(r *rig) {
	const nobody = 65534
	r.user = &syscall.Credential{Uid: nobody, Gid: nobody}
	r.must(os.Chown(filepath.Dir(r.dir), nobody, nobody))
}

// Without root, and so without cgroups, raw_exec works: the process group is
// killed, and nothing is limited.
func TestRawExecWithoutRoot(t *testing.T) {
	r := newSpare(t, asNobody)
	r.adopt(sh(`id -un; sleep 1000 & (setsid sleep 1000 &); echo up >up; [ $TENDER_ALLOC_INDEX = 0 ] || wait`, raw))
	u := r.run(0)
	r.expect(u, "FINISHED cause=finished code=0")
	if out := r.output("t.stdout"); out != "nobody\n" {
		t.Errorf("output %q", out)
	}
	if u.CpuNs <= 0 || u.PeakMemoryBytes <= 0 {
		t.Errorf("usage is %d ns, %d bytes", u.CpuNs, u.PeakMemoryBytes)
	}
	r.launch(0, 1)
	r.awaitReached(lifecycle.Key{Index: 1}, model.TaskRunning)
	r.kill(&execpb.Kill{GraceNs: -1})
	r.expect(r.await(lifecycle.Key{Index: 1}), "KILLED cause=killed code=137: killed on request")
}

func TestExecWithoutRoot(t *testing.T) {
	r := newSpare(t, asNobody)
	r.adopt(sh("true"))
	got := summary(r.run(0))
	if !strings.HasPrefix(got, "FAILED cause=launch_failed code=127") || !strings.Contains(got, "driver exec needs the agent to run as root with CAP_SYS_ADMIN; use raw_exec") {
		t.Errorf("ended as %q", got)
	}
}

func TestOtherUserWithoutRoot(t *testing.T) {
	r := newSpare(t, asNobody)
	r.adopt(sh("true", raw, func(t *model.TaskSpec) { t.User = "root" }))
	got := summary(r.run(0))
	if !strings.Contains(got, `run as user "root": the agent does not run as root`) {
		t.Errorf("ended as %q", got)
	}
}
