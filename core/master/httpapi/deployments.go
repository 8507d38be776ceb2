package httpapi

import (
	"net/http"

	"github.com/tender-scheduler/tender/core/model"
)

func (a *api) scale(w http.ResponseWriter, r *http.Request) {
	var c model.ScaleJob
	a.change(w, r, maxBodyBytes, &c, func(sel string) any { c.Selector = sel; return c })
}

func (a *api) restart(w http.ResponseWriter, r *http.Request) {
	var c model.RestartJob
	a.change(w, r, maxBodyBytes, &c, func(sel string) any { c.Selector = sel; return c })
}

func (a *api) rollback(w http.ResponseWriter, r *http.Request) {
	var c model.RollbackJob
	a.change(w, r, maxBodyBytes, &c, func(sel string) any { c.Selector = sel; return c })
}

func (a *api) changeDeployment(w http.ResponseWriter, r *http.Request) {
	var c model.ChangeDeployment
	sel, refusal := selector(r)
	if refusal == nil {
		refusal = readQuery(r.URL.RawQuery).done()
	}
	if refusal == nil {
		refusal = readBody(w, r, maxBodyBytes, &c)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	c.Selector = sel
	answer[model.DeploymentView](a, w, r, c)
}

func (a *api) jobDeployments(w http.ResponseWriter, r *http.Request) {
	sel, refusal := selector(r)
	a.listDeployments(w, r, sel, refusal)
}

func (a *api) deployments(w http.ResponseWriter, r *http.Request) { a.listDeployments(w, r, "", nil) }

func (a *api) listDeployments(w http.ResponseWriter, r *http.Request, sel string, refusal *model.Refusal) {
	q := readQuery(r.URL.RawQuery)
	list := model.ListDeployments{Selector: sel, Limit: int(q.integer("limit", 0, maxPage, 0))}
	if refusal == nil {
		refusal = q.done()
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.DeploymentList](a, w, r, list)
}

func (a *api) versions(w http.ResponseWriter, r *http.Request) {
	simple[model.VersionList](a, w, r, func(sel string) any { return model.ListVersions{Selector: sel} })
}
