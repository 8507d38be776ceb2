package openb

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// Workload is a trace: the machine, and the tasks in the order of the file.
type Workload struct {
	Nodes []model.AgentInfo
	Tasks []model.Shape
}

// Load reads a node list (columns sn, cpu_milli, memory_mib, gpu, model) and a
// pod list (cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec), each with a
// header line; other columns do not matter.
func Load(nodes, tasks io.Reader) (*Workload, error) {
	w := &Workload{}
	err := table(nodes, []string{"sn", "cpu_milli", "memory_mib", "gpu", "model"}, func(r *row) {
		w.Nodes = append(w.Nodes, node(r))
	})
	if err != nil {
		return nil, fmt.Errorf("read nodes: %w", err)
	}
	err = table(tasks, []string{"cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec"}, func(r *row) {
		w.Tasks = append(w.Tasks, task(r))
	})
	if err != nil {
		return nil, fmt.Errorf("read tasks: %w", err)
	}
	if len(w.Nodes) == 0 || len(w.Tasks) == 0 {
		return nil, fmt.Errorf("read traces: %d nodes and %d tasks, want at least one of each", len(w.Nodes), len(w.Tasks))
	}
	return w, nil
}

const (
	maxGPUs = 128 // of a node, or of a task
	mib     = 1 << 20
)

func node(r *row) model.AgentInfo {
	name := r.text("sn")
	a := model.AgentInfo{
		ID: model.AgentID(name), Name: name,
		Capacity: model.Resources{CPUMilli: r.number("cpu_milli", 1<<40), MemoryBytes: r.number("memory_mib", 1<<40) * mib},
	}
	for i := range r.number("gpu", maxGPUs) {
		a.GPUs = append(a.GPUs, model.GPU{
			UUID: fmt.Sprintf("%s/%d", name, i), Model: r.text("model"), Milli: 1000, Index: int(i), NUMA: -1, Minor: -1, Island: "node",
		})
	}
	a.Capacity.GPUMilli = int64(len(a.GPUs)) * 1000
	return a
}

func task(r *row) model.Shape {
	s := model.Shape{Resources: model.Resources{CPUMilli: r.number("cpu_milli", 1<<40), MemoryBytes: r.number("memory_mib", 1<<40) * mib}}
	count := r.number("num_gpu", maxGPUs)
	if count == 0 {
		return s
	}
	req := model.GPURequest{Count: int(count), Model: r.text("gpu_spec")}
	if milli := r.number("gpu_milli", 1000); milli < 1000 {
		req.ShareMilli = int(milli)
	}
	s.GPUs = []model.GPURequest{req}
	s.GPUMilli = req.Milli()
	return s
}

// row is one line of a table. The first fault in it is kept.
type row struct {
	column map[string]int
	fields []string
	err    error
}

func (r *row) text(name string) string { return strings.TrimSpace(r.fields[r.column[name]]) }

// number reads a whole number from 0 to most; nothing is 0.
func (r *row) number(name string, most int64) int64 {
	text := r.text(name)
	if text == "" {
		return 0
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 || f > float64(most) || f != float64(int64(f)) {
		if r.err == nil {
			r.err = fmt.Errorf("column %s: %q is no whole number from 0 to %d", name, text, most)
		}
		return 0
	}
	return int64(f)
}

// table calls each for every line below the header, which must have the columns.
func table(in io.Reader, columns []string, each func(r *row)) error {
	c := csv.NewReader(in)
	c.FieldsPerRecord = 0 // as many as the header
	header, err := c.Read()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	r := row{column: map[string]int{}}
	for i, name := range header {
		r.column[strings.TrimPrefix(strings.TrimSpace(name), "\ufeff")] = i
	}
	for _, name := range columns {
		if _, ok := r.column[name]; !ok {
			return fmt.Errorf("header has no column %s", name)
		}
	}
	for {
		fields, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		r.fields = fields
		if each(&r); r.err != nil {
			line, _ := c.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, r.err)
		}
	}
}
