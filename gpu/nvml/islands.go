//go:build cgo && linux

package nvml

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// islands names the groups of devices that reach each other over NVLink, beside
// hs; a device that reaches no other has no name.
func (s *Source) islands(hs []handle) []string {
	root := make([]int, len(hs))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	join := func(i, j int) {
		if a, b := find(i), find(j); a != b {
			root[max(a, b)] = min(a, b)
		}
	}
	if s.has("nvmlDeviceGetP2PStatus") {
		s.joinPeers(hs, join)
	}
	s.joinLinked(hs, join)
	size := map[int]int{}
	for i := range hs {
		size[find(i)]++
	}
	out := make([]string, len(hs))
	for i := range hs {
		if r := find(i); size[r] > 1 {
			out[i] = fmt.Sprintf("nvlink%d", r)
		}
	}
	return out
}

// joinPeers asks of each pair whether NVLink is between them, switches included.
func (s *Source) joinPeers(hs []handle, join func(i, j int)) {
	for i := range hs {
		for j := range i {
			status, ret := s.lib.DeviceGetP2PStatus(hs[i].Device, hs[j].Device, nvml.P2P_CAPS_INDEX_NVLINK)
			if ret == nvml.SUCCESS && status == nvml.P2P_STATUS_OK {
				join(i, j)
			}
		}
	}
}

// joinLinked follows each device's links: to another device, or to a switch,
// which all that are linked to one share on one machine.
func (s *Source) joinLinked(hs []handle, join func(i, j int)) {
	if !s.has("nvmlDeviceGetNvLinkState") || !s.has("nvmlDeviceGetNvLinkRemotePciInfo") {
		return
	}
	byPCI := map[string]int{}
	for i, h := range hs {
		if !s.has("nvmlDeviceGetPciInfo") {
			return
		}
		if p, ret := h.GetPciInfo(); ret == nvml.SUCCESS {
			byPCI[pciAddress(p)] = i
		}
	}
	switched := -1
	for i, h := range hs {
		for link := range nvml.NVLINK_MAX_LINKS {
			state, ret := h.GetNvLinkState(link)
			if ret == nvml.ERROR_INVALID_ARGUMENT || ret == nvml.ERROR_NOT_SUPPORTED {
				break // no more links
			}
			if ret != nvml.SUCCESS || state != nvml.FEATURE_ENABLED {
				continue
			}
			remote, ret := h.GetNvLinkRemotePciInfo(link)
			if ret != nvml.SUCCESS {
				continue
			}
			if j, ok := byPCI[pciAddress(remote)]; ok {
				join(i, j)
			} else if s.toSwitch(h, link) {
				if switched >= 0 {
					join(i, switched)
				}
				switched = i
			}
		}
	}
}

func (s *Source) toSwitch(h handle, link int) bool {
	if !s.has("nvmlDeviceGetNvLinkRemoteDeviceType") {
		return false
	}
	kind, ret := h.GetNvLinkRemoteDeviceType(link)
	return ret == nvml.SUCCESS && kind == nvml.NVLINK_DEVICE_TYPE_SWITCH
}
