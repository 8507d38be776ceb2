package executor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

// tree lists what is in a directory.
func tree(t *testing.T, dir string) []string {
	var found []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		found = append(found, rel)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return found
}

var fresh = []string{".", "alloc", "t", "t/local", "t/secrets", "t/tmp"}

// A sandbox that its task did not touch serves the next one; one that was
// touched in any way stays as it is. Every task finds a fresh one.
func TestUntouchedSandboxesAreUsedAgain(t *testing.T) {
	steps := []struct {
		script string
		kept   []string // besides what is fresh; nil = nothing but an empty file
	}{
		{"true", nil},
		{"true", nil},
		{"touch local/x", []string{"t/local/x"}},
		{"true", nil},
		{"touch tmp/x; rm tmp/x", []string{}},
		{"touch $TENDER_ALLOC_DIR/x", []string{"alloc/x"}},
		{"touch x", []string{"t/x"}},
		{"touch ../x", []string{"x"}},
		{"chmod 700 local", []string{}},
		{"chown nobody tmp", []string{}},
		{"mkdir secrets/d; rmdir secrets/d", []string{}},
		{"echo words", []string{"logs", "logs/t.stdout.0"}},
		{"rm -r tmp; mkdir tmp", []string{}},
		{"true", nil},
	}
	script := "case $TENDER_ALLOC_INDEX in "
	for i, s := range steps {
		script += string(rune('a'+i)) + ") " + s.script + ";; "
	}
	script = strings.ReplaceAll(script, "case $TENDER_ALLOC_INDEX in", "case $(printf \"\\\\$(printf %03o $((97+TENDER_ALLOC_INDEX)))\") in")
	check := `
		[ "$(find .. | sort | tr '\n' ' ')" = ".. ../alloc ../t ../t/local ../t/secrets ../t/tmp " ] || { find .. >&2; exit 9; }
		[ "$(stat -c '%a %U' ../alloc . local tmp secrets | tr '\n' ' ')" = "755 root 755 root 755 root 755 root 700 root " ] || { stat -c '%a %U' ../alloc . local tmp secrets >&2; exit 8; }
		`
	r := newRig(t, sh(check+script+"esac"))
	for i, s := range steps {
		k := lifecycle.Key{Index: uint32(i)}
		r.launch(0, k.Index)
		if u := r.await(k); model.TaskState(u.Task.State) != model.TaskFinished {
			errors, _ := os.ReadFile(filepath.Join(LogDir(r.dir, "g", k.Index, 0), "t.stderr.0"))
			t.Errorf("%q: %s: %s", s.script, summary(u), errors)
		}
		want := []string{"."}
		if s.kept != nil {
			want = slices.Sorted(slices.Values(slices.Concat(fresh, s.kept)))
		}
		if got := tree(t, r.sandbox("g", k.Index)); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("%q left %q, want %q", s.script, got, want)
		}
	}
	r.end()
	if _, err := os.Stat(filepath.Join(r.dir, nurseryDir)); !os.IsNotExist(err) {
		t.Errorf("the nursery is left behind: %v", err)
	}
}

func TestSandboxesOfGroupsAreKept(t *testing.T) {
	r := newRig(t, job(shTask("a", "true"), shTask("b", "true")))
	r.run(0)
	if got := tree(t, r.sandbox("g", 0)); len(got) != 10 {
		t.Errorf("sandbox has %q", got)
	}
}

func TestUntouchedSandboxesOfUsers(t *testing.T) {
	r := newRig(t, sh("test -O local && test -O tmp && test -w $TENDER_ALLOC_DIR", func(t *model.TaskSpec) { t.User = "nobody" }))
	os.Chmod(filepath.Dir(r.dir), 0o755)
	for i := range uint32(3) {
		r.launch(0, i)
		r.expect(r.await(lifecycle.Key{Index: i}), "FINISHED cause=finished code=0")
		if got := tree(t, r.sandbox("g", i)); len(got) != 1 {
			t.Errorf("sandbox %d has %q", i, got)
		}
	}
}

// What remains of attempts that left nothing takes one inode, also when the one
// that was there first is removed.
func TestUntouchedAttemptsShareAnInode(t *testing.T) {
	r := newRig(t, sh("true"))
	inode := func(index uint32) uint64 {
		r.launch(0, index)
		r.expect(r.await(lifecycle.Key{Index: index}), "FINISHED cause=finished code=0")
		var st unix.Stat_t
		r.must(unix.Lstat(r.sandbox("g", index), &st))
		return st.Ino
	}
	first := inode(0)
	if second := inode(1); second != first {
		t.Errorf("inodes %d and %d, want the same", first, second)
	}
	r.must(os.Remove(r.sandbox("g", 0)))
	third := inode(2)
	if fourth := inode(3); fourth != third {
		t.Errorf("inodes %d and %d, want the same", third, fourth)
	}
}
