package mpi

import (
	"strconv"
	"strings"
)

// The limits that ranks are told, those of MPICH's own server.
const (
	maxNameBytes  = 256
	maxKeyBytes   = 64
	maxValueBytes = 1024
	// MaxLineBytes is the longest line that a rank can have to say.
	MaxLineBytes = 4096
)

// fields reads "cmd=put kvsname=kvs_1 key=K value=V": words of the form
// NAME=VALUE. The value of the last word called value may hold spaces.
func fields(line string) (out map[string]string, ok bool) {
	out = map[string]string{}
	for rest := strings.TrimRight(line, " \r"); rest != ""; {
		name, value, found := strings.Cut(rest, "=")
		if !found || name == "" || strings.ContainsAny(name, " \t") {
			return nil, false
		}
		if name == "value" {
			out[name] = value
			break
		}
		value, rest, _ = strings.Cut(value, " ")
		out[name] = value
		rest = strings.TrimLeft(rest, " ")
	}
	return out, len(out) > 0
}

// line serves one command.
func (m *Machine) line(n int, r *rank, text string) {
	if r.several {
		m.furtherLine(n, r, text)
		return
	}
	f, ok := fields(text)
	cmd := f["cmd"]
	switch {
	case len(text) > MaxLineBytes || !ok:
		m.nonsense(n, r, text)
	case f["mcmd"] != "":
		r.several = true
	case cmd == "init":
		m.init(n, r, f)
	case cmd == "abort":
		m.abort(n, r, f)
	case r.phase != phaseIn:
		m.nonsense(n, r, text)
	default:
		m.command(n, r, cmd, f, text)
	}
}

func (m *Machine) command(n int, r *rank, cmd string, f map[string]string, text string) {
	switch cmd {
	case "get_maxes":
		m.reply(n, "cmd=maxes kvsname_max=%d keylen_max=%d vallen_max=%d", maxNameBytes, maxKeyBytes, maxValueBytes)
	case "get_appnum":
		m.reply(n, "cmd=appnum appnum=0")
	case "get_universe_size":
		m.reply(n, "cmd=universe_size size=%d", m.opt.World)
	case "get_my_kvsname":
		m.reply(n, "cmd=my_kvsname kvsname=%s", m.opt.Name)
	case "put":
		m.reply(n, "cmd=put_result %s", m.put(f))
	case "get":
		m.get(n, f)
	case "barrier_in":
		m.enterBarrier(n, r)
	case "finalize":
		r.phase = phaseOut
		m.reply(n, "cmd=finalize_ack rc=0")
	case "getbyidx":
		m.reply(n, "cmd=getbyidx_results rc=-1 reason=not_supported")
	case "publish_name":
		m.reply(n, "cmd=publish_result rc=-1 msg=not_supported")
	case "unpublish_name":
		m.reply(n, "cmd=unpublish_result rc=-1 msg=not_supported")
	case "lookup_name":
		m.reply(n, "cmd=lookup_result rc=-1 msg=not_supported")
	default:
		m.nonsense(n, r, text)
	}
}

// nonsense gives up on a rank that does not keep to the protocol: it would wait
// for an answer for ever.
func (m *Machine) nonsense(n int, r *rank, text string) {
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	m.fault(n, r, Fault{Message: "spoke PMI that is not understood: " + strconv.Quote(text), Now: true})
}

// furtherLine is one of a command of several lines. There is only spawn, which
// starts more ranks than the job has room for.
func (m *Machine) furtherLine(n int, r *rank, text string) {
	if len(text) > MaxLineBytes {
		m.nonsense(n, r, text)
	}
	if strings.TrimSpace(text) == "endcmd" {
		r.several = false
		m.reply(n, "cmd=spawn_result rc=-1 msg=not_supported")
	}
}

func (m *Machine) init(n int, r *rank, f map[string]string) {
	rc := 0
	if f["pmi_version"] != "1" {
		rc = -1
	}
	if rc == 0 {
		r.phase = phaseIn // also again, of a second program that the rank starts
	}
	m.reply(n, "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=%d", rc)
}

func (m *Machine) abort(n int, r *rank, f map[string]string) {
	code, _ := strconv.Atoi(f["exitcode"])
	m.fault(n, r, Fault{Message: "called MPI_Abort with code " + strconv.Itoa(code), Code: code, Now: true})
}

// put takes in a key and returns the rest of the answer.
func (m *Machine) put(f map[string]string) string {
	key, value := f["key"], f["value"]
	switch {
	case f["kvsname"] != m.opt.Name:
		return "rc=-1 msg=no_such_kvs"
	case key == "" || len(key) > maxKeyBytes:
		return "rc=-1 msg=bad_key"
	case len(value) > maxValueBytes:
		return "rc=-1 msg=value_too_long"
	case !m.store(pair{key, value}):
		return "rc=-1 msg=kvs_full"
	}
	m.fresh = append(m.fresh, pair{key, value})
	return "rc=0 msg=success"
}

// store keeps a key, if there is room.
func (m *Machine) store(p pair) bool {
	old, had := m.space[p.key]
	grown := len(p.value) - len(old)
	if !had {
		grown += len(p.key)
	}
	if m.bytes+grown > maxSpaceBytes {
		return false
	}
	m.bytes += grown
	m.space[p.key] = p.value
	return true
}

func (m *Machine) get(n int, f map[string]string) {
	value, ok := m.space[f["key"]]
	if !ok || f["kvsname"] != m.opt.Name {
		m.reply(n, "cmd=get_result rc=-1 msg=no_such_key value=unknown")
		return
	}
	m.reply(n, "cmd=get_result rc=0 msg=success value=%s", value)
}
