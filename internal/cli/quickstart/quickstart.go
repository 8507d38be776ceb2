// Package quickstart keeps the start of short commands short.
//
// The embedded etcd registers some 120 Prometheus metrics while its packages are
// initialised. Each registration starts a goroutine and waits for it, and Go runs
// all initialisation on one locked thread, so that each costs several thread
// switches: in all about a third of what `tender version` takes. Only daemons
// have anything to measure; in any other process the default registry is
// replaced by one that takes nothing.
//
// Go initialises packages in the order of their import paths as far as their
// imports allow (since Go 1.21; see "Package initialization" in the language
// specification): this one comes right after Prometheus and before go.etcd.io.
// Should that ever change, commands are slower again and nothing else.
//
// Nor are short commands worth a garbage collection: what is initialised and one
// job leave 4 MiB behind, where Go's first collection starts.
package quickstart

import (
	"os"
	"runtime/debug"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// daemons are the commands whose metrics count.
var daemons = []string{"dev", "master", "agent"}

// firstCollection is how many MiB a command allocates before the first garbage
// collection.
const firstCollection = 32

func init() {
	if len(os.Args) < 2 || !slices.Contains(daemons, os.Args[1]) {
		prometheus.DefaultRegisterer = none{}
		if len(os.Args) < 2 || os.Args[1] != "sim" { // it may take gigabytes
			debug.SetGCPercent(firstCollection * 100 / 4)
		}
	}
}

// none is a registry that takes metrics and forgets them.
type none struct{}

func (none) Register(prometheus.Collector) error  { return nil }
func (none) MustRegister(...prometheus.Collector) {}
func (none) Unregister(prometheus.Collector) bool { return false }
