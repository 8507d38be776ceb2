// Ranks that meet in rounds and say so, until a file exists.
#include <mpi.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int rank, size, stop = 0, sum, round;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (round = 0; !stop; round++) {
    int one = 1;
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (sum != size) MPI_Abort(MPI_COMM_WORLD, 9);
    printf("rank %d round %d\n", rank, round);
    fflush(stdout);
    usleep(50000);
    if (rank == 0) stop = access(argv[1], F_OK) == 0;
    MPI_Bcast(&stop, 1, MPI_INT, 0, MPI_COMM_WORLD);
  }
  if (rank == 0) printf("rounds %d\n", round);
  MPI_Finalize();
  return 0;
}
