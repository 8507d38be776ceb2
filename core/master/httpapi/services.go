package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// defaultServiceWait is how long a blocking query waits by default, maxServiceWait
// the most it may.
const (
	defaultServiceWait = time.Minute
	maxServiceWait     = 10 * time.Minute
)

func (a *api) services(w http.ResponseWriter, r *http.Request) {
	plainGet[model.ServiceList](a, w, r, model.ListServices{})
}

// service answers with one service's endpoints: as they are; with index, once
// they are others than at that index, or when the wait is over; with follow, as
// server-sent events, one for each change.
func (a *api) service(w http.ResponseWriter, r *http.Request) {
	q := readQuery(r.URL.RawQuery)
	body := model.GetService{Name: r.PathValue("name"), All: q.flag("all")}
	follow := q.flag("follow")
	index := uint64(q.integer("index", 0, math.MaxInt64, 0))
	wait := q.duration("wait", defaultServiceWait)
	refusal := q.done()
	if refusal == nil {
		refusal = plain("service", body.Name, maxSelector)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	if follow {
		a.followService(w, r, body)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(wait, maxServiceWait))
	defer cancel()
	v, refusal := a.Backend.Service(ctx, body, index)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	writeJSON(w, http.StatusOK, v)
}

// followService streams a service's endpoints until the client goes or this
// master stops leading; a client then asks again.
func (a *api) followService(w http.ResponseWriter, r *http.Request, q model.GetService) {
	rc := http.NewResponseController(w)
	var last []byte
	index := uint64(0)
	for {
		ctx, cancel := context.WithTimeout(r.Context(), a.Heartbeat)
		v, refusal := a.Backend.Service(ctx, q, index)
		cancel()
		switch {
		case refusal != nil && index == 0:
			writeRefusal(w, refusal)
			return
		case refusal != nil || r.Context().Err() != nil:
			return
		case index == 0:
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Accel-Buffering", "no") // nginx would hold the stream back
			w.WriteHeader(http.StatusOK)
		}
		index = v.Index
		endpoints, err := json.Marshal(v.Endpoints)
		if err != nil {
			return
		}
		out := []byte(": heartbeat\n\n")
		if last == nil || !bytes.Equal(endpoints, last) { // what changed may not be to be seen
			last = endpoints
			b, err := json.Marshal(v)
			if err != nil {
				return
			}
			out = fmt.Appendf(nil, "id: %d\nevent: service\ndata: %s\n\n", v.Index, b)
		}
		if _, err := w.Write(out); err != nil {
			return
		}
		if err := rc.Flush(); err != nil {
			return
		}
	}
}
