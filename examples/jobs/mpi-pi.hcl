# An MPI program built with MPICH, whose ranks are started directly: no mpirun and
# no ssh. Each of the two allocations compiles it, then all four ranks start
# together and find each other over PMI. Needs MPICH on the agents (Debian's
# package mpich, or mpicc.mpich by another name in the variable mpicc).
#
#   tender submit examples/jobs/mpi-pi.hcl --wait
#   tender logs mpi-pi            # all ranks, each line after its rank
#   tender logs mpi-pi --rank 0

variable "mpicc" {
  type    = string
  default = "mpicc.mpich"
}

variable "steps" {
  type    = number
  default = 10000000
}

job "mpi-pi" {
  time_limit = "5m"

  group "ranks" {
    count = 2
    gang {
      launch = "pmi"
      ranks  = 2 # in each allocation
    }

    task "compile" {
      lifecycle {
        hook = "prestart"
      }
      config {
        script = "${var.mpicc} -O2 -o $TENDER_ALLOC_DIR/pi local/pi.c"
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
            printf("rank %d of %d has done its share\n", rank, size);
            if (rank == 0)
              printf("pi is about %.8f\n", pi);
            MPI_Finalize();
            return 0;
          }
        EOT
      }
      resources {
        cpus   = 0.1
        memory = "256MiB"
      }
    }

    task "rank" {
      config {
        command = "$${TENDER_ALLOC_DIR}/pi"
        args    = ["${var.steps}"]
      }
      resources {
        cpus   = 0.8
        memory = "256MiB"
      }
    }
  }
}
