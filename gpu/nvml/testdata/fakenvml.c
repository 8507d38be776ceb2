/* A libnvidia-ml.so.1 for tests, with the few functions that gpu/nvml calls.
 *
 * Built with -DBARE it has only those that a Source cannot do without, as an old
 * or trimmed driver would. What happens to its devices is told by the lines of the
 * file that $FAKE_NVML names:
 *   lost N        device N does not answer any more
 *   gone          the last device is not listed any more
 *   xid N CODE    device N reports an error, once
 *   mig N         device N is in MIG mode, with two instances
 *   migxid N CODE its second instance reports an error, once
 *   remap N       device N could not remap a memory row
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUCCESS 0
#define INVALID 2
#define NOT_SUPPORTED 3
#define NOT_FOUND 6
#define INSUFFICIENT_SIZE 7
#define TIMEOUT 10
#define LOST 15

#define DEVICES 4

typedef struct { int n; int instance; } dev; /* instance 0 = the device itself */
static dev devices[DEVICES] = {{0, 0}, {1, 0}, {2, 0}, {3, 0}};
static dev instances[DEVICES][2] = {{{0, 1}, {0, 2}}, {{1, 1}, {1, 2}}, {{2, 1}, {2, 2}}, {{3, 1}, {3, 2}}};
static int xids_told, migxids_told;

/* told returns whether the file has a line "what n", and its third word. */
static int told(const char *what, int n, int skip, unsigned long long *value) {
  char line[128], w[32];
  int m, found = 0;
  unsigned long long v = 0;
  const char *path = getenv("FAKE_NVML");
  FILE *f = path ? fopen(path, "r") : NULL;
  if (!f) return 0;
  while (!found && fgets(line, sizeof line, f)) {
    m = -1;
    if (sscanf(line, "%31s %d %llu", w, &m, &v) >= 1 && !strcmp(w, what) && (n < 0 || m == n) && skip-- <= 0) found = 1 + (m < 0 ? 0 : m);
  }
  fclose(f);
  if (found && value) *value = v;
  return found;
}

static int lost(dev *d) { return told("lost", d->n, 0, NULL) ? LOST : SUCCESS; }

int nvmlInit_v2(void) { return SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = DEVICES - (told("gone", -1, 0, NULL) ? 1 : 0); return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, dev **d) {
  if (i >= DEVICES) return INVALID;
  *d = &devices[i];
  return SUCCESS;
}
int nvmlDeviceGetUUID(dev *d, char *b, unsigned n) {
  if (d->instance) snprintf(b, n, "MIG-0000-%d-%d", d->n, d->instance);
  else snprintf(b, n, "GPU-0000-%d", d->n);
  return SUCCESS;
}

