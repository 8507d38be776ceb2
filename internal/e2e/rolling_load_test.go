package e2e

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
)

// rolling is a service that is being updated, one task after another, with somebody
// who waits for the end of that.
func (c *cluster) rolling(count int) load {
	file := func(version string) string {
		return c.file("rolling-"+version+".hcl", fmt.Sprintf(`
job "rolling" {
  type = "service"
  update {
    max_parallel      = 1
    min_healthy_time  = "3s"
    healthy_deadline  = "2m"
    progress_deadline = "5m"
  }
  group "g" {
    count = %d
    task "t" {
      driver       = "exec"
      kill_timeout = "5s"
      config {
        script = "echo $TENDER_ALLOC_INDEX >> %s; exec sleep 1000"
      }
      resources {
        cpus   = 0.1
        memory = "16MiB"
      }
    }
  }
}
`, count, filepath.Join(c.dir, "rolling-"+version)))
	}
	c.must("submit", "--wait", file("old"))
	update := c.inBackground("submit", "--wait", file("new"))
	ran := filepath.Join(c.dir, "rolling-new")
	c.eventually("the update has begun", func() bool { return len(lines(ran)) > 0 })
	return load{"rolling", func(t *testing.T) {
		if err := update.wait(); err != nil {
			t.Errorf("submit --wait of an update: %v\n%s%s", err, update.output(), update.errs())
		}
		once(t, filepath.Join(c.dir, "rolling-old"), count)
		// A slot's new task may have another number than its old one had.
		seen := map[string]bool{}
		for _, s := range lines(ran) {
			if _, err := strconv.Atoi(s); err != nil || seen[s] {
				t.Errorf("a new task started twice: %q in %q", s, lines(ran))
			}
			seen[s] = true
		}
		if len(seen) != count {
			t.Errorf("%d of %d new tasks started: %q", len(seen), count, lines(ran))
		}
		c.must("cancel", "rolling")
		c.run("wait", "rolling") // until all have ended
	}}
}
