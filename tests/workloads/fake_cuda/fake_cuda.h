/* SPDX-License-Identifier: Apache-2.0 */
/* Declarations as cuda.h, cuda_runtime_api.h and nccl.h have them, with plain types. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct { unsigned x, y, z; } dim3;

/* What the next call of the driver on this thread returns (once), and how long a wait takes. */
void fake_next_result(int code);
void fake_wait_us(unsigned us);

int cuInit(unsigned flags);
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **args, void **extra);
int cuGraphLaunch(void *graph, void *stream);
int cuMemAlloc_v2(uint64_t *pointer, size_t bytes);
int cuMemAllocManaged(uint64_t *pointer, size_t bytes, unsigned flags);
int cuMemHostAlloc(void **pointer, size_t bytes, unsigned flags);
int cuMemFree_v2(uint64_t pointer);
int cuMemFreeHost(void *pointer);
int cuMemCreate(uint64_t *handle, size_t bytes, const void *properties, uint64_t flags);
int cuMemRelease(uint64_t handle);
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream);
int cuMemcpyAsync(uint64_t to, uint64_t from, size_t bytes, void *stream);
int cuMemsetD32Async(uint64_t to, unsigned value, size_t count, void *stream);
int cuStreamSynchronize(void *stream);
int cuCtxSynchronize(void);

int cudaLaunchKernel(const void *f, dim3 grid, dim3 block, void **args, size_t shared, void *stream);
int __cudaLaunchKernel(const void *f, dim3 grid, dim3 block, void **args, size_t shared, void *stream);
int cudaGraphLaunch(void *graph, void *stream);
int cudaMalloc(void **pointer, size_t bytes);
int cudaMallocManaged(void **pointer, size_t bytes, unsigned flags);
int cudaHostAlloc(void **pointer, size_t bytes, unsigned flags);
int cudaFree(void *pointer);
int cudaFreeHost(void *pointer);
int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream);
int cudaMemsetAsync(void *to, int value, size_t bytes, void *stream);
int cudaDeviceSynchronize(void);
int cudaStreamSynchronize(void *stream);
int cudaGetLastError(void);
int cudaPeekAtLastError(void);

typedef struct { char internal[128]; } ncclUniqueId;
int ncclCommInitRank(void **comm, int ranks, ncclUniqueId id, int rank);
int ncclCommInitRankConfig(void **comm, int ranks, ncclUniqueId id, int rank, void *config);
int ncclCommInitRankScalable(void **comm, int ranks, int rank, int ids, ncclUniqueId *id, void *config);
int ncclCommSplit(void *comm, int color, int key, void **made, void *config);
int ncclCommDestroy(void *comm);
int ncclCommAbort(void *comm);
int ncclAllReduce(const void *from, void *to, size_t count, int type, int op, void *comm, void *stream);
int ncclAllGather(const void *from, void *to, size_t count, int type, void *comm, void *stream);
int ncclReduce(const void *from, void *to, size_t count, int type, int op, int root, void *comm,
               void *stream);
int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, void *comm, void *stream);
int ncclBcast(void *buffer, size_t count, int type, int root, void *comm, void *stream);
int ncclSend(const void *from, size_t count, int type, int peer, void *comm, void *stream);
