//go:build !cgo || !linux

package nvml

import (
	"context"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// Source finds nothing.
type Source struct{}

// Open returns ErrNoCgo.
func Open(Options) (*Source, error) { return nil, ErrNoCgo }

// Discover finds nothing.
func (*Source) Discover() ([]model.GPU, error) { return nil, ErrNoCgo }

// Watch waits for ctx to end.
func (*Source) Watch(ctx context.Context, _ func(map[string]string)) error {
	<-ctx.Done()
	return nil
}

// Usage finds nothing.
func (*Source) Usage() ([]gpu.Usage, error) { return nil, ErrNoCgo }

// Driver is empty.
func (*Source) Driver() string { return "" }

// Nodes finds nothing.
func (*Source) Nodes(*model.GPU) []string { return nil }

// Close does nothing.
func (*Source) Close() error { return nil }
