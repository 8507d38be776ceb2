package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/tender-scheduler/tender/core/model"
)

// Events is the registry of a framework's own events, which are folded into an
// S. An encoded event is KIND@VERSION, a space and the event's JSON.
//
// A kind's version is raised when its fields change meaning. The fold of the
// old version stays registered for as long as journals may hold it.
type Events[S any] struct {
	folds   map[string]func(S, []byte) error
	takes   map[reflect.Type]func(S, any) error
	headers map[reflect.Type]string
}

// On registers the Go type E as version version of the event kind, and how it
// is folded. Of several versions each has a type of its own.
func On[S, E any](r *Events[S], kind string, version int, fold func(S, *E) error) {
	if r.folds == nil {
		r.folds, r.headers = map[string]func(S, []byte) error{}, map[reflect.Type]string{}
		r.takes = map[reflect.Type]func(S, any) error{}
	}
	header := kind + "@" + strconv.Itoa(version)
	t := reflect.TypeFor[E]()
	if _, dup := r.headers[t]; dup || r.folds[header] != nil {
		panic("sdk: event registered twice: " + header)
	}
	r.headers[t] = header
	r.takes[t] = func(s S, e any) error { return fold(s, e.(*E)) }
	r.folds[header] = func(s S, body []byte) error {
		var e E
		if err := json.Unmarshal(body, &e); err != nil {
			return fmt.Errorf("decode event %s: %w", header, err)
		}
		if err := fold(s, &e); err != nil {
			return fmt.Errorf("fold event %s: %w", header, err)
		}
		return nil
	}
}

// Take folds *e into s as it is, for who keeps no journal.
func (r *Events[S]) Take(s S, e any) error {
	take := r.takes[reflect.TypeOf(e).Elem()]
	if take == nil {
		return fmt.Errorf("fold event: type %T is not registered", e)
	}
	return take(s, e)
}

// Encode returns the journal form of *e, whose type must be registered.
func (r *Events[S]) Encode(e any) (model.OwnEvent, error) {
	header, ok := r.headers[reflect.TypeOf(e).Elem()]
	if !ok {
		return nil, fmt.Errorf("encode event: type %T is not registered", e)
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", header, err)
	}
	out := make([]byte, 0, len(header)+1+len(body))
	return append(append(append(out, header...), ' '), body...), nil
}

// Fold decodes e and folds it into s. A kind or version that is not registered
// is an error: the journal was written by another version of this program.
func (r *Events[S]) Fold(s S, e model.OwnEvent) error {
	header, body, ok := bytes.Cut(e, []byte(" "))
	if !ok {
		return fmt.Errorf("decode event: no header in %.40q", []byte(e))
	}
	fold := r.folds[string(header)]
	if fold == nil {
		return fmt.Errorf("decode event %q: this version of tender does not know it; was the journal written by a newer one?", header)
	}
	return fold(s, body)
}

// Record returns the journal form of *e, folded into s from the bytes that will be
// replayed. It panics where it cannot: whoever emits an event has checked it, and
// going on would part this state from the journal's.
func (r *Events[S]) Record(s S, e any) model.OwnEvent {
	b, err := r.Encode(e)
	if err != nil {
		panic(fmt.Sprintf("framework: %v", err))
	}
	return r.Enter(s, b)
}

// Enter is Record for an event that is encoded already.
func (r *Events[S]) Enter(s S, b model.OwnEvent) model.OwnEvent {
	if err := r.Fold(s, b); err != nil {
		panic(fmt.Sprintf("framework: %v", err))
	}
	return b
}
