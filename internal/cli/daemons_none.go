//go:build !daemons

package cli

import "github.com/spf13/cobra"

// daemonCmds is empty in a build of the client alone.
func (a *app) daemonCmds() []*cobra.Command { return nil }
