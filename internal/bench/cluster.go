package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// dev is a running `tender dev`.
type dev struct {
	cmd    *exec.Cmd
	tender string
	addr   string
	dir    string
}

func (b *bench) dev(flags ...string) (*dev, error) {
	dir, err := os.MkdirTemp(b.dir, "dev")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &dev{tender: b.tender, addr: l.Addr().String(), dir: dir}
	l.Close()
	d.cmd = exec.Command(b.tender, append([]string{"dev", "--data-dir", filepath.Join(dir, "data"), "--listen", d.addr}, flags...)...)
	d.cmd.Stderr = os.Stderr
	d.cmd.Args = append(d.cmd.Args, "--log-level", "error")
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		d.stop()
		return nil, fmt.Errorf("tender dev said %q instead of ready", line)
	}
	return d, nil
}

func (d *dev) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	_ = d.cmd.Wait()
	os.RemoveAll(d.dir)
}

// run runs the command line and returns its standard output.
func (d *dev) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, d.tender, args...)
	cmd.Env = append(os.Environ(), "TENDER_ADDR="+d.addr)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, fmt.Errorf("tender %v: %w: %s", args, err, exit.Stderr)
		}
		return nil, err
	}
	return out, nil
}

func (d *dev) json(ctx context.Context, v any, args ...string) error {
	out, err := d.run(ctx, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, v)
}

// file writes a job file.
func (d *dev) file(name, text string) (string, error) {
	path := filepath.Join(d.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o644)
}
