package apitest

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// masters is a list with one of each kind.
func (m *Master) masters() model.MasterList {
	lag := 1.5
	return model.MasterList{
		Cluster: "test", Through: "127.0.0.1:7070", Leader: m.leader, Term: 7,
		Masters: []model.MasterView{
			{Address: "127.0.0.1:7070", State: model.MasterLeader, Version: "1.0.0", Since: m.now.Add(-2 * time.Hour), Leading: m.now.Add(-time.Hour), Term: 7, Index: 1234},
			{Address: "127.0.0.1:7071", State: model.MasterStandby, Version: "1.0.0", Since: m.now.Add(-time.Hour), Term: 7, Index: 1200, LagEntries: 34, LagSeconds: &lag},
			{Address: "127.0.0.1:7072", State: model.MasterUnreachable, Version: "1.0.0", Since: m.now.Add(-time.Hour), Seen: m.now.Add(-time.Minute), Error: "connection refused"},
			{Address: "127.0.0.1:7073", State: model.MasterStarting, Version: "1.0.0", Since: m.now.Add(-time.Second)},
		},
		Etcd: []model.EtcdMember{
			{ID: "00000000000000a1", Name: "e1", Address: "127.0.0.1:2379", State: model.EtcdLeader, Version: "3.7.3", DBBytes: 20 << 20, DBInUseBytes: 5 << 20, Index: 99, Term: 3},
			{ID: "00000000000000a2", Name: "e2", Address: "127.0.0.1:2380", State: model.EtcdUnreachable, Error: "no answer within 1s"},
		},
	}
}
