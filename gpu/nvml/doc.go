// Package nvml reads NVIDIA's devices through its management library
// (libnvidia-ml.so.1): which there are, how they are linked, whether they are
// healthy, and what goes on on them.
//
// The library is loaded at run time. Not every driver has every function, and
// calling one that is missing would end the process: each call is made only
// after its symbol was looked up. What a driver does not tell stays unknown.
//
// go-nvml needs cgo; built without, Open says so and finds nothing. A Source may
// be used by several goroutines: the library itself is safe for threads.
package nvml

import "errors"

// ErrNoLibrary says that this machine has no NVIDIA driver, and so no GPU.
var ErrNoLibrary = errors.New("no NVIDIA management library on this machine")

// ErrNoCgo says that this program was built without what it takes to ask.
var ErrNoCgo = errors.New("built without cgo: GPUs are not looked for")

// Options say where to look. Zero values are a machine's usual places.
type Options struct {
	Library string // libnvidia-ml.so.1
	SysRoot string // /sys
	DevRoot string // /dev
	Proc    string // /proc
	// Warn hears of what was odd about one device, and does not keep the others
	// from being used; nil = nobody.
	Warn func(text string)
}
