package gpu

import "github.com/tender-scheduler/tender/core/model"

// pick and fits are Pick and Fits of requests that are compiled for the one call.

func pick(s *State, reqs []model.GPURequest) ([]model.GPUShare, bool) {
	w := NewWant(reqs)
	return w.Pick(s)
}

func fits(s *State, reqs []model.GPURequest, limit int) int {
	w := NewWant(reqs)
	return w.Fits(s, limit)
}
