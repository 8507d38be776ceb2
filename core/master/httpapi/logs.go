package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tender-scheduler/tender/core/model"
)

// TrailerError is the trailer of a log stream that broke off: a model.Refusal
// as JSON, in ASCII. A complete stream has none.
const TrailerError = "Tender-Error"

// logs streams a task's output as it is. Failures before the first byte have a
// status of their own; later ones come in the trailer.
func (a *api) logs(w http.ResponseWriter, r *http.Request) {
	sel, refusal := selector(r)
	q := readQuery(r.URL.RawQuery)
	read := model.ReadLog{
		Selector: sel,
		Group:    q.text("group"),
		Index:    uint32(q.integer("index", 0, math.MaxUint32, 0)),
		Task:     q.text("task"),
		Stderr:   q.flag("stderr"),
		Offset:   q.integer("offset", math.MinInt64, math.MaxInt64, 0),
		Follow:   q.flag("follow"),
	}
	rank := uint32(q.integer("rank", 0, math.MaxUint32, 0))
	if q.has("rank") {
		read.Rank = &rank
	}
	attempt := uint16(q.integer("attempt", 0, math.MaxUint16, 0))
	if q.has("attempt") {
		read.Attempt = &attempt
	}
	if refusal == nil {
		refusal = q.done()
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	log, refusal := a.Backend.ReadLog(r.Context(), read)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	defer log.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff") // output is no page, whatever it says
	w.Header().Set("Trailer", TrailerError)
	w.WriteHeader(http.StatusOK)
	if err := copyFlushing(w, log); err != nil && r.Context().Err() == nil {
		a.Logger.Debug("log stream broke off", "job", sel, "error", err)
		w.Header().Set(TrailerError, trailerOf(err))
	}
}

// copyFlushing copies until src ends, letting every read leave at once. It
// returns what src failed with; nil also when the client went away.
func copyFlushing(w http.ResponseWriter, src io.Reader) error {
	rc := http.NewResponseController(w)
	_ = rc.Flush() // the header: the client is told that there is something to read
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return nil
			}
			if werr := rc.Flush(); werr != nil {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// trailerOf writes err as a refusal in ASCII: header values carry nothing else safely.
func trailerOf(err error) string {
	var refusal *model.Refusal
	if !errors.As(err, &refusal) {
		refusal = model.Refuse(model.ReasonInternal, "read the log: %v", err)
	}
	b, merr := json.Marshal(refusal)
	if merr != nil {
		return `{"reason":"internal","message":"read the log"}`
	}
	var s strings.Builder
	for _, c := range string(b) {
		switch {
		case c < utf8.RuneSelf:
			s.WriteRune(c)
		default:
			for _, u := range utf16.AppendRune(nil, c) {
				fmt.Fprintf(&s, `\u%04x`, u)
			}
		}
	}
	return s.String()
}
