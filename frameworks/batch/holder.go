package batch

import "github.com/tender-scheduler/tender/core/model"

// In a gang with launch = "mpirun" only the first allocation runs the job's
// command. The others hold the room of what it starts there, and their part is
// done when it is.

// letGo ends the holders once the command has ended well. If it has not, the
// gang is stopped as any.
func (f *Framework) letGo(g *group, n int, v verdict) {
	if n == 0 && v == verdictOK && g.abort == 0 && g.spec.HoldsIndex(1) {
		f.killLive(g)
	}
}

// held reads the end of a holder that was let go: it has done what it was for.
func (g *group) held(n int, st *model.TaskStatus, v verdict) (*model.TaskStatus, verdict) {
	if v != verdictKilled || g.abort != 0 || !g.spec.HoldsIndex(uint32(n)) || g.at(0).state != taskSlot(model.TaskFinished) {
		return st, v
	}
	done := *st
	done.State, done.Reason, done.Message = model.TaskFinished, model.ReasonNone, ""
	done.Result = &model.Result{Cause: model.CauseFinished}
	return &done, verdictOK
}
