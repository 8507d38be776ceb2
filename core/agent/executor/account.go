package executor

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is the user a task runs as.
type account struct {
	name, home string
	cred       *syscall.Credential // nil: the executor's own user
}

// lookupAccount finds a user by name or number, with all groups. Empty is the
// executor's own user.
func lookupAccount(name string) (*account, error) {
	if name == "" {
		u, err := user.Current()
		if err != nil {
			return &account{name: strconv.Itoa(os.Getuid()), home: "/"}, nil
		}
		return &account{name: u.Username, home: u.HomeDir}, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return nil, fmt.Errorf("user %q does not exist on this agent; create it there, or name another in the task's user", name)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("user %q has uid %q and gid %q, which are not numbers", name, u.Uid, u.Gid)
	}
	a := &account{name: u.Username, home: u.HomeDir}
	if int(uid) == os.Getuid() {
		return a, nil
	}
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("run as user %q: the agent does not run as root, so its tasks can only run as its own user", name)
	}
	a.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("list groups of user %q: %w", name, err)
	}
	for _, g := range groups {
		if n, err := strconv.ParseUint(g, 10, 32); err == nil {
			a.cred.Groups = append(a.cred.Groups, uint32(n))
		}
	}
	return a, nil
}

// own gives a path to the account.
func (a *account) own(path string) error {
	if a.cred == nil {
		return nil
	}
	if err := os.Lchown(path, int(a.cred.Uid), int(a.cred.Gid)); err != nil {
		return fmt.Errorf("give the sandbox to user %q: %w", a.name, err)
	}
	return nil
}
