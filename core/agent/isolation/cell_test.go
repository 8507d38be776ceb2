package isolation

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == InitCommand {
		os.Exit(InitMain(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func BenchmarkCell(b *testing.B) {
	h, err := Detect()
	if err != nil {
		b.Fatal(err)
	}
	if err := h.Prepare(); err != nil {
		b.Fatal(err)
	}
	b.Log(h)
	r, err := StartReaper()
	if err != nil {
		b.Fatal(err)
	}
	t := time.Now()
	c, err := h.NewCell(fmt.Sprintf("test-%d", os.Getpid()), r, true)
	if err != nil {
		b.Fatal(err)
	}
	b.Log("cell in", time.Since(t))
	null, _ := os.OpenFile("/dev/null", os.O_RDWR, 0)
	done := make(chan Exit, 1)
	for b.Loop() {
		if err := c.Group.SetLimits(Limits{CPUMilli: 1000, CPUQuota: true, MemoryBytes: 64 << 20, PidsMax: 100}); err != nil {
			b.Fatal(err)
		}
		_, err := c.Start(&Command{Path: "/bin/true", Args: []string{"true"}, Dir: "/", Files: []uintptr{null.Fd(), null.Fd(), null.Fd()}}, func(e Exit) { done <- e })
		if err != nil {
			b.Fatal(err)
		}
		e := <-done
		if !e.Status.Exited() || e.Status.ExitStatus() != 0 {
			b.Fatal(e)
		}
		if err := c.Kill(time.Second); err != nil {
			b.Fatal(err)
		}
		if u := c.Group.Usage(); u.CPU == 0 || u.PeakMemoryBytes == 0 {
			b.Fatal(u)
		}
		if err := c.Clean(); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}
