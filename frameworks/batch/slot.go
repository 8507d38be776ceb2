package batch

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// slot is the latest attempt at one slot, in 56 bytes. The zero value is a slot
// that was never launched.
type slot struct {
	staged, started, finished sdk.Micros
	cpu                       time.Duration
	peakBytes                 int64
	agent                     uint32 // position in the job's agents
	exitCode                  int32
	attempts                  uint16 // launched so far; the latest has number attempts-1
	state                     slotState
	reason                    model.TaskReason
	cause                     causeCode
	signal                    uint8
	task                      uint8 // which task block gave the result, plus one; 0 = not said
	flags                     slotFlags
}

// slotState is slotWaiting, slotDelayed, or slotTask plus the attempt's state.
type slotState uint8

const (
	slotWaiting slotState = 0 // to be launched
	slotDelayed slotState = 1 // to be launched after its retry delay
	slotTask    slotState = 2
)

func taskSlot(s model.TaskState) slotState { return slotTask + slotState(s) }

// task returns the attempt's state; only for a slot that is not waiting or delayed.
func (s slotState) task() model.TaskState { return model.TaskState(s - slotTask) }

type slotFlags uint8

const (
	flagKill  slotFlags = 1 << iota // the live attempt is to be killed
	flagUsage                       // usage was reported
	flagFirst                       // its end was the first of its gang's that was not a success
	flagFront                       // on a gang's slot 0: it has lost its place through no fault of its own
)

// class is what a slot counts as.
type class uint8

const (
	classWaiting class = iota
	classDelayed
	classStaging
	classRunning
	classOK
	classFailed
	classKilled
	classLost
	numClasses
)

func (c class) live() bool  { return c == classStaging || c == classRunning }
func (c class) ended() bool { return c >= classOK }

var slotClasses = func() (t [slotTask + 16]class) {
	for i := range t {
		t[i] = classLost
	}
	t[slotWaiting], t[slotDelayed] = classWaiting, classDelayed
	for s, c := range map[model.TaskState]class{
		model.TaskStaging: classStaging, model.TaskStarting: classStaging,
		model.TaskRunning: classRunning, model.TaskKilling: classRunning, model.TaskUnreachable: classRunning,
		model.TaskFinished: classOK, model.TaskFailed: classFailed, model.TaskError: classFailed,
		model.TaskKilled: classKilled, model.TaskGone: classLost, model.TaskDropped: classLost,
	} {
		t[taskSlot(s)] = c
	}
	return t
}()

func (s slotState) class() class { return slotClasses[s] }

// causeCode is a model.Cause in one byte. The numbers are in snapshots.
type causeCode uint8

var causes = [...]model.Cause{
	"", model.CauseFinished, model.CauseFailed, model.CauseOOM, model.CauseTimeLimit, model.CauseKilled,
	model.CausePreempted, model.CauseNodeLost, model.CauseExecutorLost, model.CauseLaunchFailed,
	model.CauseDeviceLost, model.CauseUnhealthy, model.CauseDrained,
}

func codeOfCause(c model.Cause) causeCode {
	for i, x := range causes {
		if x == c {
			return causeCode(i)
		}
	}
	return 0
}
