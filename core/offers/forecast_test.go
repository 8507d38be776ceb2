package offers

import "testing"

// TestPickLatestTies has what comes at the very time of the start used before what
// is free already, also where less of it would do.
func TestPickLatestTies(t *testing.T) {
	agents := [3]*agent{{pos: 0}, {pos: 1}, {pos: 2}}
	at, use, ok := pickLatest([]step{{3, 1, agents[0]}, {3, 1, agents[1]}, {2, 1, agents[2]}}, 2)
	if !ok || at != 3 || len(use) != 2 || use[0].agent != agents[0] || use[1].agent != agents[1] {
		t.Errorf("starts at %d with %v (%t), want 3 with the first two agents", at, use, ok)
	}
}
