package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// api is the handler behind New.
type api struct {
	Config
	mux   *http.ServeMux
	proxy *httputil.ReverseProxy
}

// New returns the API's handler.
func New(c Config) (http.Handler, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configure the HTTP API: %w", err)
	}
	a := &api{Config: c.withDefaults(), mux: http.NewServeMux()}
	a.proxy = a.newProxy()
	a.routes()
	// A page in somebody's browser must not be able to submit jobs to a master
	// on the same machine or network.
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeStatus(w, http.StatusForbidden, model.Refuse(model.ReasonBadRequest,
			"refused a cross-origin %s: the API does not take requests from other sites' pages", r.Method))
	}))
	return a.recovering(guard.Handler(a.mux)), nil
}

// NewServer returns a server for h whose requests, long waits and streams
// included, end when ctx does, so that Shutdown then returns soon. The logger
// may be nil.
func NewServer(ctx context.Context, h http.Handler, logger *slog.Logger) *http.Server {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
}

func (a *api) routes() {
	// What a master answers itself, leading or not.
	a.mux.HandleFunc("GET /v1/status", a.status)
	a.mux.HandleFunc("GET /v1/masters", a.masters)
	a.mux.HandleFunc("GET /v1/masters/lease", a.lease)
	a.mux.HandleFunc("POST /v1/masters/join", a.join)
	a.mux.HandleFunc("GET /healthz", a.healthy)
	a.mux.HandleFunc("GET /readyz", a.ready)
	if a.Metrics != nil {
		a.mux.Handle("GET /metrics", a.Metrics)
	}
	a.mux.HandleFunc("/", a.unknown)

	// What only the leader answers.
	for pattern, h := range map[string]http.HandlerFunc{
		"POST /v1/jobs":              a.submit,
		"GET /v1/jobs":               a.listJobs,
		"GET /v1/jobs/{sel}":         a.getJob,
		"GET /v1/jobs/{sel}/tasks":   a.listTasks,
		"GET /v1/jobs/{sel}/why":     a.why,
		"GET /v1/jobs/{sel}/wait":    a.wait,
		"POST /v1/jobs/{sel}/cancel": a.cancel,
		"POST /v1/jobs/{sel}/retry":  a.retry,
		"GET /v1/jobs/{sel}/logs":    a.logs,
		"POST /v1/jobs/{sel}/exec":   a.exec,

		"POST /v1/jobs/{sel}/scale":      a.scale,
		"POST /v1/jobs/{sel}/restart":    a.restart,
		"POST /v1/jobs/{sel}/rollback":   a.rollback,
		"POST /v1/jobs/{sel}/deployment": a.changeDeployment,
		"GET /v1/jobs/{sel}/deployments": a.jobDeployments,
		"GET /v1/jobs/{sel}/versions":    a.versions,
		"GET /v1/deployments":            a.deployments,

		"POST /v1/plan":  a.plan,
		"GET /v1/events": a.events,
		"GET /v1/nodes":  a.nodes,

		"PUT /v1/nodes/{node}/drain":       a.drainNode,
		"DELETE /v1/nodes/{node}/drain":    a.endDrain,
		"PUT /v1/nodes/{node}/eligibility": a.setEligibility,
		"GET /v1/services":                 a.services,
		"GET /v1/services/{name}":          a.service,

		"GET /v1/offers":             a.offers,
		"GET /v1/shares":             a.shares,
		"PUT /v1/roles/{role...}":    a.setRole,
		"DELETE /v1/roles/{role...}": a.removeRole,
		"PUT /v1/reservations":       a.setReservation,
		"POST /v1/masters/step-down": a.stepDown,

		"POST /v1/jobs/{sel}/pause":   a.pause,
		"POST /v1/jobs/{sel}/resume":  a.resume,
		"POST /v1/jobs/{sel}/trigger": a.trigger,
		"GET /v1/jobs/{sel}/runs":     a.runs,
		"GET /v1/jobs/{sel}/next":     a.nextRuns,
	} {
		a.mux.HandleFunc(pattern, a.leading(h))
	}
}

// unknown answers what no route matches: 405 with the methods that would, or 404.
func (a *api) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		probe := &http.Request{Method: m, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(probe); pattern != "/" {
			allowed = append(allowed, m)
		}
	}
	if allowed == nil {
		writeStatus(w, http.StatusNotFound, model.Refuse(model.ReasonNotFound, "no such endpoint: %s", r.URL.Path))
		return
	}
	for _, m := range allowed {
		w.Header().Add("Allow", m)
	}
	writeStatus(w, http.StatusMethodNotAllowed,
		model.Refuse(model.ReasonBadRequest, "%s does not take %s, only %s", r.URL.Path, r.Method, strings.Join(allowed, " and ")))
}

// recovering turns a panic of a handler into an answer and a log line, so that
// one bad request costs nobody else anything.
func (a *api) recovering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) { // how ReverseProxy ends a broken stream
				panic(p)
			}
			a.Logger.Error("request panicked", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			writeRefusal(w, model.Refuse(model.ReasonInternal, "the master failed on this request; its log says more"))
		}()
		h.ServeHTTP(w, r)
	})
}
