//go:build !daemons

package cli

import "github.com/spf13/cobra"

func (a *app) runMaster(cmd *cobra.Command, s masterSettings) error { panic("") }
func (a *app) runAgent(cmd *cobra.Command, s agentSettings) error   { panic("") }
func (a *app) runDev(cmd *cobra.Command, s devSettings) error       { panic("") }
