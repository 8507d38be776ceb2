package executor

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/agent/executor/taskenv"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// A gang with launch = "mpirun" runs its command in the first allocation only.
// There an mpirun finds the hosts of the others and a stand-in for ssh; in the
// others a process holds the room until the job is over.

// Files in the task's local directory.
const (
	hostsName      = "mpi-hosts"       // HOST slots=N, as Open MPI reads it
	hydraHostsName = "mpi-hosts.hydra" // HOST:N, as MPICH's Hydra does
	remoteShName   = "mpi-remote"      // called in place of ssh
)

// RemoteCommand is the hidden command that stands in for ssh.
const RemoteCommand = "__remote"

// Where RemoteCommand finds its executor, and what it says there.
const (
	RemoteSocketVar = "TENDER_REMOTE_SOCKET"
	RemoteTokenVar  = "TENDER_REMOTE_TOKEN"
)

func (t *run) mpirun() bool {
	return t.given.gang != nil && t.plan.task.Lifecycle == nil && t.plan.group.Gang != nil && t.plan.group.Gang.Launch == model.LaunchMPIRun
}

// equipMPIRun gives the task what an mpirun needs.
func (t *run) equipMPIRun(owner *account) error {
	if !t.mpirun() {
		return nil
	}
	d, err := t.openDoor(owner)
	if err != nil {
		return err
	}
	files, err := t.mpiFiles()
	if err != nil {
		return err
	}
	local := t.sandbox.local()
	for name, text := range files {
		path := filepath.Join(local, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			return fmt.Errorf("write the host file: %w", err)
		}
		if err := owner.own(path); err != nil {
			return err
		}
	}
	for name, v := range mpiVars(filepath.Join(local, remoteShName), filepath.Join(local, hostsName), filepath.Join(local, hydraHostsName)) {
		if _, given := t.plan.task.Env[name]; !given {
			t.env.Set(name, v)
		}
	}
	t.env.Set(RemoteSocketVar, d.path)
	t.env.Set(RemoteTokenVar, d.token)
	return nil
}

func (t *run) mpiFiles() (map[string]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program's own file: %w", err)
	}
	var plain, hydra strings.Builder
	ranks := t.plan.group.Ranks()
	for _, h := range t.given.gang.Hosts() {
		fmt.Fprintf(&plain, "%s slots=%d\n", h, ranks)
		fmt.Fprintf(&hydra, "%s:%d\n", h, ranks)
	}
	return map[string]string{
		hostsName: plain.String(), hydraHostsName: hydra.String(),
		remoteShName: "#!/bin/sh\nexec '" + strings.ReplaceAll(self, "'", `'\''`) + "' " + RemoteCommand + " \"$@\"\n",
	}, nil
}

// mpiVars are what Open MPI 4 (OMPI_, and ORTE's) and 5 (PRTE_) and Hydra read.
// Names are kept whole: Open MPI would cut them at the first dot.
func mpiVars(remote, hosts, hydraHosts string) map[string]string {
	return map[string]string{
		"TENDER_HOSTFILE": hosts, "TENDER_HOSTFILE_HYDRA": hydraHosts, "TENDER_REMOTE_SHELL": remote,

		"OMPI_MCA_plm":                      "rsh",
		"OMPI_MCA_plm_rsh_agent":            remote,
		"OMPI_MCA_plm_rsh_no_tree_spawn":    "1",
		"OMPI_MCA_orte_default_hostfile":    hosts,
		"OMPI_MCA_orte_keep_fqdn_hostnames": "1",
		"OMPI_ALLOW_RUN_AS_ROOT":            "1",
		"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM":    "1",
		"PRTE_MCA_plm":                      "ssh",
		"PRTE_MCA_plm_ssh_agent":            remote,
		"PRTE_MCA_plm_ssh_no_tree_spawn":    "1",
		"PRTE_MCA_prte_default_hostfile":    hosts,
		"PRTE_MCA_prte_keep_fqdn_hostnames": "1",
		"PRTE_ALLOW_RUN_AS_ROOT":            "1",
		"PRTE_ALLOW_RUN_AS_ROOT_CONFIRM":    "1",

		"HYDRA_LAUNCHER":      "ssh",
		"HYDRA_LAUNCHER_EXEC": remote,
		"HYDRA_HOST_FILE":     hydraHosts,
	}
}

// holdSeconds is as long as sleep(1) of any make takes it.
const holdSeconds = 1<<31 - 1

// holder is the process of an allocation that only holds its room.
func (t *run) holder(env *taskenv.Env) (*isolation.Command, error) {
	owner, err := t.plan.account()
	if err != nil {
		return nil, err
	}
	cmd := &isolation.Command{Credential: owner.cred, Env: env.List(), Dir: t.sandbox.task}
	cmd.Args = []string{"sleep", strconv.Itoa(holdSeconds)}
	cmd.Path, err = find(env, "sleep", cmd.Dir)
	return cmd, err
}

// whoOfMPIRun names what holds room; the command itself needs no name.
func (t *run) whoOfMPIRun(node string) string {
	if !t.plan.group.HoldsIndex(t.key.Index) {
		return ""
	}
	return fmt.Sprintf("what holds allocation %d on node %s", t.key.Index, node)
}
