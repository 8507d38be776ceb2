# A fraction of a GPU and a whole one: four tasks share two devices, and one task
# has a device to itself. Each sees only its own, in CUDA_VISIBLE_DEVICES.
#
#   tender dev --data-dir /tmp/tender --fake-gpus 4xH100     # where there is no GPU
#   tender submit examples/jobs/gpu.hcl --wait
#   tender logs gpu --group shared --index 3
#   tender nodes --gpu                                       # who has which, meanwhile

job "gpu" {
  time_limit = "5m"

  group "shared" {
    count = 4
    task "infer" {
      driver = "exec"
      config {
        script = "echo \"$TENDER_GPU_SHARE of $CUDA_VISIBLE_DEVICES\""
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
        gpu {
          share = 0.5 # as others see it; nothing keeps a task from using more
        }
      }
    }
  }

  group "whole" {
    task "train" {
      driver = "exec"
      config {
        script = "echo \"all of $CUDA_VISIBLE_DEVICES\""
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
        gpu {
          count      = 1
          memory_min = "16GiB"
          # model    = "H100|H200"
        }
      }
    }
  }
}
