package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// forwardedHeader marks a request that a standby has passed on. Two masters
// that each take the other for the leader would pass it back and forth.
const forwardedHeader = "Tender-Forwarded"

func noLeader() *model.Refusal {
	return model.Refuse(model.ReasonUnavailable, "no master leads at the moment: an election is on, try again in a second")
}

// leading serves with h on the leader and passes the request on elsewhere.
func (a *api) leading(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		leader, self := a.Backend.Leader()
		switch {
		case self:
			h(w, r)
		case leader == "":
			writeRefusal(w, noLeader())
		case r.Header.Get(forwardedHeader) != "":
			writeRefusal(w, model.Refuse(model.ReasonUnavailable,
				"leadership is moving (this master was taken for the leader, and takes %s for it): try again in a second", leader))
		default:
			a.forward(w, r, leader)
		}
	}
}

// forward passes a request on, until the leader is known not to lead any more.
func (a *api) forward(w http.ResponseWriter, r *http.Request, leader string) {
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), leaderKey{}, leader))
	defer cancel()
	if a.LeaderGone != nil {
		gone := a.LeaderGone(leader)
		go func() {
			select {
			case <-gone:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	a.proxy.ServeHTTP(w, r.WithContext(ctx))
}

// leaderKey carries the leader's address to the proxy, so that one request sees
// one leader.
type leaderKey struct{}

func (a *api) newProxy() *httputil.ReverseProxy {
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			leader, _ := p.In.Context().Value(leaderKey{}).(string)
			p.SetURL(&url.URL{Scheme: "http", Host: leader})
			p.Out.URL.RawQuery = p.In.URL.RawQuery // the leader refuses a malformed one in our words
			p.Out.Host = p.In.Host                 // what the cross-origin check compares
			p.Out.Header.Set(forwardedHeader, "1")
		},
		Transport: &http.Transport{
			DialContext:         dialer.DialContext,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     time.Minute,
			DisableCompression:  true,
		},
		FlushInterval: -1, // logs and events leave as they come
		ErrorLog:      slog.NewLogLogger(a.Logger.Handler(), slog.LevelDebug),
		ErrorHandler:  a.forwardFailed,
	}
}

// forwardFailed answers when the leader could not be asked. 503 promises that
// the leader has not seen the request; after anything but a failed dial it may
// have, which is a 502.
func (a *api) forwardFailed(w http.ResponseWriter, r *http.Request, err error) {
	leader, _ := r.Context().Value(leaderKey{}).(string)
	refusal := model.Refuse(model.ReasonUnavailable, "pass the request on to the leader %s: %v", leader, err)
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		writeRefusal(w, refusal)
		return
	}
	writeStatus(w, http.StatusBadGateway, refusal)
}
