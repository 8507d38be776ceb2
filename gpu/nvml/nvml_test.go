//go:build cgo && linux

package nvml

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// A process can load one library only: go-nvml keeps in variables of its package
// which version of a function to call. So each test asks in a process of its own.
const askEnv = "TENDER_TEST_NVML"

// answer is what a process tells of the library it was given.
type answer struct {
	Error   string
	None    bool // there is no library
	Driver  string
	Devices []model.GPU
	Usage   []gpu.Usage
	Sick    []map[string]string // as reported, one after another
	Nodes   map[string][]string
	Warned  []string
}

func TestMain(m *testing.M) {
	if lib := os.Getenv(askEnv); lib != "" {
		json.NewEncoder(os.Stdout).Encode(tell(lib))
		return
	}
	os.Exit(m.Run())
}

func tell(lib string) (a answer) {
	s, err := Open(Options{Library: lib, SysRoot: os.Getenv("FAKE_SYS"), Proc: os.Getenv("FAKE_SYS"), Warn: func(t string) { a.Warned = append(a.Warned, t) }})
	if err != nil {
		return answer{Error: err.Error(), None: errors.Is(err, ErrNoLibrary)}
	}
	fail := func(err error) {
		if err != nil {
			a.Error += err.Error()
		}
	}
	a.Driver = s.Driver()
	a.Devices, err = s.Discover()
	fail(err)
	a.Nodes = map[string][]string{}
	for i := range a.Devices {
		a.Nodes[a.Devices[i].UUID] = s.Nodes(&a.Devices[i])
	}
	for range 2 { // process samples are from the first time on
		a.Usage, err = s.Usage()
		fail(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	then := os.Getenv("FAKE_THEN")
	fail(s.Watch(ctx, func(sick map[string]string) {
		a.Sick = append(a.Sick, sick)
		if then != "" {
			fail(os.WriteFile(os.Getenv("FAKE_NVML"), []byte(then), 0o644))
			then = ""
		}
	}))
	fail(s.Close())
	return a
}

// fakeLibrary builds testdata/fakenvml.c.
func fakeLibrary(t *testing.T, flags ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc to build the library of the test with")
	}
	lib := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
	args := append([]string{"-shared", "-fPIC", "-o", lib, "testdata/fakenvml.c"}, flags...)
	if out, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
		t.Fatalf("build the library: %v\n%s", err, out)
	}
	return lib
}

// ask returns what a process tells of lib while events happen; then is what
// happens after it has reported the first time.
func ask(t *testing.T, lib, events, then string) (a answer) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "events")
	if err := os.WriteFile(file, []byte(events), 0o644); err != nil {
		t.Fatal(err)
	}
	numa := filepath.Join(dir, "bus/pci/devices/0000:40:00.0")
	if err := os.MkdirAll(numa, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(numa, "numa_node"), []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for place, minor := range map[string]int{"gi2": 12, "gi2/ci0": 13} { // of the second instance on the third device
		caps := filepath.Join(dir, "driver/nvidia/capabilities/gpu6/mig", place)
		if err := os.MkdirAll(caps, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(caps, "access"), fmt.Appendf(nil, "DeviceFileMinor: %d\nDeviceFileMode: 292\nDeviceFileModify: 1\n", minor), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), askEnv+"="+lib, "FAKE_NVML="+file, "FAKE_SYS="+dir, "FAKE_THEN="+then)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the process died: %v\n%s", err, out)
	}
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return a
}

func TestDiscover(t *testing.T) {
	a := ask(t, fakeLibrary(t), "mig 2\nremap 3\n", "")
	if a.Error != "" || a.Driver != "580.95.05" {
		t.Fatalf("%+v", a)
	}
	var lines []string
	for _, g := range a.Devices {
		lines = append(lines, fmt.Sprintf("%s %s %d/%d numa=%d %q mig=%q of %q milli=%d %d %s | %s",
			g.UUID, g.PCI, g.Index, g.Minor, g.NUMA, g.Island, g.MIG, g.Parent, g.Milli, g.MemoryBytes>>30, g.Model, g.Unhealthy))
	}
	want := `GPU-0000-3 0000:10:00.0 3/7 numa=-1 "nvlink2" mig="" of "" milli=1000 80 NVIDIA H100 80GB HBM3 | memory rows could not be remapped
MIG-0000-2-1 0000:20:00.0 2/6 numa=-1 "" mig="3g.40gb" of "GPU-0000-2" milli=428 40 NVIDIA H100 80GB HBM3 | 
MIG-0000-2-2 0000:20:00.0 2/6 numa=-1 "" mig="3g.40gb" of "GPU-0000-2" milli=428 40 NVIDIA H100 80GB HBM3 | 
GPU-0000-1 0000:30:00.0 1/5 numa=-1 "nvlink0" mig="" of "" milli=1000 80 NVIDIA H100 80GB HBM3 | 
GPU-0000-0 0000:40:00.0 0/4 numa=1 "nvlink0" mig="" of "" milli=1000 80 NVIDIA H100 80GB HBM3 | `
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
}

