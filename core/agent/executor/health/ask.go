package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// maxBodyBytes is how much of an answer is read to say why it is no good.
const maxBodyBytes = 4 << 10

// Target is what an http or tcp check asks, with everything resolved.
type Target struct {
	Address string // host:port
	Method  string
	Scheme  string
	Path    string
	Header  map[string][]string
	Body    string

	TLSSkipVerify bool
}

// AskTCP passes when the connection is taken.
func AskTCP(ctx context.Context, t *Target) (bool, string) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return false, reason(ctx, err)
	}
	conn.Close()
	return true, ""
}

// AskHTTP passes on an answer from 200 to 299. Redirects are not followed: where
// they lead is not the service. Every question is a connection of its own, as a
// kept one would say that an old connection works.
func AskHTTP(ctx context.Context, t *Target) (bool, string) {
	var body io.Reader
	if t.Body != "" {
		body = strings.NewReader(t.Body)
	}
	req, err := http.NewRequestWithContext(ctx, t.Method, t.Scheme+"://"+t.Address+t.Path, body)
	if err != nil {
		return false, err.Error()
	}
	req.Header.Set("User-Agent", "tender-check")
	for name, values := range t.Header {
		if strings.EqualFold(name, "Host") && len(values) > 0 {
			req.Host = values[0]
			continue
		}
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true, DisableCompression: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: t.TLSSkipVerify}, //nolint:gosec // the job file says so
		},
	}
	resp, err := client.Do(req)
	if err != nil {
		return false, reason(ctx, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBodyBytes))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return false, strings.TrimSpace(fmt.Sprintf("%s %s: HTTP %s %s", t.Method, t.Path, resp.Status, text))
	}
	if err != nil && ctx.Err() != nil {
		return false, reason(ctx, err)
	}
	return true, ""
}

// reason words a failure: the system's own word is enough.
func reason(ctx context.Context, err error) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "no answer within its timeout"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		where := ""
		if op.Addr != nil {
			where = " " + op.Addr.String()
		}
		return op.Op + where + ": " + op.Err.Error()
	}
	return err.Error()
}

// Port returns the port that a check asks, from the allocation's grant.
func Port(g *model.Group, s *Spec, grant *model.Grant) (uint16, error) {
	granted, number := g.PortOf(s.Port)
	if granted >= 0 && grant != nil && granted < len(grant.Ports) {
		return grant.Ports[granted], nil
	}
	if number == 0 {
		return 0, fmt.Errorf("the allocation has no port %q", s.Port)
	}
	return number, nil
}
