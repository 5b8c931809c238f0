/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_cuda.h"

#include <unistd.h>

static __thread int next_result;
static unsigned wait_us;
static uint64_t next_address = 0x7f0000000000;

void fake_next_result(int code) { next_result = code; }
void fake_wait_us(unsigned us) { wait_us = us; }

static int result(void) {
  int code = next_result;
  next_result = 0;
  return code;
}

static int give(uint64_t *pointer) {
  int code = result();
  if (code == 0) *pointer = __sync_add_and_fetch(&next_address, 1 << 21);
  return code;
}

static int notes;
static void note(void) { notes++; }

static int wait_and_tell(void) {
  if (wait_us != 0) usleep(wait_us);
  int code = result();
  if (code != 0) return code;
  return 0;
}

int cuInit(unsigned flags) {
  int code = result();
  return code;
}
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **args, void **extra) {
  return result();
}
int cuGraphLaunch(void *graph, void *stream) { return result(); }
int cuMemAlloc_v2(uint64_t *pointer, size_t bytes) { return give(pointer); }
int cuMemAllocManaged(uint64_t *pointer, size_t bytes, unsigned flags) { return give(pointer); }
int cuMemHostAlloc(void **pointer, size_t bytes, unsigned flags) { return give((uint64_t *)pointer); }
int cuMemFree_v2(uint64_t pointer) { return result(); }
int cuMemFreeHost(void *pointer) { return result(); }
int cuMemCreate(uint64_t *handle, size_t bytes, const void *properties, uint64_t flags) {
  return give(handle);
}
int cuMemRelease(uint64_t handle) { return result(); }
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) { return result(); }
int cuMemcpyAsync(uint64_t to, uint64_t from, size_t bytes, void *stream) { return result(); }
int cuMemsetD32Async(uint64_t to, unsigned value, size_t count, void *stream) { return result(); }
int cuStreamSynchronize(void *stream) {
  int code = wait_and_tell();
  return code;
}
int cuCtxSynchronize(void) {
  int code = wait_and_tell();
  note(); /* behind the wait, and cheap to probe */
  return code;
}
