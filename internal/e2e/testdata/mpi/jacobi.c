/* The Laplace equation on the unit square by Jacobi's method: rows are spread
   over the ranks, which exchange the rows at their borders. On the border the
   solution is x*y, which is harmonic, so it is x*y inside too. */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#define N 8
#define STEPS 160

int main(int argc, char **argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  int first = 1 + rank * (N - 2) / size, last = 1 + (rank + 1) * (N - 2) / size;
  int rows = last - first + 2;
  double *u = calloc((size_t)rows * N, sizeof *u), *v = calloc((size_t)rows * N, sizeof *v);
#define AT(a, i, j) (a)[(size_t)((i) - first + 1) * N + (j)]
#define XY(i, j) ((double)(i) / (N - 1) * (double)(j) / (N - 1))
  for (int i = first - 1; i <= last; i++)
    for (int j = 0; j < N; j++)
      if (i == 0 || i == N - 1 || j == 0 || j == N - 1)
        AT(u, i, j) = AT(v, i, j) = XY(i, j);
  int up = rank > 0 ? rank - 1 : MPI_PROC_NULL, down = rank < size - 1 ? rank + 1 : MPI_PROC_NULL;
  for (int step = 0; step < STEPS; step++) {
    MPI_Sendrecv(&AT(u, first, 0), N, MPI_DOUBLE, up, 0, &AT(u, last, 0), N, MPI_DOUBLE, down, 0,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Sendrecv(&AT(u, last - 1, 0), N, MPI_DOUBLE, down, 1, &AT(u, first - 1, 0), N, MPI_DOUBLE, up, 1,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (int i = first; i < last; i++)
      for (int j = 1; j < N - 1; j++)
        AT(v, i, j) = 0.25 * (AT(u, i - 1, j) + AT(u, i + 1, j) + AT(u, i, j - 1) + AT(u, i, j + 1));
    double *t = u;
    u = v;
    v = t;
  }
  double worst = 0, all;
  for (int i = first; i < last; i++)
    for (int j = 1; j < N - 1; j++)
      worst = fmax(worst, fabs(AT(u, i, j) - XY(i, j)));
  MPI_Reduce(&worst, &all, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
  if (rank == 0)
    printf("jacobi on %d ranks: error %s\n", size, all < 1e-6 ? "below 1e-6" : "too large");
  MPI_Finalize();
  return rank == 0 && all >= 1e-6;
}
