package master

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers"
)

const (
	// censusWithin bounds how long a scrape waits for the loop.
	censusWithin = 5 * time.Second
	// maxRoleSeries bounds how many roles have series of their own; the rest, those with
	// least waiting, are one called "other".
	maxRoleSeries = 100
)

// clusterCollector tells of the cluster while this master leads.
type clusterCollector struct{ master *Master }

var (
	masterInfo     = figure("tender_master_info", "1, labelled with the version that runs.", "version")
	masterLeading  = figure("tender_master_leading", "Whether this master leads. What concerns the cluster is told by the leader only.")
	masterInbox    = figure("tender_master_inbox_length", "Messages and requests that wait for the master's next turn.")
	masterSessions = figure("tender_master_agent_sessions", "Connections of agents.")
	masterAgents   = figure("tender_master_agents", "Agents by state.", "state")
	masterTasks    = figure("tender_master_tasks", "Live tasks by state.", "state")
	masterJobs     = figure("tender_master_jobs", "Jobs by the framework that runs them and state; of ended ones those in the history.", "framework", "state")

	waitingDemands = figure("tender_master_demands_waiting", "Demands that could start now if there were room, by role.", "role")
	waitingTasks   = figure("tender_master_tasks_waiting", "Tasks of waiting demands, by role.", "role")
	waitingAge     = figure("tender_master_queue_age_seconds", "How long the oldest waiting demand of a role has waited without getting anything.", "role")
	holds          = figure("tender_master_holds", "Demands for which room is held.")

	offersTotal = figure("tender_master_offers_total", "What became of offers, by framework: made, accepted, declined, refused (an acceptance that did not pass the check), rescinded.", "framework", "event")
	offersOut   = figure("tender_master_offers_outstanding", "Offers that wait for an answer.", "framework")

	launched  = figure("tender_master_tasks_launched_total", "Tasks launched.")
	ended     = figure("tender_master_tasks_ended_total", "Tasks that have ended, by cause.", "cause")
	startTime = figure("tender_master_task_start_duration_seconds", "From the commit of a task's launch until the master heard that it runs.")

	gpuAllocated = figure("tender_master_gpu_allocated_ratio", "What of a device is given to tasks; of a MIG instance, what of itself.", "node", "gpu", "uuid")
	gpuHealthy   = figure("tender_master_gpu_healthy", "Whether a device may be used.", "node", "gpu", "uuid")
	gpuBusy      = figure("tender_master_gpu_busy_ratio", "What part of the time something ran on a device, as its agent told lately.", "node", "gpu", "uuid")
	gpuMemory    = figure("tender_master_gpu_memory_used_bytes", "Memory in use on a device, as its agent told lately.", "node", "gpu", "uuid")
)

// amounts are the resources as figures, each in its unit.
var resourceFigures = []resourceFigure{
	amountOf("cpu_cores", "Cores", func(r model.Resources) float64 { return float64(r.CPUMilli) / 1000 }),
	amountOf("memory_bytes", "Memory", func(r model.Resources) float64 { return float64(r.MemoryBytes) }),
	amountOf("disk_bytes", "Disk", func(r model.Resources) float64 { return float64(r.DiskBytes) }),
	amountOf("gpus", "Healthy GPUs", func(r model.Resources) float64 { return float64(r.GPUMilli) / 1000 }),
}

type resourceFigure struct {
	capacity, allocated, offered *prometheus.Desc
	of                           func(model.Resources) float64
}

func amountOf(unit, what string, of func(model.Resources) float64) resourceFigure {
	return resourceFigure{
		figure("tender_master_capacity_"+unit, what+" of the agents in contact."),
		figure("tender_master_allocated_"+unit, what+" given to tasks."),
		figure("tender_master_offered_"+unit, what+" on offer."), of,
	}
}

// Describe implements prometheus.Collector. The figures depend on the cluster,
// and they are checked at each scrape all the same.
func (c *clusterCollector) Describe(out chan<- *prometheus.Desc) { out <- masterLeading }

// Collect implements prometheus.Collector.
func (c *clusterCollector) Collect(out chan<- prometheus.Metric) {
	out <- gauge(masterInfo, 1, cmp.Or(c.master.cfg.Version, "unknown"))
	l := c.master.leading()
	out <- gauge(masterLeading, boolean(l != nil))
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), censusWithin)
	defer cancel()
	out <- gauge(masterInbox, float64(len(l.inbox)))
	var n Census
	var now time.Time
	if err := l.ask(ctx, func() { now = l.clock.read(); n = l.machine.Census(now) }); err != nil {
		return // the next scrape hears from whoever leads then
	}
	c.cluster(&n, out)
	c.queue(now, n.Backlogs, out)
	c.offers(&n, out)
	c.gpus(n.GPUs, out)
}

