/* Takes 512 MiB of the first CUDA device and keeps it busy for some seconds:
 * hold SECONDS. Needs the driver's libcuda.so.1 only, no CUDA toolkit. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *lib;

static void *need(const char *name) {
  void *f = dlsym(lib, name);
  if (!f) { fprintf(stderr, "libcuda has no %s\n", name); exit(2); }
  return f;
}

static void must(int r, const char *what) {
  if (r) { fprintf(stderr, "%s: CUDA error %d\n", what, r); exit(1); }
}

int main(int argc, char **argv) {
  int seconds = argc > 1 ? atoi(argv[1]) : 5, device;
  void *context;
  unsigned long long p;
  const size_t bytes = 512u << 20;
  if (!(lib = dlopen("libcuda.so.1", RTLD_NOW))) { fprintf(stderr, "%s\n", dlerror()); return 2; }
  int (*init)(unsigned) = need("cuInit");
  int (*get)(int *, int) = need("cuDeviceGet");
  int (*retain)(void **, int) = need("cuDevicePrimaryCtxRetain");
  int (*set)(void *) = need("cuCtxSetCurrent");
  int (*alloc)(unsigned long long *, size_t) = need("cuMemAlloc_v2");
  int (*fill)(unsigned long long, unsigned char, size_t) = need("cuMemsetD8_v2");
  int (*sync)(void) = need("cuCtxSynchronize");
  must(init(0), "cuInit");
  must(get(&device, 0), "cuDeviceGet");
  must(retain(&context, device), "cuDevicePrimaryCtxRetain");
  must(set(context), "cuCtxSetCurrent");
  must(alloc(&p, bytes), "cuMemAlloc");
  printf("has %zu bytes at %#llx\n", bytes, p);
  fflush(stdout);
  for (time_t end = time(NULL) + seconds; time(NULL) < end;) {
    for (int i = 0; i < 200; i++) must(fill(p, (unsigned char)i, bytes), "cuMemsetD8");
    must(sync(), "cuCtxSynchronize");
  }
  return 0;
}
