package master

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers"
)

// A record is one byte of kind and a payload: JSON, except for status updates,
// of which there are several per task and which are protobuf.
const (
	recCluster      = 'C' // clusterRecord
	recAgent        = 'A' // agentRecordJSON
	recAgentRemoved = 'R' // removedRecord
	recStaged       = 'S' // stagedRecord
	recStatuses     = 'U' // agentpb.Updates, prefixed by the agent's id
	recJobDone      = 'D' // jobDoneRecord
	recRole         = 'L' // model.RoleConfig
	recRoleRemoved  = 'l' // roleRemovedRecord
	recReservation  = 'V' // model.Reservation; a zero amount takes it away
	recNode         = 'N' // nodePolicy; one with nothing set takes it away
	recFramework    = 'F' // length of the framework's id, the id, its event
)

type clusterRecord struct {
	ID string `json:"id"`
}

type agentRecordJSON struct {
	Info model.AgentInfo `json:"info"`
	At   time.Time       `json:"at"`
}

type removedRecord struct {
	Agent model.AgentID `json:"agent"`
}

type roleRemovedRecord struct {
	Role string `json:"role"`
}

type jobDoneRecord struct {
	Job model.JobID `json:"job"`
}

// stagedRecord is one launch that passed its check.
type stagedRecord struct {
	Claim  offers.Claim `json:"claim"`
	At     time.Time    `json:"at"`
	Launch model.Launch `json:"launch"`
}

func (r *stagedRecord) batch() *launchBatch {
	return &launchBatch{claim: r.Claim, agent: r.Launch.Agent, shape: r.Launch.Shape, limit: r.Launch.TimeLimit, at: r.At,
		gang: r.Launch.GangSize, facts: r.Launch.Facts}
}

func jsonRecord(kind byte, v any) []byte {
	b := bytes.NewBuffer(make([]byte, 0, 512))
	b.WriteByte(kind)
	if err := json.NewEncoder(b).Encode(v); err != nil {
		// Only plain data of this package is passed: failing to encode it is a bug.
		panic(fmt.Sprintf("master: encode record %c: %v", kind, err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}) // the encoder's
}

// prefixed writes kind, a length byte, s and then payload.
func prefixed(kind byte, s string, payload []byte) []byte {
	if len(s) > 255 {
		panic(fmt.Sprintf("master: record prefix %q is longer than 255 bytes", s))
	}
	out := make([]byte, 0, 2+len(s)+len(payload))
	out = append(out, kind, byte(len(s)))
	out = append(out, s...)
	return append(out, payload...)
}

func splitPrefixed(rec []byte) (s string, payload []byte, err error) {
	if len(rec) < 2 || len(rec) < 2+int(rec[1]) {
		return "", nil, fmt.Errorf("read record: cut short at %d bytes", len(rec))
	}
	n := 2 + int(rec[1])
	return string(rec[2:n]), rec[n:], nil
}

// statusesRecord keeps statuses of tasks on one agent.
func statusesRecord(agent model.AgentID, sts []model.TaskStatus) []byte {
	u := agentpb.Updates{Updates: make([]*agentpb.Update, len(sts))}
	for i := range sts {
		u.Updates[i] = statusToWire(&sts[i])
	}
	b, err := proto.Marshal(&u)
	if err != nil {
		panic(fmt.Sprintf("master: encode statuses: %v", err))
	}
	return prefixed(recStatuses, string(agent), b)
}

func parseStatuses(rec []byte) ([]model.TaskStatus, error) {
	agent, b, err := splitPrefixed(rec)
	if err != nil {
		return nil, err
	}
	var u agentpb.Updates
	if err := proto.Unmarshal(b, &u); err != nil {
		return nil, fmt.Errorf("read statuses: %w", err)
	}
	out := make([]model.TaskStatus, len(u.Updates))
	for i, x := range u.Updates {
		if out[i], err = statusFromWire(model.AgentID(agent), x); err != nil {
			return nil, err
		}
	}
	return out, nil
}
