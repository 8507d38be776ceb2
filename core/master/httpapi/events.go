package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Names of the SSE events that carry no notice.
const (
	eventGap  = "gap"
	eventLive = "live"
)

// eventBacklog is how many entries may wait for a slow reader here; beyond it
// the backend's ring is what bounds them.
const eventBacklog = 256

// events streams notices as server-sent events (WHATWG HTML, section 9.2).
func (a *api) events(w http.ResponseWriter, r *http.Request) {
	q := readQuery(r.URL.RawQuery)
	since := uint64(q.integer("since", 0, math.MaxInt64, 0))
	sel := q.text("job")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		id, err := strconv.ParseUint(last, 10, 63)
		if err != nil {
			q.refuse("header Last-Event-ID %q is no event id: want a number", last)
		}
		since = id // a reconnecting EventSource repeats its old URL, so the header is the newer one
	}
	refusal := q.done()
	var job model.JobID
	if refusal == nil && sel != "" {
		var view model.JobView
		view, refusal = ask[model.JobView](a, r.Context(), model.GetJob{Selector: sel})
		job = view.ID
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	entries, refusal := a.Backend.Events(ctx, since, job)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold the stream back
	w.WriteHeader(http.StatusOK)
	a.pump(ctx, w, entries)
}

// pump writes entries until they end or the client goes, and heartbeats between them.
func (a *api) pump(ctx context.Context, w http.ResponseWriter, entries iter.Seq[Event]) {
	queue := make(chan Event, eventBacklog)
	go func() {
		defer close(queue)
		for e := range entries {
			select {
			case queue <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	rc := http.NewResponseController(w)
	beat := time.NewTicker(a.Heartbeat)
	defer beat.Stop()
	buf := bytes.NewBufferString("retry: 1000\n\n")
	for {
		if len(queue) == 0 || buf.Len() > 64<<10 { // a burst leaves in few packets
			if _, err := w.Write(buf.Bytes()); err != nil {
				return
			}
			if err := rc.Flush(); err != nil {
				return
			}
			buf.Reset()
		}
		select {
		case e, ok := <-queue:
			if !ok {
				_, _ = w.Write(buf.Bytes())
				return
			}
			writeEvent(buf, e)
		case <-beat.C:
			buf.WriteString(": heartbeat\n\n")
		case <-ctx.Done():
			return
		}
	}
}

func writeEvent(buf *bytes.Buffer, e Event) {
	kind, data := e.Notice.Kind, []byte("{}")
	switch {
	case e.Gap:
		kind = eventGap
	case e.Live:
		kind = eventLive
	default:
		b, err := json.Marshal(e.Notice)
		if err != nil {
			b = fmt.Appendf(nil, `{"kind":%q,"message":%q}`, kind, "encode the notice: "+err.Error())
		}
		data = b // JSON has no line breaks of its own
	}
	fmt.Fprintf(buf, "id: %d\nevent: %s\ndata: %s\n\n", e.ID, kind, data)
}
