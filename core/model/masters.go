package model

import "time"

// ListMasters is the query that MasterList answers; every master answers it,
// through the leader if there is one.
type ListMasters struct {
	Here bool // the master that is asked is to find out by itself
}

// MasterList is all masters of a cluster that one of them knows of, and the etcd
// that their journal is on.
type MasterList struct {
	Cluster string       `json:"cluster"`
	Through string       `json:"through"` // the address of the master that found it out
	Leader  string       `json:"leader"`  // address, empty while nobody leads
	Term    int64        `json:"term"`    // the leader's, or the last one known
	Masters []MasterView `json:"masters"` // by address
	Etcd    []EtcdMember `json:"etcd"`
}

// MasterState says what a master does.
type MasterState string

// The states of a master.
const (
	MasterLeader      MasterState = "leader"
	MasterStandby     MasterState = "standby"
	MasterStarting    MasterState = "starting" // it serves, but does not have the journal yet
	MasterUnreachable MasterState = "unreachable"
)

// MasterView is one master as others see it.
type MasterView struct {
	Address string      `json:"address"`
	State   MasterState `json:"state"`
	Version string      `json:"version,omitempty"`
	Since   time.Time   `json:"since,omitzero"` // when its process began
	// Leading is since when it leads.
	Leading time.Time `json:"leading_since,omitzero"`
	Term    int64     `json:"term,omitempty"` // of the leader that it obeys, its own if it leads
	Index   uint64    `json:"index"`          // of the journal, the last entry it has applied
	// LagEntries is how many entries of the leader's journal it has not applied;
	// LagSeconds for how long the oldest of those has been there, absent if unknown.
	LagEntries uint64    `json:"lag_entries"`
	LagSeconds *float64  `json:"lag_seconds,omitempty"`
	Seen       time.Time `json:"seen,omitzero"`   // when one that is unreachable was last there
	Error      string    `json:"error,omitempty"` // why it is unreachable
}

// EtcdState says what a member of etcd does.
type EtcdState string

// The states of an etcd member.
const (
	EtcdLeader      EtcdState = "leader"
	EtcdFollower    EtcdState = "follower"
	EtcdLearner     EtcdState = "learner"    // it catches up, and has no vote yet
	EtcdLeaderless  EtcdState = "leaderless" // it is up, but most others are out of its reach
	EtcdUnreachable EtcdState = "unreachable"
)

// EtcdMember is one member of the etcd that the journal is on.
type EtcdMember struct {
	ID           string    `json:"id"` // hexadecimal, as etcdctl prints it
	Name         string    `json:"name,omitempty"`
	Address      string    `json:"address,omitempty"` // for clients; of an embedded one, its master's
	State        EtcdState `json:"state"`
	Version      string    `json:"version,omitempty"`
	DBBytes      int64     `json:"db_bytes"`
	DBInUseBytes int64     `json:"db_in_use_bytes"`
	Index        uint64    `json:"index"` // of raft, applied
	Term         uint64    `json:"term"`  // of raft
	Error        string    `json:"error,omitempty"`
}

// StepDown asks the leader to let another master lead.
type StepDown struct {
	By string `json:"by,omitempty"` // who asks
}

// StepDownReply says who led until then.
type StepDownReply struct {
	From string `json:"from"`
	Term int64  `json:"term"` // that ended
}

// JoinMasters asks a master to let another one keep the journal with it, in the
// place of one that had the address before and is gone.
type JoinMasters struct {
	Address string `json:"address"`
}

// JoinReply is the masters that keep the journal from now on.
type JoinReply struct {
	Members []string `json:"members"`
}
