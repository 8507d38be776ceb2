# An array: the same task once for each index. Check it with `tender validate`,
# run it with `tender submit --wait`.

job "squares" {
  type       = "batch"
  time_limit = "10m"

  group "each" {
    array {
      range = "1-20"
      limit = 8 # at most this many at once
    }

    # A task that fails is tried up to twice more, 5 s later each time.
    restart {
      attempts = 2
      delay    = "5s"
    }

    task "square" {
      driver = "exec"

      config {
        script = <<-EOT
          #!/bin/sh
          set -eu
          n=$TENDER_ARRAY_INDEX
          echo "$n squared is $((n * n))"
        EOT
      }

      resources {
        cpus   = 0.5
        memory = "32MiB"
      }
    }
  }
}
