//go:build cgo && linux

package nvml

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/tender-scheduler/tender/gpu"
)

const (
	// waitMillis bounds one wait for an event, so that an end is noticed.
	waitMillis = 1000
	// lookEvery is how often devices are asked how they are, besides their events.
	lookEvery = 30 * time.Second
)

// ailment returns why h must not be used, as far as asking it tells; empty if
// nothing is known against it.
func (s *Source) ailment(h handle) string {
	if known := s.lostBy(h.uuid); known != "" {
		return known
	}
	if s.has("nvmlDeviceGetMemoryInfo") {
		switch _, ret := h.GetMemoryInfo(); ret {
		case nvml.ERROR_GPU_IS_LOST, nvml.ERROR_NOT_FOUND:
			return "lost: the driver does not reach it any more"
		case nvml.ERROR_RESET_REQUIRED:
			return "needs a reset"
		}
	}
	if s.has("nvmlDeviceGetRemappedRows") {
		if _, _, _, failed, ret := h.GetRemappedRows(); ret == nvml.SUCCESS && failed {
			return "memory rows could not be remapped"
		}
	}
	if s.has("nvmlDeviceGetTotalEccErrors") {
		n, ret := h.GetTotalEccErrors(nvml.MEMORY_ERROR_TYPE_UNCORRECTED, nvml.VOLATILE_ECC)
		if ret == nvml.SUCCESS && n > 0 && !s.retires(h) {
			return fmt.Sprintf("%d uncorrected ECC errors since the driver was loaded", n)
		}
	}
	return ""
}

// lostBy returns the critical error that a device or an instance had.
func (s *Source) lostBy(uuid string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost[uuid]
}

// retires reports whether h replaces memory that had an error, as devices since
// Ampere do: then an old error is none any more.
func (s *Source) retires(h handle) bool {
	if !s.has("nvmlDeviceGetRemappedRows") {
		return false
	}
	_, _, _, _, ret := h.GetRemappedRows()
	return ret == nvml.SUCCESS
}

// Watch calls report with all devices that are unhealthy, and why, whenever that
// changes, until ctx ends. A device that had a critical error stays unhealthy
// until the agent starts anew; one that only could not be reached, until it can.
func (s *Source) Watch(ctx context.Context, report func(unhealthy map[string]string)) error {
	set, err := s.subscribe()
	if err != nil {
		return err
	}
	if set != nil && s.has("nvmlEventSetFree") {
		defer func() { _ = set.Free() }()
	}
	told := map[string]string{}
	var look time.Time
	for ctx.Err() == nil {
		events := s.next(ctx, set)
		if events || time.Since(look) >= lookEvery {
			look = time.Now()
			if sick := s.sick(); !maps.Equal(sick, told) {
				told = sick
				report(maps.Clone(sick))
			}
		}
	}
	return nil
}

// subscribe asks for the events of all devices; nil if there are none to have.
func (s *Source) subscribe() (nvml.EventSet, error) {
	for _, f := range []string{"nvmlEventSetCreate", "nvmlEventSetWait", "nvmlDeviceRegisterEvents", "nvmlDeviceGetSupportedEventTypes"} {
		if !s.has(f) {
			return nil, nil
		}
	}
	set, ret := s.lib.EventSetCreate()
	if ret != nvml.SUCCESS {
		return nil, fmt.Errorf("make an event set: %s", s.text(ret))
	}
	hs, err := s.handles()
	if err != nil {
		return nil, err
	}
	for _, h := range hs {
		mask, ret := h.GetSupportedEventTypes()
		if ret != nvml.SUCCESS {
			continue
		}
		mask &= nvml.EventTypeXidCriticalError | nvml.EventTypeDoubleBitEccError
		if ret := h.RegisterEvents(mask, set); mask != 0 && ret != nvml.SUCCESS && ret != nvml.ERROR_NOT_SUPPORTED {
			s.opts.Warn(fmt.Sprintf("no events of GPU %s: %s", h.uuid, s.text(ret)))
		}
	}
	return set, nil
}

// next waits for an event, but not for long, and reports whether there is reason
// to look at the devices.
func (s *Source) next(ctx context.Context, set nvml.EventSet) bool {
	if set == nil {
		sleep(ctx, waitMillis*time.Millisecond)
		return false
	}
	e, ret := set.Wait(waitMillis)
	switch ret {
	case nvml.SUCCESS:
	case nvml.ERROR_TIMEOUT:
		return false
	default: // ERROR_GPU_IS_LOST, but of which it does not say
		sleep(ctx, waitMillis*time.Millisecond)
		return true
	}
	reason := ""
	switch e.EventType {
	case nvml.EventTypeXidCriticalError:
		reason = gpu.XID(e.EventData)
	case nvml.EventTypeDoubleBitEccError:
		reason = "double bit ECC error"
	}
	if reason == "" {
		return false
	}
	uuid, ret := e.Device.GetUUID()
	if ret != nvml.SUCCESS { // whose it was cannot be told: all are asked, and this one will not answer
		return true
	}
	s.mu.Lock()
	s.lost[s.instanceOf(uuid, e.GpuInstanceId, e.ComputeInstanceId)] = reason
	s.mu.Unlock()
	return true
}

// sick asks all devices. One that cannot even be named any more is known from
// the time when it could.
func (s *Source) sick() map[string]string {
	out := map[string]string{}
	hs, err := s.handles()
	if err != nil {
		s.opts.Warn(err.Error())
		return out
	}
	there := map[string]bool{}
	for _, h := range hs {
		there[h.uuid] = true
		if why := s.ailment(h); why != "" {
			out[h.uuid] = why
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for uuid := range s.known {
		if !there[uuid] {
			out[uuid] = "lost: the driver does not list it any more"
		}
	}
	maps.Copy(s.known, there)
	maps.Copy(out, s.lost) // of instances too
	return out
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