#ifndef BARE
const char *nvmlErrorString(int r) { return r == LOST ? "GPU is lost" : "some error"; }
int nvmlShutdown(void) { return SUCCESS; }
int nvmlSystemGetDriverVersion(char *b, unsigned n) { snprintf(b, n, "580.95.05"); return SUCCESS; }
int nvmlDeviceGetName(dev *d, char *b, unsigned n) {
  snprintf(b, n, d->instance ? "NVIDIA H100 80GB HBM3 MIG 3g.40gb" : "NVIDIA H100 80GB HBM3");
  return SUCCESS;
}
typedef struct { unsigned long long total, free, used; } memory;
int nvmlDeviceGetMemoryInfo(dev *d, memory *m) {
  m->total = d->instance ? 40ull << 30 : 80ull << 30;
  m->used = 3ull << 30;
  m->free = m->total - m->used;
  return lost(d);
}
int nvmlDeviceGetMinorNumber(dev *d, unsigned *n) { *n = d->n + 4; return SUCCESS; }
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char id_text[32]; } pci;
int nvmlDeviceGetPciInfo_v3(dev *d, pci *p) {
  memset(p, 0, sizeof *p);
  p->bus = 0x40 - 0x10 * d->n; /* the order of addresses is not that of numbers */
  snprintf(p->id_text, sizeof p->id_text, "00000000:%02X:00.0", p->bus);
  return SUCCESS;
}
int nvmlDeviceGetP2PStatus(dev *a, dev *b, int cap, int *status) {
  *status = cap == 2 && a->n / 2 == b->n / 2 ? 0 : 1; /* 0-1 and 2-3 are linked */
  return SUCCESS;
}
int nvmlDeviceGetMigMode(dev *d, unsigned *now, unsigned *later) {
  *now = *later = told("mig", d->n, 0, NULL) != 0;
  return SUCCESS;
}
int nvmlDeviceGetMaxMigDeviceCount(dev *d, unsigned *n) { *n = 7; return SUCCESS; }
int nvmlDeviceGetMigDeviceHandleByIndex(dev *d, unsigned i, dev **m) {
  if (i >= 2) return NOT_FOUND;
  *m = &instances[d->n][i];
  return SUCCESS;
}
int nvmlDeviceGetGpuInstanceId(dev *d, unsigned *n) { *n = d->instance; return SUCCESS; }
int nvmlDeviceGetComputeInstanceId(dev *d, unsigned *n) { *n = 0; return SUCCESS; }
int nvmlDeviceGetRemappedRows(dev *d, unsigned *c, unsigned *u, unsigned *pending, unsigned *failed) {
  *c = *u = *pending = 0;
  *failed = told("remap", d->n, 0, NULL) != 0;
  return SUCCESS;
}
typedef struct { unsigned gpu, memory; } rates;
int nvmlDeviceGetUtilizationRates(dev *d, rates *r) { r->gpu = 70 + d->n; r->memory = 5; return lost(d); }
int nvmlDeviceGetPowerUsage(dev *d, unsigned *mw) { *mw = 350000; return SUCCESS; }
typedef struct { unsigned pid; unsigned long long memory; unsigned gi, ci; } process;
int nvmlDeviceGetComputeRunningProcesses_v3(dev *d, unsigned *n, process *p) {
  unsigned have = d->n == 0 ? 2 : 0, room = *n;
  *n = have;
  if (room < have) return INSUFFICIENT_SIZE;
  int pid = told("pid", -1, 0, NULL); /* one more than it says */
  for (unsigned i = 0; i < have; i++) p[i] = (process){i == 0 && pid ? pid - 1 : 4711 - i, i ? ~0ull : 1ull << 30, ~0u, ~0u};
  return SUCCESS;
}
typedef struct { unsigned pid; unsigned long long time; unsigned sm, mem, enc, dec; } sample;
int nvmlDeviceGetProcessUtilization(dev *d, sample *s, unsigned *n, unsigned long long since) {
  if (!s) { *n = 1; return INSUFFICIENT_SIZE; }
  *s = (sample){4711, since + 1, 63, 2, 0, 0};
  *n = 1;
  return SUCCESS;
}
static int set;
int nvmlEventSetCreate(void **s) { *s = &set; return SUCCESS; }
int nvmlEventSetFree(void *s) { return SUCCESS; }
int nvmlDeviceGetSupportedEventTypes(dev *d, unsigned long long *t) { *t = d->n == 3 ? 0 : 0xff; return SUCCESS; }
int nvmlDeviceRegisterEvents(dev *d, unsigned long long t, void *s) { return d->n == 3 ? NOT_SUPPORTED : SUCCESS; }
typedef struct { dev *d; unsigned long long type, data; unsigned gi, ci; } event;
int nvmlEventSetWait_v2(void *s, event *e, unsigned ms) {
  unsigned long long code;
  int n;
  for (unsigned waited = 0; waited < ms; waited += 10) {
    if ((n = told("xid", -1, xids_told, &code))) {
      xids_told++;
      *e = (event){&devices[n - 1], 8, code, ~0u, ~0u};
      return SUCCESS;
    }
    if ((n = told("migxid", -1, migxids_told, &code))) {
      migxids_told++;
      *e = (event){&devices[n - 1], 8, code, 2, 0};
      return SUCCESS;
    }
    if (told("lost", -1, 0, NULL)) return LOST;
    usleep(10000);
  }
  return TIMEOUT;
}
#endif
