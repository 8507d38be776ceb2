package cli

import "github.com/spf13/cobra"

// topics are pages of `tender help TOPIC` that belong to no command.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What tender's exit codes mean", Long: exitCodesText, Example: exitCodesExample},
		{Use: "selectors", Short: "How to name a job on the command line", Long: selectorsText, Example: selectorsExample},
		{Use: "environment", Short: "The environment variables tender reads", Long: environmentText, Example: environmentExample},
	}
}

const exitCodesText = `tender submit --wait, submit --follow and wait exit with the job's exit code:

  0          the job succeeded
  1 to 249   the exit code of its first failed task, of arrays the largest one,
             of a gang that of the rank that stopped the others; 128+N if
             signal N ended the task (137 = SIGKILL, which is also what a task
             gets that runs out of memory)

Trouble of the tool itself has codes of its own:

  250  unreachable   no master answers, none leads, or what answers is none
  251  rejected      the job file has mistakes, or the master refused the request:
                     no such job, a job that has already ended, an idempotency key
                     that belongs to another job, …
  252  pending       nothing of the job started within --pending-timeout, or it did
                     not end within wait --timeout; the job itself goes on
  253  cancelled     the job was cancelled
  254  lost          its agent or executor was lost, and nobody knows how it ended

And every command may exit with

  1    something else went wrong on this machine, such as a port that is taken
  2    the command line was not understood
  130  interrupted (Ctrl-C); a job that was being waited for goes on

A job may itself exit with 250 or more. With -o json nothing is ambiguous: for a
job that ended, "state", "cause" and "exit_code" say how; for a command that
failed, standard output holds {"error": {"reason": …, "message": …},
"exit_code": …}.

validate and plan exit with 251 for a file with mistakes, fmt --check with 1 if a
file is not formatted, and status with 250 if no master leads. The daemons exit
with 0 after SIGTERM or SIGINT.`

const exitCodesExample = `  tender submit --wait job.hcl
  case $? in
    0)   echo done ;;
    250) echo "the cluster does not answer, try again" ;;
    251) echo "the job file is wrong" ;;
    *)   tender logs last --stderr ;;
  esac`

const selectorsText = `Where a command wants a JOB, it takes, in this order:

  an id         such as k3f9x2mq, which submit prints
  a name        as in the job file: the latest job with that name
  last          the job that was submitted last, by anybody
  a prefix      of an id, such as k3f9, if no other job's id begins with it

Scripts should keep the id: tender submit -o name prints nothing else. Tasks are
named by group and index: --group workers --index 17.`

const selectorsExample = `  tender why k3f9
  tender logs nightly -f
  id=$(tender submit -o name job.hcl) && tender wait "$id"`

const environmentText = `  TENDER_ADDR     where the masters are: HOST:PORT, several separated by commas.
                  Any master will do, one that does not lead passes requests on.
                  Default 127.0.0.1:7070; --address wins. Proxy variables such as
                  http_proxy are not looked at.
  TENDER_VAR_x    sets variable x of a job file; --var-file and --var win.
  NO_COLOR        any value switches colours off, as --no-color does.
  COLUMNS         the terminal's width, where it should not be asked.

Masters and agents take flags and a configuration file (--config), and look at no
environment variable of tender's.`

const environmentExample = `  export TENDER_ADDR=m1.example.org:7070,m2.example.org:7070
  TENDER_VAR_epochs=20 tender submit train.hcl`
