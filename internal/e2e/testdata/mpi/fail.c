/* Rank WHO fails in the way HOW while the others wait for it. With "stay" alone
   all ranks stay for ever. */
#include <mpi.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (argc > 1 && !strcmp(argv[1], "stay"))
    sleep(1000000);
  /* Ranks leave MPI_Init one by one: whoever is still in there could not connect to
     one that has failed already, and would be the first to abort. */
  MPI_Barrier(MPI_COMM_WORLD);
  if (argc > 2 && rank == atoi(argv[1])) {
    if (!strcmp(argv[2], "abort"))
      MPI_Abort(MPI_COMM_WORLD, 7);
    if (!strcmp(argv[2], "exit"))
      exit(9);
    if (!strcmp(argv[2], "crash"))
      raise(SIGSEGV);
    if (!strcmp(argv[2], "leave"))
      _exit(0);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  MPI_Finalize();
  return 0;
}
