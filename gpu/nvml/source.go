//go:build cgo && linux

package nvml

import (
	"cmp"
	"fmt"
	"sync"

	"github.com/NVIDIA/go-nvml/pkg/dl"
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// Source is the machine's devices.
type Source struct {
	lib    nvml.Interface
	opts   Options
	driver string

	mu      sync.Mutex
	symbols map[string]bool   // looked up before
	lost    map[string]string // by UUID: the critical error it had
	known   map[string]bool   // UUIDs that were ever listed
	samples map[string]uint64 // by UUID: the time of the latest process sample, µs
	migs    map[string]place  // by UUID of a MIG instance
}

const usualLibrary = "libnvidia-ml.so.1"

// Open loads the library. It returns ErrNoLibrary if there is none.
func Open(o Options) (*Source, error) {
	o.Library = cmp.Or(o.Library, usualLibrary)
	o.SysRoot, o.DevRoot, o.Proc = cmp.Or(o.SysRoot, "/sys"), cmp.Or(o.DevRoot, "/dev"), cmp.Or(o.Proc, "/proc")
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if err := probe(o.Library); err != nil {
		return nil, err
	}
	s := &Source{
		lib: nvml.New(nvml.WithLibraryPath(o.Library)), opts: o,
		symbols: map[string]bool{}, lost: map[string]string{}, known: map[string]bool{}, samples: map[string]uint64{},
		migs: map[string]place{},
	}
	switch ret := s.lib.Init(); ret {
	case nvml.SUCCESS:
	case nvml.ERROR_LIBRARY_NOT_FOUND, nvml.ERROR_DRIVER_NOT_LOADED:
		return nil, fmt.Errorf("%w (%s)", ErrNoLibrary, s.text(ret))
	default:
		return nil, fmt.Errorf("initialize %s: %s", o.Library, s.text(ret))
	}
	for _, name := range []string{"nvmlDeviceGetUUID", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"} {
		if !s.has(name) {
			s.Close()
			return nil, fmt.Errorf("initialize %s: it has no function %s", o.Library, name)
		}
	}
	if s.has("nvmlSystemGetDriverVersion") {
		if v, ret := s.lib.SystemGetDriverVersion(); ret == nvml.SUCCESS {
			s.driver = v
		}
	}
	return s, nil
}

// probe looks for what Init calls before anything can be looked up in lib.
func probe(path string) error {
	l := dl.New(path, dl.RTLD_LAZY|dl.RTLD_LOCAL)
	if err := l.Open(); err != nil {
		return fmt.Errorf("%w (%v)", ErrNoLibrary, err)
	}
	defer l.Close()
	if l.Lookup("nvmlInit_v2") != nil && l.Lookup("nvmlInit") != nil {
		return fmt.Errorf("initialize %s: it has no function nvmlInit", path)
	}
	return nil
}

// versions are what go-nvml calls instead of a function, if the library has it.
var versions = map[string][]string{
	"nvmlDeviceGetCount":                   {"nvmlDeviceGetCount_v2"},
	"nvmlDeviceGetHandleByIndex":           {"nvmlDeviceGetHandleByIndex_v2"},
	"nvmlDeviceGetPciInfo":                 {"nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo_v3"},
	"nvmlDeviceGetNvLinkRemotePciInfo":     {"nvmlDeviceGetNvLinkRemotePciInfo_v2"},
	"nvmlEventSetWait":                     {"nvmlEventSetWait_v2"},
	"nvmlDeviceGetAttributes":              {"nvmlDeviceGetAttributes_v2"},
	"nvmlDeviceGetComputeRunningProcesses": {"nvmlDeviceGetComputeRunningProcesses_v2", "nvmlDeviceGetComputeRunningProcesses_v3"},
}

// has reports whether the library has a function, or the version of it that
// would be called.
func (s *Source) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.symbols[name]
	if ok {
		return known
	}
	known = s.lib.Extensions().LookupSymbol(name) == nil
	for _, v := range versions[name] {
		known = known || s.lib.Extensions().LookupSymbol(v) == nil
	}
	s.symbols[name] = known
	return known
}

// text says a return code in words; go-nvml would ask the library, which may not
// have the function.
func (s *Source) text(ret nvml.Return) string {
	if ret == nvml.ERROR_LIBRARY_NOT_FOUND || !s.has("nvmlErrorString") {
		return fmt.Sprintf("NVML error %d", int(ret))
	}
	return ret.Error()
}

// Driver returns the driver's version, empty if it is not told.
func (s *Source) Driver() string { return s.driver }

// Close unloads the library.
func (s *Source) Close() error {
	if !s.has("nvmlShutdown") {
		return nil
	}
	if ret := s.lib.Shutdown(); ret != nvml.SUCCESS {
		return fmt.Errorf("shut NVML down: error %d", int(ret))
	}
	return nil
}

// handle is a device with what names it.
type handle struct {
	nvml.Device
	uuid  string
	index int
}

// handles returns all devices that answer.
func (s *Source) handles() ([]handle, error) {
	n, ret := s.lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return nil, fmt.Errorf("count GPUs: %s", s.text(ret))
	}
	var out []handle
	for i := range n {
		d, ret := s.lib.DeviceGetHandleByIndex(i)
		if ret != nvml.SUCCESS {
			s.opts.Warn(fmt.Sprintf("GPU %d is left out: %s", i, s.text(ret)))
			continue
		}
		uuid, ret := d.GetUUID()
		if ret != nvml.SUCCESS {
			s.opts.Warn(fmt.Sprintf("GPU %d is left out: it has no UUID: %s", i, s.text(ret)))
			continue
		}
		out = append(out, handle{d, uuid, i})
	}
	return out, nil
}