func TestNodes(t *testing.T) {
	a := ask(t, fakeLibrary(t), "mig 2\n", "")
	const all = "/dev/nvidiactl /dev/nvidia-uvm /dev/nvidia-uvm-tools /dev/nvidia-modeset "
	for uuid, want := range map[string]string{
		"GPU-0000-3":   all + "/dev/nvidia7",
		"MIG-0000-2-2": all + "/dev/nvidia6 /dev/nvidia-caps/nvidia-cap12 /dev/nvidia-caps/nvidia-cap13",
		"MIG-0000-2-1": all + "/dev/nvidia6", // of which nothing is known, as is said
	} {
		if got := strings.Join(a.Nodes[uuid], " "); got != want {
			t.Errorf("nodes of %s: %s, want %s", uuid, got, want)
		}
	}
	if len(a.Warned) != 1 || !strings.Contains(a.Warned[0], "MIG-0000-2-1") {
		t.Errorf("warned %q", a.Warned)
	}
}

func TestUsage(t *testing.T) {
	a := ask(t, fakeLibrary(t), "lost 1\n", "")
	if len(a.Usage) != 4 {
		t.Fatalf("%+v", a)
	}
	got, _ := json.Marshal(a.Usage[0])
	want := `{"uuid":"GPU-0000-0","busy_percent":70,"memory_used_bytes":3221225472,"memory_bytes":85899345920,"temperature_c":-1,"power_milliwatts":350000,` +
		`"processes":[{"pid":4710,"memory_used_bytes":-1,"busy_percent":-1},{"pid":4711,"memory_used_bytes":1073741824,"busy_percent":63}]}`
	if string(got) != want {
		t.Errorf("usage\n%s\nwant\n%s", got, want)
	}
	if a.Usage[1].BusyPercent != -1 || a.Usage[1].MemoryUsedBytes != -1 {
		t.Errorf("a lost device's usage is told: %+v", a.Usage[1])
	}
}

func TestHealth(t *testing.T) {
	lib := fakeLibrary(t)
	for _, c := range []struct{ events, then, want string }{
		{"", "", "[]"},
		{"xid 1 31\n", "", "[]"}, // the program's own fault
		{"xid 1 79\n", "", "[map[GPU-0000-1:XID 79: fallen off the bus]]"},
		{"mig 2\nmigxid 2 94\n", "", "[map[MIG-0000-2-2:XID 94: contained memory error]]"},
		{"xid 1 31\nxid 0 94\n", "", "[map[GPU-0000-0:XID 94: contained memory error]]"},
		{"lost 2\n", "", "[map[GPU-0000-2:lost: the driver does not reach it any more]]"},
		{"lost 2\n", "\n", "[map[GPU-0000-2:lost: the driver does not reach it any more]]"}, // and back: asked again after half a minute
		{"xid 0 48\n", "xid 0 48\nxid 1 999\n", "[map[GPU-0000-0:XID 48: double bit ECC error] map[GPU-0000-0:XID 48: double bit ECC error GPU-0000-1:XID 999]]"},
		{"xid 0 48\n", "xid 0 48\ngone\nxid 1 64\n", "[map[GPU-0000-0:XID 48: double bit ECC error] map[GPU-0000-0:XID 48: double bit ECC error GPU-0000-1:XID 64: row remapping failed GPU-0000-3:lost: the driver does not list it any more]]"},
	} {
		t.Run(c.events+c.then, func(t *testing.T) {
			t.Parallel()
			a := ask(t, lib, c.events, c.then)
			if got := fmt.Sprint(a.Sick); got != c.want || a.Error != "" {
				t.Errorf("%q then %q: reported %s, want %s (%s)", c.events, c.then, got, c.want, a.Error)
			}
		})
	}
}

func TestMissingFunctionsAreNotCalled(t *testing.T) {
	a := ask(t, fakeLibrary(t, "-DBARE"), "lost 0\n", "")
	if a.Error != "" || len(a.Devices) != 4 || len(a.Usage) != 4 {
		t.Fatalf("%+v", a)
	}
	if g := a.Devices[0]; g.UUID != "GPU-0000-0" || g.Minor != -1 || g.NUMA != -1 || g.Milli != 1000 {
		t.Errorf("device %+v", g)
	}
	if u := a.Usage[0]; u.BusyPercent != -1 || !u.ProcessesUnknown {
		t.Errorf("usage %+v", u)
	}
}

func TestNoLibrary(t *testing.T) {
	if a := ask(t, "/nonexistent/libnvidia-ml.so.1", "", ""); !a.None {
		t.Errorf("%+v", a)
	}
	// A library that is none of NVIDIA's.
	other := filepath.Join(t.TempDir(), "other.so")
	source := filepath.Join(t.TempDir(), "other.c")
	if err := os.WriteFile(source, []byte("int nothing;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-shared", "-o", other, source).CombinedOutput(); err != nil {
		t.Skipf("gcc: %v %s", err, out)
	}
	if a := ask(t, other, "", ""); a.None || !strings.Contains(a.Error, "no function nvmlInit") {
		t.Errorf("%+v", a)
	}
}
