package client

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Submit submits a job. Without an idempotency key it gets a random one, so
// that a submission repeated during a failover is one job.
func (c *Client) Submit(ctx context.Context, s model.Submit) (model.SubmitReply, error) {
	if s.Key == "" {
		s.Key = rand.Text()
	}
	var reply model.SubmitReply
	err := c.post(ctx, "/v1/jobs", s, true, &reply)
	return reply, err
}

// Plan says what Submit of job would do.
func (c *Client) Plan(ctx context.Context, job *model.Job) (model.PlanView, error) {
	var view model.PlanView
	err := c.post(ctx, "/v1/plan", map[string]*model.Job{"job": job}, true, &view)
	return view, err
}

// Jobs lists jobs, newest first.
func (c *Client) Jobs(ctx context.Context, l model.ListJobs) (model.JobList, error) {
	q := url.Values{}
	setText(q, "state", l.State)
	setText(q, "name", l.Name)
	setText(q, "before", string(l.Before))
	setInt(q, "limit", int64(l.Limit))
	var list model.JobList
	err := c.get(ctx, "/v1/jobs", q, &list)
	return list, err
}

// Job returns one job with its Spec, by id, unique id prefix, name or "last".
func (c *Client) Job(ctx context.Context, selector string) (model.JobView, error) {
	var view model.JobView
	err := c.get(ctx, jobPath(selector, ""), nil, &view)
	return view, err
}

// Tasks lists a job's tasks in slot order.
func (c *Client) Tasks(ctx context.Context, l model.ListTasks) (model.TaskList, error) {
	q := url.Values{}
	setText(q, "group", l.Group)
	setText(q, "state", l.State)
	setInt(q, "offset", int64(l.Offset))
	setInt(q, "limit", int64(l.Limit))
	if l.Index != nil {
		q.Set("index", strconv.FormatUint(uint64(*l.Index), 10))
	}
	var list model.TaskList
	err := c.get(ctx, jobPath(l.Selector, "/tasks"), q, &list)
	return list, err
}

// Why explains where a job stands.
func (c *Client) Why(ctx context.Context, selector string) (model.WhyView, error) {
	var view model.WhyView
	err := c.get(ctx, jobPath(selector, "/why"), nil, &view)
	return view, err
}

// Wait returns a job's view once it has ended, or as it is (ended=false) after
// timeout. A failover in between is waited out.
func (c *Client) Wait(ctx context.Context, selector string, timeout time.Duration) (view model.JobView, ended bool, err error) {
	resp, err := c.send(ctx, call{
		method: http.MethodGet, path: jobPath(selector, "/wait"),
		query:      url.Values{"timeout": {timeout.String()}},
		repeatable: true, timeout: timeout + unaryTimeout,
	})
	if err != nil {
		return view, false, err
	}
	err = decode(resp, &view)
	return view, resp.StatusCode == http.StatusOK, err
}

// Cancel stops a job, or some of its slots.
func (c *Client) Cancel(ctx context.Context, r model.CancelJob) (model.JobView, error) {
	var view model.JobView
	err := c.post(ctx, jobPath(r.Selector, "/cancel"), r, true, &view)
	return view, err
}

// Retry puts a job's failed slots, or all ended ones, back in the queue. It is
// not repeated blindly: a second one might run what the first one's has ended.
func (c *Client) Retry(ctx context.Context, r model.RetryJob) (model.JobView, error) {
	var view model.JobView
	err := c.post(ctx, jobPath(r.Selector, "/retry"), r, false, &view)
	return view, err
}

func jobPath(selector, rest string) string { return "/v1/jobs/" + url.PathEscape(selector) + rest }

func setText(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func setInt(q url.Values, name string, value int64) {
	if value != 0 {
		q.Set(name, strconv.FormatInt(value, 10))
	}
}
