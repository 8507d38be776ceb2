# A task with GPUs: it sees those it was given and no others. To try it without any:
# tender dev --data-dir DIR --fake-gpus 8xH100

job "train" {
  type       = "batch"
  time_limit = "1h"

  group "main" {
    # A node or a device that is lost does not use up an attempt.
    restart {
      attempts = 1
      delay    = "10s"
    }

    task "train" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "echo training on $CUDA_VISIBLE_DEVICES"]
      }

      resources {
        cpus   = 1
        memory = "256MiB"

        gpu {
          count = 1 # or share = 0.5 of one, or mig = "1g.10gb"
          # model = "H100|H200"
        }
      }
    }
  }
}