func stateName(s model.TaskState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "TASK_"))
}

func (c *clusterCollector) cluster(n *Census, out chan<- prometheus.Metric) {
	out <- gauge(masterSessions, float64(n.Sessions))
	for state, count := range n.Agents {
		out <- gauge(masterAgents, float64(count), string(state))
	}
	for _, s := range []model.TaskState{model.TaskStaging, model.TaskStarting, model.TaskRunning, model.TaskKilling, model.TaskUnreachable} {
		out <- gauge(masterTasks, float64(n.Tasks[s]), stateName(s))
	}
	for fw, counts := range n.Jobs {
		for state, count := range counts {
			out <- gauge(masterJobs, float64(count), string(fw), string(state))
		}
	}
	for _, a := range resourceFigures {
		out <- gauge(a.capacity, a.of(n.Capacity))
		out <- gauge(a.allocated, a.of(n.Allocated))
		out <- gauge(a.offered, a.of(n.Offered))
	}
	out <- counter(launched, float64(n.Launched))
	for cause, count := range n.Ended {
		out <- counter(ended, float64(count), string(cause))
	}
	out <- histogram(startTime, &n.Start)
}

func histogram(d *prometheus.Desc, h *model.Histogram) prometheus.Metric {
	buckets, sum := make(map[float64]uint64, len(h.Buckets)), uint64(0)
	for i, count := range h.Buckets {
		sum += count
		buckets[model.LatencyBounds[i].Seconds()] = sum
	}
	return prometheus.MustNewConstHistogram(d, h.Count, h.Sum.Seconds(), buckets)
}

func (c *clusterCollector) offers(n *Census, out chan<- prometheus.Metric) {
	out <- gauge(holds, float64(n.Holds))
	for fw, t := range n.Offers {
		for event, count := range map[string]uint64{
			"made": t.Made, "accepted": t.Accepted, "declined": t.Declined, "refused": t.Refused, "rescinded": t.Rescinded,
		} {
			out <- counter(offersTotal, float64(count), string(fw), event)
		}
		out <- gauge(offersOut, float64(n.Out[fw]), string(fw))
	}
}

// queue tells what waits. There is a series for "default" always, so that an
// alert on it has something to look at.
func (c *clusterCollector) queue(now time.Time, logs map[string]offers.Backlog, out chan<- prometheus.Metric) {
	if _, ok := logs[model.DefaultRole]; !ok {
		logs[model.DefaultRole] = offers.Backlog{}
	}
	roles := make([]string, 0, len(logs))
	for role := range logs {
		roles = append(roles, role)
	}
	slices.SortFunc(roles, func(x, y string) int {
		return cmp.Or(cmp.Compare(logs[y].Tasks, logs[x].Tasks), cmp.Compare(x, y))
	})
	var rest offers.Backlog
	tell := func(role string, b offers.Backlog) {
		age := 0.0
		if !b.Oldest.IsZero() {
			age = now.Sub(b.Oldest).Seconds()
		}
		out <- gauge(waitingDemands, float64(b.Demands), role)
		out <- gauge(waitingTasks, float64(b.Tasks), role)
		out <- gauge(waitingAge, age, role)
	}
	for i, role := range roles {
		if b := logs[role]; i < maxRoleSeries {
			tell(role, b)
		} else {
			rest.Demands += b.Demands
			rest.Tasks += b.Tasks
			if rest.Oldest.IsZero() || !b.Oldest.IsZero() && b.Oldest.Before(rest.Oldest) {
				rest.Oldest = b.Oldest
			}
		}
	}
	if len(roles) > maxRoleSeries {
		tell("other", rest)
	}
}

func (c *clusterCollector) gpus(all []GPUCensus, out chan<- prometheus.Metric) {
	for i := range all {
		g := &all[i]
		labels := []string{g.Node, fmt.Sprint(g.GPU.Index), g.GPU.UUID}
		out <- gauge(gpuHealthy, boolean(g.GPU.Unhealthy == ""), labels...)
		out <- gauge(gpuAllocated, float64(g.AllocatedMilli)/float64(max(g.GPU.Milli, 1)), labels...)
		if g.Sample == nil {
			continue
		}
		if g.Sample.BusyPercent >= 0 {
			out <- gauge(gpuBusy, float64(g.Sample.BusyPercent)/100, labels...)
		}
		if g.Sample.MemoryUsedBytes >= 0 {
			out <- gauge(gpuMemory, float64(g.Sample.MemoryUsedBytes), labels...)
		}
	}
}
