package cli

import "github.com/spf13/cobra"

func (a *app) completionCmd() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script that makes a shell complete tender's commands",
		Long: `Completion prints a script for your shell. With it, commands, flags and the ids of
jobs are completed; for those it asks the cluster that TENDER_ADDR names.`,
		Example: `  source <(tender completion bash)
  tender completion zsh > "${fpath[1]}/_tender"
  tender completion fish > ~/.config/fish/completions/tender.fish`,
		Args:      wants(1, 1, "the name of a shell: bash, zsh, fish or powershell"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.Stdout)
			case "fish":
				return root.GenFishCompletion(a.Stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.Stdout)
			}
			return usagef(cmd, "no completion for shell %q, only for bash, zsh, fish and powershell", args[0])
		},
	}
}
