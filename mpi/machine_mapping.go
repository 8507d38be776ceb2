package mpi

import (
	"fmt"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// Mapping returns the value of PMI_process_mapping: which ranks share a node, as
// (vector,(first node, nodes, ranks on each),…) in the order of the ranks. It is
// empty where a rank could not be told so much; MPICH then finds out by itself.
func Mapping(p *model.GangPlan, ranks int) string {
	type block struct{ first, nodes, each int }
	var blocks []block
	for i := 0; i < len(p.Runs); i++ {
		node, n := p.Runs[i].Node, p.Runs[i].Count*ranks
		if last := len(blocks) - 1; last >= 0 {
			b := &blocks[last]
			if b.each == n && b.first+b.nodes == node {
				b.nodes++
				continue
			}
		}
		blocks = append(blocks, block{node, 1, n})
	}
	var s strings.Builder
	s.WriteString("(vector")
	for _, b := range blocks {
		fmt.Fprintf(&s, ",(%d,%d,%d)", b.first, b.nodes, b.each)
	}
	s.WriteString(")")
	if s.Len() >= maxValueBytes {
		return ""
	}
	return s.String()
}
