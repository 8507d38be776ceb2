# An MPI program started by its library's own mpirun. The two allocations start
# together; the command runs in the first one, where mpirun finds a host file of
# the gang and a stand-in for ssh that leads to the other: no ssh, no keys. When it
# ends, so does the job, with its exit code. Needs Open MPI on the agents (Debian's
# packages openmpi-bin and libopenmpi-dev). For MPICH:
#
#   --var mpicc=mpicc.mpich --var mpirun=mpiexec.hydra
#
#   tender submit examples/jobs/mpi-mpirun.hcl --follow

variable "mpicc" {
  type    = string
  default = "mpicc.openmpi"
}

variable "mpirun" {
  type    = string
  default = "mpirun.openmpi"
}

variable "steps" {
  type    = number
  default = 10000000
}

job "mpi-mpirun" {
  time_limit = "5m"

  group "solve" {
    count = 2
    gang {
      launch = "mpirun"
      ranks  = 2 # in each allocation
    }

    task "pi" {
      config {
        # The program is compiled where the agents of a cluster would share it: mpirun
        # starts the same path everywhere.
        script = <<-EOT
          set -e
          dir=$(mktemp -d)
          trap 'rm -r $dir' EXIT
          ${var.mpicc} -O2 -o $dir/pi local/pi.c
          cat $TENDER_HOSTFILE
          ${var.mpirun} -n $TENDER_WORLD_SIZE $dir/pi ${var.steps}
        EOT
      }
      env {
        # For more ranks than cores, and no hardware but a network. Ranks yield while
        # they wait.
        OMPI_MCA_btl                 = "tcp,self"
        OMPI_MCA_pml                 = "ob1"
        OMPI_MCA_mpi_yield_when_idle = "1"
      }
      template {
        destination = "local/pi.c"
        data        = <<-EOT
          #include <mpi.h>
          #include <stdio.h>
          #include <stdlib.h>

          int main(int argc, char **argv) {
            int rank, size;
            MPI_Init(&argc, &argv);
            MPI_Comm_rank(MPI_COMM_WORLD, &rank);
            MPI_Comm_size(MPI_COMM_WORLD, &size);
            long n = atol(argv[1]);
            double mine = 0, pi;
            for (long i = rank; i < n; i += size) {
              double x = (i + 0.5) / n;
              mine += 4 / (1 + x * x) / n;
            }
            MPI_Reduce(&mine, &pi, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
            if (rank == 0)
              printf("%d ranks say that pi is about %.8f\n", size, pi);
            MPI_Finalize();
            return 0;
          }
        EOT
      }
      resources {
        cpus   = 0.9
        memory = "256MiB"
      }
    }
  }
}
