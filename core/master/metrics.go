package master

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics is what a master tells Prometheus. Its registry is its own: a process may
// hold several masters and agents.
type metrics struct {
	registry *prometheus.Registry
	timings  *timings
}

// timings are what the loop measures, over all terms of this process.
type timings struct {
	turns  prometheus.Histogram
	inputs prometheus.Histogram
	passes prometheus.Histogram
	append prometheus.Histogram
}

// millis are buckets from a tenth of a millisecond to five seconds.
var millis = []float64{.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5}

func newTimings() *timings {
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: millis})
	}
	return &timings{
		turns: seconds("tender_master_turn_duration_seconds", "How long the master's machine took for one turn, its allocation passes included, the journal not."),
		inputs: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tender_master_turn_inputs", Help: "How many messages, requests and timers one turn took in.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8),
		}),
		passes: seconds("tender_master_allocation_pass_duration_seconds", "How long one pass of the allocator took."),
		append: seconds("tender_journal_append_duration_seconds", "How long it took until what a turn decided was durable."),
	}
}

func (t *timings) turn(inputs int, took time.Duration) {
	t.turns.Observe(took.Seconds())
	t.inputs.Observe(float64(inputs))
}

func (t *timings) pass(pass func()) {
	begun := time.Now()
	pass()
	t.passes.Observe(time.Since(begun).Seconds())
}

func newMetrics(m *Master) *metrics {
	w := &metrics{registry: prometheus.NewRegistry(), timings: newTimings()}
	w.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		w.timings.turns, w.timings.inputs, w.timings.passes, w.timings.append,
		&journalCollector{m}, &clusterCollector{m},
	)
	return w
}

// handler serves the master's figures and those of others.
func (w *metrics) handler(others prometheus.Gatherer) http.Handler {
	all := prometheus.Gatherers{w.registry}
	if others != nil {
		all = append(all, others)
	}
	return promhttp.HandlerFor(all, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

// figure describes a metric.
func figure(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// gauge and counter make a metric of a figure.
func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counter(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// journalCollector tells of the journal as this master knows it, leading or not.
type journalCollector struct{ master *Master }

var (
	journalIndex = figure("tender_journal_index", "The last group of records committed or applied here. What a standby lags behind is the difference to the leader's.")
	journalEpoch = figure("tender_journal_epoch", "The leader's epoch, as last known here.")
	journalLog   = figure("tender_journal_log_bytes", "Stored bytes after the newest snapshot: what a restart replays.")
	journalTail  = figure("tender_journal_log_groups", "Groups of records after the newest snapshot.")
	journalSnap  = figure("tender_journal_snapshot_bytes", "Stored bytes of the newest snapshot.")
	journalTook  = figure("tender_journal_snapshot_duration_seconds", "How long writing the newest snapshot took, if it was written here.")
	journalBytes = figure("tender_journal_committed_bytes_total", "Bytes committed by this process.")
	journalLost  = figure("tender_journal_reloads_total", "Times that a standby had fallen so far behind that it had to load a snapshot.")
)

// Describe implements prometheus.Collector.
func (c *journalCollector) Describe(out chan<- *prometheus.Desc) {
	out <- journalIndex
}

// Collect implements prometheus.Collector.
func (c *journalCollector) Collect(out chan<- prometheus.Metric) {
	j := c.master.journal.Load()
	if j == nil {
		return // it is being opened
	}
	s := j.Stats()
	out <- gauge(journalIndex, float64(s.LastIndex))
	out <- gauge(journalEpoch, float64(s.Epoch))
	out <- gauge(journalLog, float64(s.LogBytes))
	out <- gauge(journalTail, float64(s.Entries))
	out <- gauge(journalSnap, float64(s.SnapshotBytes))
	out <- gauge(journalTook, s.LastSnapshotTook.Seconds())
	out <- counter(journalBytes, float64(s.CommittedBytes))
	out <- counter(journalLost, float64(s.ReloadsWhenBehind))
}
