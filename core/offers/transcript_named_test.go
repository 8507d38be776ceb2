package offers

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// The arguments of a transcript about devices and ports.

// giveGPUs reads 4xH100: an agent's devices, of one NVLink island.
func giveGPUs(info *model.AgentInfo, text string) {
	count, name, _ := strings.Cut(text, "x")
	n, _ := strconv.Atoi(count)
	for i := range n {
		info.GPUs = append(info.GPUs, model.GPU{
			UUID: fmt.Sprintf("%s-g%d", info.Name, i), Model: name, MemoryBytes: 80 << 30, Milli: 1000,
			Index: i, Minor: i, NUMA: -1, Island: "nvlink0",
		})
	}
	info.Capacity.GPUMilli = int64(n) * 1000
}

// askGPUs reads 2, or 0.25 for a part of one.
func askGPUs(s *model.Shape, text string) error {
	f, err := strconv.ParseFloat(text, 64)
	r := model.GPURequest{Count: int(f)}
	if f < 1 {
		r.ShareMilli = int(f * 1000)
	}
	s.GPUs = []model.GPURequest{r}
	s.GPUMilli = r.Milli()
	return err
}

// granted prints what an offer's part grants by name.
func (s *script) granted(p model.OfferPart) string {
	var out []string
	for _, g := range p.Grants {
		for _, u := range g.GPUs {
			text := u.UUID
			if u.Milli < 1000 {
				text += "×" + model.FormatCPU(u.Milli)
			}
			out = append(out, text)
		}
		for _, port := range g.Ports {
			out = append(out, fmt.Sprintf("port %d", port))
		}
	}
	if out == nil {
		return ""
	}
	return " (" + strings.Join(out, " ") + ")"
}

// askPorts reads numbers, and any.
func askPorts(texts []string) (out []model.PortRequest) {
	for _, p := range texts {
		n, _ := strconv.Atoi(p)
		out = append(out, model.PortRequest{Label: p, Static: uint16(n)})
	}
	return out
}
