package agent

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor"
	"github.com/tender-scheduler/tender/core/model"
)

func openTestDir(t *testing.T, path string) *dataDir {
	t.Helper()
	d, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.close() })
	return d
}

func TestDataDirIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d := openTestDir(t, path)
	first := d.meta
	if first.AgentID == "" || first.Boot != 1 {
		t.Errorf("new agent: %+v", first)
	}
	if !d.lastContact().IsZero() {
		t.Errorf("contact of a new agent at %v", d.lastContact())
	}
	first.Epoch, first.ClusterID = 7, "c1"
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	for range 2 {
		if err := d.Save(first); err != nil {
			t.Fatal(err)
		}
		if err := d.Contact(at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := openDataDir(path); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("already in use by process %d", os.Getpid())) {
		t.Errorf("opened twice: %v", err)
	}
	d.close()
	d = openTestDir(t, path)
	first.Boot = 2
	if d.meta != first || !d.lastContact().Equal(at) {
		t.Errorf("opened again: %+v, contact %v, want %+v, %v", d.meta, d.lastContact(), first, at)
	}
}

func TestDataDirRefuses(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, metaName), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openDataDir(path); err == nil || !strings.Contains(err.Error(), "move the file away") {
		t.Errorf("broken state: %v", err)
	}
	file := filepath.Join(path, "file")
	os.WriteFile(file, nil, 0o644)
	if _, err := openDataDir(file); err == nil || !strings.Contains(err.Error(), "make data directory") {
		t.Errorf("a file: %v", err)
	}
}

// TestSaveInPlace stands for a full disk: a directory where the new file should go.
func TestSaveInPlace(t *testing.T) {
	d := openTestDir(t, t.TempDir())
	m := d.meta
	m.Epoch = 8
	b, _ := json.Marshal(m)
	if err := overwriteFile(d.file(metaName), b); err != nil {
		t.Fatal(err)
	}
	d.close()
	if got := openTestDir(t, d.path).meta; got.Epoch != 8 || got.AgentID != m.AgentID {
		t.Errorf("read back %+v", got)
	}
}

// assigned makes an executor's directory as the agent does.
func assigned(t *testing.T, d *dataDir, id ExecID, spec []byte) (string, error) {
	t.Helper()
	spare := filepath.Join(d.file(sparesName), "1-1")
	if err := os.Mkdir(spare, 0o755); err != nil {
		t.Fatal(err)
	}
	return d.assign(spare, id, spec)
}

// testExecutor makes an executor's directory with sandboxes in it.
func testExecutor(t *testing.T, d *dataDir, id ExecID, sandboxes ...string) {
	t.Helper()
	spec, _ := json.Marshal(&model.Job{Name: "x", Groups: []model.Group{
		{Name: "a", Tasks: []model.TaskSpec{{Name: "pre", Lifecycle: &model.Lifecycle{Hook: "prestart"}}, {Name: "main", Logs: model.LogConfig{MaxFiles: 2, MaxFileBytes: 1000}}}},
		{Name: "b.2", Tasks: []model.TaskSpec{{Name: "quiet", Logs: model.LogConfig{Disabled: true}}}},
	}})
	dir, err := assigned(t, d, id, spec)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range sandboxes {
		path := filepath.Join(dir, "tasks", s)
		if err := os.MkdirAll(filepath.Join(path, "logs"), 0o755); err != nil {
			t.Fatal(err)
		}
		at := epoch.Add(time.Duration(i) * time.Second)
		os.WriteFile(filepath.Join(path, "logs", "main.stdout.0"), []byte("output of "+s), 0o644)
		os.Chtimes(path, at, at)
	}
}

func TestSandboxes(t *testing.T) {
	d := openTestDir(t, t.TempDir())
	id := ExecID{"j1", 1}
	testExecutor(t, d, id, "b.2.7.0", "a.1.0", "a.0.3", "stray", "c.0.0", "a.x.0")
	var got []string
	skip, _ := newKey(0, 1, 0)
	for _, s := range d.sandboxes(id, map[taskKey]bool{skip: true}) {
		got = append(got, fmt.Sprintf("%d/%d/%d %v", s.Task.Group, s.Task.Index, s.Task.Attempt, s.Ended.Sub(epoch)))
	}
	if diff := cmp.Diff([]string{"1/7/0 0s", "0/0/3 2s"}, got); diff != "" {
		t.Error(diff)
	}
	for _, task := range []*execpb.Task{{Group: 1, Index: 7}, {Group: 1, Index: 7}, {Index: 1}} {
		if err := d.RemoveSandbox(id, task); err != nil {
			t.Error(err)
		}
	}
	if err := d.RemoveSandbox(id, &execpb.Task{Group: 9}); err == nil {
		t.Error("removed a directory of a group that is not there")
	}
	if n := len(d.sandboxes(id, nil)); n != 1 {
		t.Errorf("%d sandboxes are left", n)
	}
	m, err := d.Measure()
	if err != nil || m.Bytes[id] == 0 || m.DiskUsedPercent <= 0 || m.DiskUsedPercent > 100 {
		t.Errorf("measured %+v, %v", m, err)
	}
}

func TestDiscard(t *testing.T) {
	d := openTestDir(t, t.TempDir())
	id := ExecID{"j1", 2}
	for range 2 { // the name is free again at once
		testExecutor(t, d, id, "a.0.0")
		if err := d.Settle(id); err != nil {
			t.Error(err)
		}
		if err := d.Discard(id); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if err := d.Discard(id); err != nil {
			t.Error(err)
		}
		if err := d.Settle(id); err != nil {
			t.Error(err)
		}
		if err := d.Sweep(); err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(d.file(trashName)); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if err := d.forget(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(d.path); len(left) != 1 || left[0].Name() != lockName {
		t.Errorf("left: %v", left)
	}
}

func TestSpecLeadsOut(t *testing.T) {
	d := openTestDir(t, t.TempDir())
	for _, spec := range []string{`{"groups":[{"name":"../../x"}]}`, `{"groups":[{"name":"g","tasks":[{"name":"../t"}]}]}`} {
		id := ExecID{"j1", uint16(len(spec))}
		if _, err := assigned(t, d, id, []byte(spec)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.readSpec(id); err == nil || !strings.Contains(err.Error(), "lead out") {
			t.Errorf("%s: %v", spec, err)
		}
	}
	if dir := executor.SandboxDir("/j", "g", 1, 2); dir != "/j/tasks/g.1.2" {
		t.Errorf("the layout has changed: %s", dir)
	}
}

func TestExecID(t *testing.T) {
	for text, id := range map[string]ExecID{"j1": {"j1", 1}, "j1~2": {"j1", 2}, "a.b_c-D~65535": {"a.b_c-D", 65535}} {
		got, err := parseExecID(text)
		if err != nil || got != id || id.String() != text {
			t.Errorf("%q is %v (%v), %v is %q", text, got, err, id, id)
		}
	}
	for _, text := range []string{"", "~2", "j1~", "j1~1", "j1~0", "j1~65536", "../x", ".x", "j/1", strings.Repeat("x", 129)} {
		if id, err := parseExecID(text); err == nil {
			t.Errorf("%q is %v", text, id)
		}
	}
}
