// SPDX-License-Identifier: Apache-2.0
// A CUDA runtime over the fake driver: each call is one of the driver's inside one of the runtime's,
// with one correlation id.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>

#include "fake_cuda.h"
#include "fake_cupti.h"

#define OUT __attribute__((visibility("default")))

static const struct fake_cupti* cupti(void) {
  static _Atomic(const struct fake_cupti*) found;
  if (found == NULL) {
    void* library = dlopen("libcupti.so.13", RTLD_LAZY | RTLD_NOLOAD);
    if (library == NULL) library = dlopen("libcupti.so.12", RTLD_LAZY | RTLD_NOLOAD);
    if (library != NULL) found = dlsym(library, "fake_cupti_driver_side");
  }
  return found;
}

static void need_context(void) {
  void* context;
  cuInit(0);
  cuDevicePrimaryCtxRetain(&context, 0);
}

#define INSIDE(id, work)                                         \
  do {                                                           \
    need_context();                                              \
    const struct fake_cupti* told = cupti();                     \
    if (told != NULL) told->enter(FAKE_RUNTIME, id);             \
    work;                                                        \
    if (told != NULL) told->leave(FAKE_RUNTIME, id);             \
    return 0;                                                    \
  } while (0)

OUT int cudaSetDevice(int device) {
  (void)device;
  need_context();
  return 0;
}

OUT int cudaLaunchKernel(const void* function, struct fake_dim3 grid, struct fake_dim3 block,
                         void** arguments, size_t shared, void* stream) {
  INSIDE(211, cuLaunchKernel(function, grid.x, grid.y, grid.z, block.x, block.y, block.z,
                             (unsigned)shared, stream, arguments, NULL));
}

OUT int cudaMemcpyAsync(void* to, const void* from, size_t bytes, int kind, void* stream) {
  INSIDE(41, kind == 2 ? cuMemcpyDtoHAsync_v2(to, (uint64_t)(uintptr_t)from, bytes, stream)
                       : cuMemcpyHtoDAsync_v2((uint64_t)(uintptr_t)to, from, bytes, stream));
}

OUT int cudaMemsetAsync(void* to, int value, size_t bytes, void* stream) {
  INSIDE(51, cuMemsetD8Async((uint64_t)(uintptr_t)to, (unsigned char)value, bytes, stream));
}

OUT int cudaStreamSynchronize(void* stream) { INSIDE(131, cuStreamSynchronize(stream)); }

OUT int cudaGraphLaunch(void* graph, void* stream) { INSIDE(311, cuGraphLaunch(graph, stream)); }
