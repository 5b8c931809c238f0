// SPDX-License-Identifier: Apache-2.0
// A CUDA driver without a device: cuInit loads the library that CUDA_INJECTION64_PATH names, as the
// real one does, and every call tells the fake CUPTI, where one is mapped. A function is its name.
#define _GNU_SOURCE
#include "fake_cuda.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_cupti.h"

#define OUT __attribute__((visibility("default")))
enum { KERNEL_NS = 1000 };

static pthread_once_t initialized = PTHREAD_ONCE_INIT;
static pthread_once_t context_made = PTHREAD_ONCE_INIT;

static const struct fake_cupti* cupti(void) {
  static _Atomic(const struct fake_cupti*) found;
  if (found == NULL) {
    void* library = dlopen("libcupti.so.13", RTLD_LAZY | RTLD_NOLOAD);
    if (library == NULL) library = dlopen("libcupti.so.12", RTLD_LAZY | RTLD_NOLOAD);
    if (library != NULL) found = dlsym(library, "fake_cupti_driver_side");
  }
  return found;
}

static void initialize(void) {
  const char* path = getenv("CUDA_INJECTION64_PATH");
  void* library = path != NULL ? dlopen(path, RTLD_NOW) : NULL;
  if (library == NULL) {
    if (path != NULL) fprintf(stderr, "fake CUDA: %s\n", dlerror());
    return;
  }
  int (*start)(void) = (int (*)(void))dlsym(library, "InitializeInjection");
  if (start != NULL) start();
}

static void make_context(void) {
  if (cupti() != NULL) cupti()->context_created(1);
}

OUT int cuInit(unsigned flags) {
  (void)flags;
  pthread_once(&initialized, initialize);
  return 0;
}

OUT int cuDriverGetVersion(int* version) {
  const char* text = getenv("FAKE_CUDA_VERSION");
  *version = text != NULL ? atoi(text) : 13000;
  return 0;
}

OUT int cuDevicePrimaryCtxRetain(void** context, int device) {
  (void)device;
  pthread_once(&context_made, make_context);
  *context = (void*)1;
  return 0;
}

#define TELL(id, work)                                  \
  do {                                                  \
    const struct fake_cupti* told = cupti();            \
    if (told == NULL) return 0;                         \
    told->enter(FAKE_DRIVER, id);                       \
    work;                                               \
    told->leave(FAKE_DRIVER, id);                       \
    return 0;                                           \
  } while (0)

OUT int cuLaunchKernel(const void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                       unsigned by, unsigned bz, unsigned shared, void* stream, void** arguments,
                       void** extra) {
  (void)gx, (void)gy, (void)gz, (void)bx, (void)by, (void)bz, (void)shared, (void)arguments, (void)extra;
  TELL(307, told->kernel(function, 1, (uint32_t)(uintptr_t)stream, KERNEL_NS));
}

OUT int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream) {
  (void)to, (void)from;
  TELL(277, told->copy(1, bytes, 1, (uint32_t)(uintptr_t)stream));
}

OUT int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream) {
  (void)to, (void)from;
  TELL(279, told->copy(2, bytes, 1, (uint32_t)(uintptr_t)stream));
}

OUT int cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void* stream) {
  (void)to, (void)value;
  TELL(216, told->set(bytes, 1, (uint32_t)(uintptr_t)stream));
}

OUT int cuStreamSynchronize(void* stream) {
  TELL(126, told->synchronize(3, 1, (uint32_t)(uintptr_t)stream));
}

OUT int cuGraphLaunch(void* graph, void* stream) {
  const struct fake_graph* made = graph;
  TELL(514, told->graph(made->id, made->kernel, made->nodes, 1, (uint32_t)(uintptr_t)stream));
}
