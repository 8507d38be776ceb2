package isolation

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What another process left behind is found, killed and removed by its
// directories alone.
func TestDestroyWhatAnotherProcessLeft(t *testing.T) {
	b := newBench(t)
	script := `trap "" TERM; (setsid sleep 1000 &); echo up >` + b.out + `.up; sleep 1000`
	holder, done := b.process("__hold", b.rel+"/left", "raw", script)
	b.awaitFile(b.out + ".up")
	tree := slices.Clone(b.host.Tree(b.rel + "/left"))
	b.reaper.Signal(holder, unix.SIGKILL, false)
	<-done
	names, err := b.host.List(b.rel)
	if err != nil || !slices.Equal(names, []string{"left"}) {
		t.Errorf("list: %q, %v; want left", names, err)
	}
	if err := tree.Destroy(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if dirs := tree.dirs(); len(dirs) > 0 {
		t.Errorf("%q are left", dirs)
	}
	if err := tree.Destroy(time.Second); err != nil {
		t.Errorf("destroying nothing: %v", err)
	}
}

// Destroy says so when a process will not go: here one that it must not kill.
func TestDestroyGivesUp(t *testing.T) {
	b := newBench(t)
	c := b.cell(false)
	done := b.start(c, "sh", "echo up >"+b.out+".up; exec sleep 1000")
	b.awaitFile(b.out + ".up")
	if err := c.Group.Tree().Remove(); err == nil {
		t.Error("a cgroup with a process in it was removed")
	}
	b.kill(c)
	<-done
}

func TestGroupNamesStayInside(t *testing.T) {
	b := newBench(t)
	for _, rel := range []string{"../x", "/x", "a/../../x", ""} {
		if _, err := b.host.NewGroup(rel); err == nil {
			t.Errorf("group %q was made", rel)
		}
	}
}

// Groups come and go beside each other: a parent that one process removes while
// another one needs it is made again.
func TestParentsVanish(t *testing.T) {
	b := newBench(t)
	results := make(chan error)
	for i := range 4 {
		go func() {
			for range 50 {
				g, err := b.host.NewGroup(b.rel + "/shared/" + string(rune('a'+i)))
				if err == nil {
					err = g.Remove()
				}
				if err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
	}
	for range 4 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}
