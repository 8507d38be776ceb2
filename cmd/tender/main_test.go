package main

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestShortCommandsRegisterNoMetrics holds package quickstart to its word: it
// only works while Go initialises it before etcd.
func TestShortCommandsRegisterNoMetrics(t *testing.T) {
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if n := f.GetName(); strings.HasPrefix(n, "etcd_") || strings.HasPrefix(n, "grpc_") {
			t.Errorf("metric %s has been registered", n)
		}
	}
}
