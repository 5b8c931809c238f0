/* SPDX-License-Identifier: Apache-2.0 */
/* Made as libcudart is: each exported function hands over to one that calls the driver and remembers a
 * failure for cudaGetLastError. */
#include "fake_cuda.h"

struct thread_state {
  char other[128];
  int last_error;
};
static __thread struct thread_state state;

static void remember(struct thread_state *thread, int code) { thread->last_error = code; }
static int recall(struct thread_state *thread) { return thread->last_error; }
static struct thread_state *this_thread(void) { return &state; }

/* What every function does with a result of the driver. */
#define RETURN(call)                                 \
  int code = (call);                                 \
  if (code != 0) {                                   \
    struct thread_state *thread = this_thread();     \
    if (thread) remember(thread, code);              \
  }                                                  \
  return code

static int initialize(void) { return 0; }
#define READY()              \
  int ready = initialize();  \
  if (ready != 0) return ready

static int do_launch(const void *f, void *stream) {
  RETURN(cuLaunchKernel((void *)f, 1, 1, 1, 32, 1, 1, 0, stream, 0, 0));
}
int cudaLaunchKernel(const void *f, dim3 grid, dim3 block, void **args, size_t shared, void *stream) {
  READY();
  return do_launch(f, stream);
}
int __cudaLaunchKernel(const void *f, dim3 grid, dim3 block, void **args, size_t shared, void *stream) {
  return cudaLaunchKernel(f, grid, block, args, shared, stream);
}

static int do_graph(void *graph, void *stream) { RETURN(cuGraphLaunch(graph, stream)); }
int cudaGraphLaunch(void *graph, void *stream) {
  READY();
  return do_graph(graph, stream);
}

static int do_malloc(void **pointer, size_t bytes) { RETURN(cuMemAlloc_v2((uint64_t *)pointer, bytes)); }
int cudaMalloc(void **pointer, size_t bytes) {
  READY();
  return do_malloc(pointer, bytes);
}
static int do_managed(void **pointer, size_t bytes) {
  RETURN(cuMemAllocManaged((uint64_t *)pointer, bytes, 1));
}
int cudaMallocManaged(void **pointer, size_t bytes, unsigned flags) {
  READY();
  return do_managed(pointer, bytes);
}
static int do_host(void **pointer, size_t bytes) { RETURN(cuMemHostAlloc(pointer, bytes, 0)); }
int cudaHostAlloc(void **pointer, size_t bytes, unsigned flags) {
  READY();
  return do_host(pointer, bytes);
}
static int do_free(void *pointer) { RETURN(pointer ? cuMemFree_v2((uint64_t)pointer) : 0); }
int cudaFree(void *pointer) {
  READY();
  return do_free(pointer);
}
static int do_free_host(void *pointer) { RETURN(cuMemFreeHost(pointer)); }
int cudaFreeHost(void *pointer) {
  READY();
  return do_free_host(pointer);
}

static int do_copy(void *to, const void *from, size_t bytes, int kind, void *stream) {
  RETURN(kind == 1 ? cuMemcpyHtoDAsync_v2((uint64_t)to, from, bytes, stream)
                   : cuMemcpyAsync((uint64_t)to, (uint64_t)from, bytes, stream));
}
int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) {
  READY();
  return do_copy(to, from, bytes, kind, stream);
}
static int do_set(void *to, int value, size_t bytes, void *stream) {
  RETURN(cuMemsetD32Async((uint64_t)to, value, bytes / 4, stream));
}
int cudaMemsetAsync(void *to, int value, size_t bytes, void *stream) {
  READY();
  return do_set(to, value, bytes, stream);
}

static int do_device_wait(void) { RETURN(cuCtxSynchronize()); }
int cudaDeviceSynchronize(void) {
  READY();
  return do_device_wait();
}
static int do_stream_wait(void *stream) { RETURN(cuStreamSynchronize(stream)); }
int cudaStreamSynchronize(void *stream) {
  READY();
  return do_stream_wait(stream);
}

static int take(void) {
  struct thread_state *thread = this_thread();
  int code = recall(thread);
  remember(thread, 0);
  return code;
}
static int peek(void) { return recall(this_thread()); }
int cudaGetLastError(void) { return take(); }
int cudaPeekAtLastError(void) { return peek(); }
