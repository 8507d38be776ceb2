/* Sums over all ranks, of a number and of a vector too long for one packet. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#define N 100000

int main(int argc, char **argv) {
  int rank, size, sum, wrong = 0;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  int mine = rank + 1;
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  double *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
  for (int i = 0; i < N; i++)
    a[i] = (double)i * mine;
  MPI_Allreduce(a, b, N, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  for (int i = 0; i < N; i++)
    wrong += b[i] != (double)i * sum;
  printf("rank %d: sum %d, %d of the vector wrong\n", rank, sum, wrong);
  MPI_Finalize();
  return wrong != 0;
}
