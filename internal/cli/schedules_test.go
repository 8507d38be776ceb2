package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tender-scheduler/tender/core/model"
)

// TestSchedulesShown lays out a schedule, its runs and why it waits.
func TestSchedulesShown(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	code := 3
	last := model.RunView{
		Number: 7, Job: "k3f9x2mq.7", Due: now.Add(-7 * time.Hour), Created: now.Add(-7*time.Hour + 40*time.Millisecond), Cause: model.RunDue,
		Started: now.Add(-7*time.Hour + time.Second), Ended: now.Add(-7*time.Hour + 61*time.Second), State: model.JobFailed, ExitCode: &code,
		Message: `group "main" failed`,
	}
	runs := []model.RunView{
		{Due: now.Add(-time.Hour), Cause: model.RunTrigger, State: model.RunWaiting}, last,
		{Due: now.Add(-55 * time.Hour), Until: now.Add(-31 * time.Hour), Count: 2, Cause: model.RunCatchUp, State: model.RunSkipped, Message: "missed, and a later one is run"},
	}
	nightly := model.JobView{ID: "k3f9x2mq", Name: "nightly", State: model.JobScheduled, Role: "default", Submitted: now.Add(-50 * 24 * time.Hour), Schedule: &model.ScheduleView{
		Version: 2, When: "0 3 * * *", Zone: "Europe/Berlin", Overlap: model.OverlapQueue, CatchUp: model.CatchUpLatest,
		Next: now.Add(17 * time.Hour), Last: &last, Runs: 7, Failed: 1, Skipped: 2, Waiting: 1, Children: []string{"load"},
	}}
	load := model.JobView{ID: "m1n2p3q4", Name: "load", State: model.JobPaused, Schedule: &model.ScheduleView{
		Version: 1, When: "after nightly", Zone: "UTC", Overlap: model.OverlapAllow, CatchUp: model.CatchUpLatest, Parents: []string{"nightly"},
	}}
	var out bytes.Buffer
	a := &app{Env: Env{Stdout: &out, Now: func() time.Time { return now }}, output: formatTable}
	for _, err := range []error{
		a.printSchedules(model.JobList{Jobs: []model.JobView{nightly, load}}),
		a.print(a.renderJob(jobReport{JobView: nightly, Runs: runs})),
		a.print([]byte(a.changedText(nightly) + "\n" + a.changedText(load) + "\n")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := `ID        NAME     STATE      WHEN           ZONE             NEXT    LAST  RESULT      RUNS
k3f9x2mq  nightly  scheduled  0 3 * * *      Europe/Berlin  in 17h  7h ago  failed (3)     7
m1n2p3q4  load     paused     after nightly  UTC                 -       -  -              0
Job         nightly (k3f9x2mq)
State       scheduled
When        0 3 * * * (Europe/Berlin)
Next        Tue 2026-03-03 03:00:00 CET, in 17h00m
Last        run 7 (k3f9x2mq.7), due 7h ago: failed (3)
Runs        7, of which 1 failed; 2 due times skipped
Overlap     queue; missed runs: latest
Then        load
Version     2
Submitted   50d ago (2026-01-11 09:00:00)
Priority    0, role default

RUN  JOB         DUE                                        CAUSE     STATE    EXIT   LATE   TIME  WHY
  -  -           2026-03-02 09:00:00                        trigger   waiting     -      -      -
  7  k3f9x2mq.7  2026-03-02 03:00:00                        due       failed      3  0.04s  1m00s  group "main" failed
  -  -           2026-02-28 03:00:00 … 2026-03-01 03:00:00  catch_up  skipped     -      -      -  2 times: missed, and a later one is run
no run goes on; the next is due Tue 2026-03-03 03:00:00 CET (in 17h00m)
no run goes on; it runs after nightly
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
