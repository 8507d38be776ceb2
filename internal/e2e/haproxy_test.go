package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// haproxy is a real one, which a new one takes over from at every change, as
// docs/services.md has it. The old one's signal to reload would be lost where it is
// still busy with the last.
func (c *cluster) haproxy() string {
	address := freeAddress(c.t)
	config, pid, socket := filepath.Join(c.dir, "haproxy.cfg"), filepath.Join(c.dir, "haproxy.pid"), filepath.Join(c.dir, "haproxy.sock")
	template := c.file("haproxy.tmpl", fmt.Sprintf(`
global
  stats socket %[2]s mode 600 level admin expose-fd listeners
  hard-stop-after 30s
defaults
  mode http
  timeout connect 5s
  timeout client  30s
  timeout server  30s
  retries 0 # what fails is to be seen
frontend shop
  bind %[1]s
  default_backend shop
backend shop
{{ range .Endpoints }}  server {{ .Node }}-{{ .Port }} {{ addr . }}
{{ end }}`, address, socket))
	start := fmt.Sprintf("haproxy -D -f %s -p %s", config, pid)
	c.must("services", "shop", "--template", template, "--out", config, "--exec", start, "--once")
	c.t.Cleanup(func() { c.endProcess(pid) })
	c.eventually("haproxy listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	follow := exec.Command(binary, "services", "shop", "--address", c.addr, "--template", template, "--out", config,
		"--exec", fmt.Sprintf("%s -x %s -sf $(cat %s)", start, socket, pid))
	follow.Stderr = c.t.Output()
	if err := follow.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = follow.Process.Signal(syscall.SIGTERM)
		_ = follow.Wait()
	})
	return address
}

// endProcess ends the daemon that a file names. What it has taken over from ends by
// itself, which checkNothingLeft waits for.
func (c *cluster) endProcess(pidFile string) {
	c.t.Helper()
	text, err := os.ReadFile(pidFile)
	if err != nil {
		c.t.Error(err)
		return
	}
	for _, s := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(s); err == nil {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
}
