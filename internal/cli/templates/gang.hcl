# A gang: its allocations start together or not at all, and the first process that
# fails ends them all. `launch = "pmi"` starts MPICH's ranks, "mpirun" runs Open MPI's
# own mpirun, "torchrun" is for torch.distributed.

job "ring" {
  type       = "batch"
  time_limit = "10m" # a limit lets it start earlier, in front of what waits for room

  group "ranks" {
    count = 2 # allocations

    gang {
      launch = "none" # ranks find what they need in their environment
      ranks  = 2      # processes in each
    }

    task "rank" {
      driver = "exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "echo rank $TENDER_RANK of $TENDER_WORLD_SIZE, on $TENDER_NODE_NAME of $TENDER_NODELIST"]
      }

      resources {
        cpus   = 0.5
        memory = "64MiB"
      }
    }
  }
}
