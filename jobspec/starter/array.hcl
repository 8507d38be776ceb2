# A job array: the same task once for each index of a range.
#
#   tender submit --wait FILE
#   tender logs squares --index 7

job "squares" {
  group "index" {
    array {
      range = "0-99" # also "0-99:5" (every fifth) and "1,3,7-9"
      limit = 10     # at most so many at once; without it, as many as fit
    }

    restart {
      attempts = 1 # try a failed index once more
    }

    task "square" {
      driver = "exec"

      config {
        script = <<-EOT
          i=$TENDER_ARRAY_INDEX
          echo "$i squared is $((i * i))"
        EOT
      }

      resources {
        cpus   = 0.25
        memory = "32MiB"
      }
    }
  }
}
