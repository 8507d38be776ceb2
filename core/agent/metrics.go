package agent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tender-scheduler/tender/core/model"
)

// censusWithin bounds how long a scrape waits for the loop.
const censusWithin = 5 * time.Second

// register makes the agent's figures known until the function returned is called.
func (l *Loop) register(ctx context.Context) (unregister func(), err error) {
	if l.Metrics == nil {
		return func() {}, nil
	}
	c := &collector{loop: l, ctx: ctx}
	if err := l.Metrics.Register(c); err != nil {
		return func() {}, fmt.Errorf("register metrics: %w", err)
	}
	return func() { l.Metrics.Unregister(c) }, nil
}

// collector tells of the agent at each scrape.
type collector struct {
	loop *Loop
	ctx  context.Context // of the loop
}

func figure(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	agentInfo       = figure("tender_agent_info", "1, labelled with the version that runs.", "version")
	agentRegistered = figure("tender_agent_registered", "Whether a leading master has answered on the present connection.")
	agentContact    = figure("tender_agent_contact_age_seconds", "How long ago a leading master is known to have heard of the agent.")
	agentFenced     = figure("tender_agent_fenced", "Whether tasks were killed for want of contact, and there has been none since.")
	agentTasks      = figure("tender_agent_tasks", "Tasks that have not ended, by state.", "state")
	agentJobs       = figure("tender_agent_jobs", "Jobs of which the agent has tasks or keeps something.")
	agentExecutors  = figure("tender_agent_executors", "Executors of jobs, by state.", "state")
	agentUnacked    = figure("tender_agent_updates_unacknowledged", "Status updates that the master has not acknowledged.")
	agentLaunched   = figure("tender_agent_tasks_launched_total", "Tasks taken over from the master.")
	agentEnded      = figure("tender_agent_tasks_ended_total", "Tasks that have ended, by state.", "state")
	agentStart      = figure("tender_agent_task_start_duration_seconds", "From a launch's arrival to the task's process running.")

	gpuHealthy = figure("tender_agent_gpu_healthy", "Whether a device may be used.", "gpu", "uuid")
	gpuBusy    = figure("tender_agent_gpu_busy_ratio", "What part of the time something ran on a device, lately.", "gpu", "uuid")
	gpuUsed    = figure("tender_agent_gpu_memory_used_bytes", "Memory in use on a device.", "gpu", "uuid")
	gpuMemory  = figure("tender_agent_gpu_memory_bytes", "Memory of a device.", "gpu", "uuid")
	gpuTemp    = figure("tender_agent_gpu_temperature_celsius", "Temperature of a device.", "gpu", "uuid")
	gpuPower   = figure("tender_agent_gpu_power_watts", "Power that a device draws.", "gpu", "uuid")
	gpuProcs   = figure("tender_agent_gpu_processes", "Processes that use a device.", "gpu", "uuid")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) { out <- agentRegistered }

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	n, ok := c.census()
	if !ok {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	version := c.loop.Options.Info.Version
	if version == "" {
		version = "unknown"
	}
	gauge(agentInfo, 1, version)
	gauge(agentRegistered, boolean(n.Registered))
	gauge(agentFenced, boolean(n.Fenced))
	if !n.Contact.IsZero() {
		gauge(agentContact, time.Since(n.Contact).Seconds())
	}
	for _, s := range []model.TaskState{model.TaskStaging, model.TaskStarting, model.TaskRunning, model.TaskKilling} {
		gauge(agentTasks, float64(n.Tasks[s]), stateName(s))
	}
	gauge(agentJobs, float64(n.Jobs))
	for _, s := range executorStates {
		gauge(agentExecutors, float64(n.Executors[s]), s)
	}
	gauge(agentUnacked, float64(n.Unacknowledged))
	counter(agentLaunched, float64(n.Launched))
	for _, s := range []model.TaskState{model.TaskFinished, model.TaskFailed, model.TaskKilled, model.TaskGone} {
		counter(agentEnded, float64(n.Ended[s]), stateName(s))
	}
	out <- histogram(agentStart, &n.Start)
	for i := range n.GPUs {
		collectGPU(&n.GPUs[i], n.Samples, gauge)
	}
}

// census asks the loop; ok is false if the agent ends, or is too busy to answer.
func (c *collector) census() (n Census, ok bool) {
	answer := make(chan Census, 1)
	c.loop.inbox.put(event{ask: func() { answer <- c.loop.machine.Census() }})
	select {
	case n = <-answer:
		return n, true
	case <-c.ctx.Done():
	case <-time.After(censusWithin):
	}
	return n, false
}

func collectGPU(g *model.GPU, samples map[string]model.GPUSample, gauge func(*prometheus.Desc, float64, ...string)) {
	labels := []string{fmt.Sprint(g.Index), g.UUID}
	gauge(gpuHealthy, boolean(g.Unhealthy == ""), labels...)
	gauge(gpuMemory, float64(g.MemoryBytes), labels...)
	s, ok := samples[g.UUID]
	if !ok {
		return
	}
	for _, x := range []struct {
		desc  *prometheus.Desc
		told  bool
		value float64
	}{
		{gpuBusy, s.BusyPercent >= 0, float64(s.BusyPercent) / 100},
		{gpuUsed, s.MemoryUsedBytes >= 0, float64(s.MemoryUsedBytes)},
		{gpuTemp, s.TemperatureC >= 0, float64(s.TemperatureC)},
		{gpuPower, s.PowerMilliwatts >= 0, float64(s.PowerMilliwatts) / 1000},
		{gpuProcs, s.Processes >= 0, float64(s.Processes)},
	} {
		if x.told {
			gauge(x.desc, x.value, labels...)
		}
	}
}

func histogram(d *prometheus.Desc, h *model.Histogram) prometheus.Metric {
	buckets, sum := make(map[float64]uint64, len(h.Buckets)), uint64(0)
	for i, count := range h.Buckets {
		sum += count
		buckets[model.LatencyBounds[i].Seconds()] = sum
	}
	return prometheus.MustNewConstHistogram(d, h.Count, h.Sum.Seconds(), buckets)
}

func stateName(s model.TaskState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "TASK_"))
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
