package apitest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/master/httpapi"
	"github.com/tender-scheduler/tender/core/master/httpapi/apitest"
	"github.com/tender-scheduler/tender/core/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// These are the tests of api/client. They live here because api may not import
// a master, and the client is only worth testing against a real server.

// hello is a job of two tasks.
func hello() *model.Job {
	return &model.Job{Name: "hello", Groups: []model.Group{{Name: "main", Count: 2}}}
}

// handler serves a master's API.
func handler(t *testing.T, m *apitest.Master) http.Handler {
	h, err := httpapi.New(httpapi.Config{Backend: m, Check: func(*model.Job) []string { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// serve returns the address of a server.
func serve(t *testing.T, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// connect returns a client that is patient for as long as a slow machine may need.
func connect(t *testing.T, addresses ...string) *client.Client {
	c, err := client.New(addresses, client.WithPatience(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// nobody returns an address where nothing listens.
func nobody(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestEveryCall(t *testing.T) {
	m := apitest.New(epoch)
	m.SetNodes(model.NodeView{AgentInfo: model.AgentInfo{Name: "node-1"}})
	m.SetOffers(model.OfferList{Demands: []model.Demand{{ID: "d"}}})
	c := connect(t, serve(t, handler(t, m)))
	ctx := t.Context()
	check := func(what string, ok bool, err error) {
		t.Helper()
		if err != nil || !ok {
			t.Errorf("%s: %v, %v", what, ok, err)
		}
	}
	reply, err := c.Submit(ctx, model.Submit{Job: hello(), User: "ada"})
	check("submit", reply.ID == "j0000001" && reply.Name == "hello", err)
	again, err := c.Submit(ctx, model.Submit{Job: hello()})
	check("submit without a key twice", again.ID == "j0000002", err)
	view, err := c.Job(ctx, "j0000001")
	check("job", view.Spec != nil && view.User == "ada", err)
	list, err := c.Jobs(ctx, model.ListJobs{State: "queued", Name: "hello", Limit: 1})
	check("jobs", len(list.Jobs) == 1 && list.More, err)
	index := uint32(1)
	tasks, err := c.Tasks(ctx, model.ListTasks{Selector: "last", Group: "main", State: "waiting", Index: &index, Limit: 10})
	check("tasks", tasks.Total == 1, err)
	tasks, err = c.Tasks(ctx, model.ListTasks{Selector: "last", Offset: 1})
	check("tasks from 1 on", len(tasks.Tasks) == 1 && tasks.Total == 2, err)
	why, err := c.Why(ctx, "last")
	check("why", why.Job.ID == "j0000002", err)
	plan, err := c.Plan(ctx, hello())
	check("plan", plan.PreviousID == "j0000002" && plan.Asked == 2, err)
	_, ended, err := c.Wait(ctx, "last", time.Millisecond)
	check("wait in vain", !ended, err)
	view, err = c.Cancel(ctx, model.CancelJob{Selector: "last", Group: "main", Indices: []uint32{0, 1}})
	check("cancel", view.Slots.Killed == 2, err)
	view, ended, err = c.Wait(ctx, "last", time.Hour)
	check("wait", ended && view.State.Ended(), err)
	view, err = c.Retry(ctx, model.RetryJob{Selector: "last", All: true})
	check("retry", view.Slots.Waiting == 2, err)
	nodes, err := c.Nodes(ctx)
	check("nodes", len(nodes.Nodes) == 1, err)
	offers, err := c.Offers(ctx)
	check("offers", len(offers.Demands) == 1, err)
	kept, err := c.SetRole(ctx, model.RoleConfig{Role: "research/nlp", Weight: 2})
	check("set role", kept.Role == "research/nlp" && kept.Weight == 2, err)
	reserved, err := c.SetReservation(ctx, model.Reservation{Role: "research", Agent: "n1", Amount: model.Resources{CPUMilli: 1}})
	check("reserve", reserved.Agent == "n1", err)
	shares, err := c.Shares(ctx, "research/nlp")
	check("shares", len(shares.Roles) == 1 && shares.Roles[0].Configured, err)
	was, err := c.RemoveRole(ctx, "research/nlp")
	check("remove role", was.Weight == 2, err)
	masters, err := c.Masters(ctx, true)
	check("masters", len(masters.Masters) == 4 && len(masters.Etcd) == 2, err)
	down, err := c.StepDown(ctx, "ada")
	check("step down", down.Term == 6, err)
	joined, err := c.JoinMasters(ctx, "m2:7070")
	check("join", len(joined.Members) == 2, err)
	status, err := c.Status(ctx)
	check("status", status.Leading, err)
}

func TestRefusalsAreTyped(t *testing.T) {
	c := connect(t, serve(t, handler(t, apitest.New(epoch))))
	_, err := c.Job(t.Context(), "a/b c?")
	if r, ok := errors.AsType[*model.Refusal](err); !ok || r.Reason != model.ReasonNotFound || !strings.Contains(r.Message, "a/b c?") {
		t.Errorf("a job that is not there: %v", err)
	}
}

func TestTheAddressThatAnsweredIsAskedFirst(t *testing.T) {
	var first atomic.Int32
	h := handler(t, apitest.New(epoch))
	one := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { first.Add(1); h.ServeHTTP(w, r) }))
	two := serve(t, h)
	c := connect(t, nobody(t), one, two)
	for range 3 {
		if _, err := c.Nodes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if first.Load() != 3 {
		t.Errorf("the first address that answered was asked %d times of 3", first.Load())
	}
}

func TestNobodyThereIsFoundOutAtOnce(t *testing.T) {
	a, b := nobody(t), nobody(t)
	_, err := connect(t, a, b).Nodes(t.Context())
	u, ok := errors.AsType[*client.UnreachableError](err)
	if !ok || len(u.Errs) != 2 || u.For > 10*time.Second {
		t.Fatalf("nothing listens: %v", err)
	}
	if want := "no master answers: " + a + " (connection refused) " + b + " (connection refused)"; err.Error() != want {
		t.Errorf("message %q, want %q", err, want)
	}
	_, err = connect(t, "no-such-host.invalid").Nodes(t.Context())
	if _, ok := errors.AsType[*client.UnreachableError](err); !ok || !strings.Contains(err.Error(), "look up no-such-host.invalid") {
		t.Errorf("a host that does not exist: %v", err)
	}
}

func TestFailoverIsWaitedOut(t *testing.T) {
	m := apitest.New(epoch)
	m.SetLeader("", false)
	var asked atomic.Int32
	h := handler(t, m)
	c := connect(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 3 {
			m.SetLeader("me", true)
		}
		h.ServeHTTP(w, r)
	})))
	if reply, err := c.Submit(t.Context(), model.Submit{Job: hello()}); err != nil || reply.ID != "j0000001" {
		t.Errorf("a submission while no master leads: %v, %v", reply, err)
	}
	// Also what must not be repeated blindly, since 503 means that it was not done.
	m.Start("last", "node-1")
	m.End("last", model.Result{Cause: model.CauseFailed, ExitCode: 1})
	m.SetLeader("", false)
	asked.Store(0)
	if _, err := c.Retry(t.Context(), model.RetryJob{Selector: "last"}); err != nil {
		t.Errorf("a retry while no master leads: %v", err)
	}
}

func TestPatienceEnds(t *testing.T) {
	m := apitest.New(epoch)
	m.SetLeader("", false)
	c, err := client.New([]string{serve(t, handler(t, m))}, client.WithPatience(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	_, err = c.Nodes(t.Context())
	if r, ok := errors.AsType[*model.Refusal](err); !ok || r.Reason != model.ReasonUnavailable {
		t.Errorf("no leader for too long: %v", err)
	}
}

// losing carries requests out but closes the connection instead of answering
// the first of them.
func losing(h http.Handler) http.Handler {
	var n atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 1 {
			h.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
	})
}

func TestSubmissionWhoseAnswerGotLostIsOneJob(t *testing.T) {
	m := apitest.New(epoch)
	h := handler(t, m)
	c := connect(t, serve(t, losing(h)), serve(t, h))
	reply, err := c.Submit(t.Context(), model.Submit{Job: hello()})
	if err != nil || !reply.Existing {
		t.Fatalf("submit: %+v, %v", reply, err)
	}
	if list, err := c.Jobs(t.Context(), model.ListJobs{}); err != nil || len(list.Jobs) != 1 {
		t.Errorf("there are %d jobs, %v", len(list.Jobs), err)
	}
}

func TestRetryWhoseAnswerGotLostIsNotRepeated(t *testing.T) {
	m := apitest.New(epoch)
	h := handler(t, m)
	direct := connect(t, serve(t, h))
	if _, err := direct.Submit(t.Context(), model.Submit{Job: hello()}); err != nil {
		t.Fatal(err)
	}
	m.Start("last", "node-1")
	m.End("last", model.Result{Cause: model.CauseFailed, ExitCode: 1})
	c := connect(t, serve(t, losing(h)), serve(t, h))
	_, err := c.Retry(t.Context(), model.RetryJob{Selector: "last"})
	if _, ok := errors.AsType[*client.BrokenError](err); !ok {
		t.Errorf("a retry whose answer got lost: %v", err)
	}
}

func TestWhatIsNotTenderIsSaidSo(t *testing.T) {
	address := serve(t, http.NotFoundHandler())
	_, err := connect(t, address).Nodes(t.Context())
	if _, ok := errors.AsType[*client.ProtocolError](err); !ok || !strings.Contains(err.Error(), address) {
		t.Errorf("another kind of server: %v", err)
	}
	address = serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }))
	_, err = connect(t, address).Nodes(t.Context())
	if _, ok := errors.AsType[*client.ProtocolError](err); !ok {
		t.Errorf("a server of pages: %v", err)
	}
}

func TestContextEndsTheTrying(t *testing.T) {
	m := apitest.New(epoch)
	m.SetLeader("", false)
	c := connect(t, serve(t, handler(t, m)))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Nodes(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request whose time was up: %v", err)
	}
}

func TestWaitSurvivesARestart(t *testing.T) {
	m := apitest.New(epoch)
	h := handler(t, m)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	waiting := make(chan bool, 10)
	start := func(l net.Listener) *http.Server {
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/wait") {
				waiting <- true
			}
			h.ServeHTTP(w, r)
		})}
		go s.Serve(l)
		return s
	}
	s := start(l)
	c := connect(t, address)
	if _, err := c.Submit(t.Context(), model.Submit{Job: hello()}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		view, ended, err := c.Wait(t.Context(), "last", time.Hour)
		if err == nil && (!ended || view.ID != "j0000001") {
			err = errors.New("wait came back too early")
		}
		done <- err
	}()
	<-waiting
	s.Close()
	m.Start("last", "node-1")
	m.End("last", model.Result{Cause: model.CauseFinished})
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	s = start(l)
	defer s.Close()
	if err := <-done; err != nil {
		t.Errorf("a wait over a restart: %v", err)
	}
}
