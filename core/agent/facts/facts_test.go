package facts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestDetect describes machines by their files: each "file" directive writes one,
// and "detect" looks at what is there.
func TestDetect(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		root := t.TempDir()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "file":
				name := filepath.Join(root, d.CmdArgs[0].Key)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(d.Input+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				return ""
			case "detect":
				return detect(root)
			}
			t.Fatalf("%s: unknown directive %q", d.Pos, d.Cmd)
			return ""
		})
	})
}

func detect(root string) string {
	f, err := Detect(Source{Root: root})
	if err != nil {
		return err.Error()
	}
	out := "capacity " + f.Capacity.String() + "\n"
	for _, name := range []string{
		"attr.cpu.numcores", "attr.cpu.modelname", "attr.kernel.version", "attr.memory.totalbytes",
		"attr.os.name", "attr.os.version",
	} {
		if v, ok := f.Attributes[name]; ok {
			out += name + " " + v + "\n"
		}
	}
	return out
}

func TestDetectThisMachine(t *testing.T) {
	f, err := Detect(Source{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if f.Capacity.CPUMilli <= 0 || f.Capacity.MemoryBytes <= 0 || f.Capacity.DiskBytes <= 0 {
		t.Errorf("capacity %v", f.Capacity)
	}
	for name, v := range f.Attributes {
		if v == "" || !strings.HasPrefix(name, "attr.") {
			t.Errorf("%s is %q", name, v)
		}
	}
	if f.HostName == "" || f.Attributes["attr.unique.hostname"] != f.HostName {
		t.Errorf("host name %q", f.HostName)
	}
	if _, err := Detect(Source{DataDir: "/does/not/exist"}); err == nil {
		t.Error("measured the disk of a directory that is not there")
	}
}

func TestCountList(t *testing.T) {
	for list, want := range map[string]int{"0": 1, "0-3": 4, "0-1,4,6-7": 5, "": 0, "x": 0, "3-1": 0, "0-": 0} {
		if n := countList(list); n != want {
			t.Errorf("%q holds %d, want %d", list, n, want)
		}
	}
}
