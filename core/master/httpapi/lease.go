package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Lease is what a leader tells those who stand by for it, again and again.
type Lease struct {
	Identity string `json:"identity"` // of the process
	Term     int64  `json:"term"`     // 0: it does not lead
	TTLMs    int64  `json:"ttl_ms"`   // for how long at most it leads without hearing from etcd
}

// LeaseEvery is how often a lease is told.
const LeaseEvery = 200 * time.Millisecond

// lease streams this master's lease, a JSON value a line, until it does not lead.
// It is for the other masters: one whose connection breaks can look at once whether
// the process is still there.
func (a *api) lease(w http.ResponseWriter, r *http.Request) {
	refusal := readQuery(r.URL.RawQuery).done()
	if refusal == nil && a.Lease == nil {
		refusal = model.Refuse(model.ReasonNotFound, "this master tells nobody for how long it leads")
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	w.Header().Set("Content-Type", "application/jsonlines")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	rc, enc := http.NewResponseController(w), json.NewEncoder(w)
	tick := time.NewTicker(LeaseEvery)
	defer tick.Stop()
	for {
		l := a.Lease()
		if enc.Encode(l) != nil || rc.Flush() != nil || l.Term == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}
