# A job that runs one script to its end.
#
#   tender validate FILE           check it
#   tender plan FILE               what would change, and whether it would start now
#   tender submit --wait FILE      run it, and exit with its exit code
#   tender logs hello              what it printed

variable "name" {
  type        = string
  default     = "world"
  description = "whom to greet; give another with --var name=you"
}

job "hello" {
  # time_limit = "10m"             # stopped after that; without it, never
  # priority   = 50                # 0 to 100, higher first
  # role       = "team/project"    # who pays
  # depends_on = { prepare = "ok" } # wait for another job: ok, failed, any or started

  group "main" {
    # count = 1                    # how many of it

    # restart {                    # a failed task is a result; to try it again:
    #   attempts = 3
    #   delay    = "15s"
    # }

    task "greet" {
      driver = "exec" # isolated; raw_exec runs as the agent's user, without isolation

      config {
        # Either a script, run by its #! line or by /bin/sh, or command and args.
        # ${var.name} is filled in here. What a shell should expand is written
        # with two dollar signs: $${HOME}; $HOME needs nothing.
        script = <<-EOT
          echo "Hello, ${var.name}!"
          echo "This is $TENDER_TASK_NAME of job $TENDER_JOB_ID on $(hostname)."
        EOT
      }

      env {
        LANG = "C.UTF-8"
      }

      resources {
        cpus   = 1        # cores; 0.5 is half of one
        memory = "128MiB" # the task is stopped when it needs more
      }
    }
  }
}
