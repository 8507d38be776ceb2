# Work that lets others go first: its tasks may be stopped when another job needs
# their room, have 5 s to save what they have, and run again later. Looks like
# any other job while nobody is in need.
#
#   tender submit examples/jobs/preemptible.hcl --wait
#   tender events                                     # tells of tasks that gave way

job "preemptible" {
  priority    = 10
  preemptible = true
  time_limit  = "10m" # others can plan with its end, so it starts in gaps sooner

  group "sweep" {
    array { range = "0-3" }
    spread { attribute = "${node.unique.name}" }

    task "step" {
      driver = "exec"
      config {
        script = <<-EOT
          trap 'echo "saved, stopping"; exit 1' TERM
          echo "step $TENDER_ARRAY_INDEX, attempt $TENDER_ATTEMPT"
        EOT
      }
      kill_timeout = "5s"
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
