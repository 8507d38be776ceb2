package httpapi

import (
	"net/http"

	"github.com/tender-scheduler/tender/core/model"
)

// drainNode begins a drain, or changes its terms.
func (a *api) drainNode(w http.ResponseWriter, r *http.Request) {
	var body model.DrainNode
	node, refusal := nodeOf(r)
	if refusal == nil {
		refusal = readBody(w, r, maxBodyBytes, &body)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	body.Node = node
	answer[model.NodeView](a, w, r, body)
}

// endDrain ends a drain; the node takes tasks again unless it is to stay ineligible.
func (a *api) endDrain(w http.ResponseWriter, r *http.Request) {
	q := readQuery(r.URL.RawQuery)
	stay := q.flag("keep_ineligible")
	refusal := q.done()
	node := r.PathValue("node")
	if refusal == nil {
		refusal = plain("node", node, maxSelector)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.NodeView](a, w, r, model.SetEligibility{Node: node, Eligible: !stay, EndDrain: true})
}

func (a *api) setEligibility(w http.ResponseWriter, r *http.Request) {
	var body model.SetEligibility
	node, refusal := nodeOf(r)
	if refusal == nil {
		refusal = readBody(w, r, maxBodyBytes, &body)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	body.Node = node
	answer[model.NodeView](a, w, r, body)
}

func nodeOf(r *http.Request) (string, *model.Refusal) {
	node := r.PathValue("node")
	if refusal := readQuery(r.URL.RawQuery).done(); refusal != nil {
		return "", refusal
	}
	return node, plain("node", node, maxSelector)
}
