/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The calls that are told apart, by the names that CUDA's runtime API, its driver API and NCCL give
 * them; the forms _v2, _v3 and _ptsz of one call have its number. A number means what it means within
 * one build only. */
#pragma once
#include "bpf/events/types.h"

/* clang-format off */
#define CUDA_CALLS(X) \
  /* The runtime: libcudart */ \
  X(cudaLaunchKernel) X(cudaLaunchKernelExC) X(cudaLaunchCooperativeKernel) X(cudaGraphLaunch) \
  X(cudaMemcpy) X(cudaMemcpyAsync) X(cudaMemcpyPeer) X(cudaMemcpyPeerAsync) \
  X(cudaMemcpy2D) X(cudaMemcpy2DAsync) X(cudaMemcpyToSymbol) X(cudaMemcpyToSymbolAsync) \
  X(cudaMemcpyFromSymbol) X(cudaMemcpyFromSymbolAsync) X(cudaMemset) X(cudaMemsetAsync) \
  X(cudaMalloc) X(cudaMallocAsync) X(cudaMallocFromPoolAsync) X(cudaMallocManaged) \
  X(cudaMallocHost) X(cudaHostAlloc) X(cudaFree) X(cudaFreeAsync) X(cudaFreeHost) \
  X(cudaDeviceSynchronize) X(cudaThreadSynchronize) X(cudaStreamSynchronize) X(cudaEventSynchronize) \
  X(cudaGetDeviceCount) X(cudaSetDevice) X(cudaDeviceReset) X(cudaGetDeviceProperties) \
  X(cudaStreamCreateWithPriority) X(cudaStreamCreateWithFlags) X(cudaStreamCreate) \
  X(cudaStreamWaitEvent) X(cudaStreamBeginCapture) X(cudaStreamEndCapture) \
  X(cudaEventCreate) X(cudaEventCreateWithFlags) X(cudaEventRecord) X(cudaEventQuery) X(cudaStreamQuery) \
  X(cudaEventElapsedTime) X(cudaGraphInstantiate) X(cudaFuncSetAttribute) X(cudaHostRegister) \
  X(cudaHostUnregister) X(cudaIpcOpenMemHandle) X(cudaIpcGetMemHandle) X(cudaMemGetInfo) \
  X(cudaDeviceEnablePeerAccess) X(cudaMemPrefetchAsync) X(cudaOccupancyMaxActiveBlocksPerMultiprocessor) \
  /* The driver: libcuda */ \
  X(cuLaunchKernel) X(cuLaunchKernelEx) X(cuLaunchCooperativeKernel) X(cuGraphLaunch) \
  X(cuMemcpy) X(cuMemcpyAsync) X(cuMemcpyPeer) X(cuMemcpyPeerAsync) X(cuMemcpyHtoD) X(cuMemcpyHtoDAsync) \
  X(cuMemcpyDtoH) X(cuMemcpyDtoHAsync) X(cuMemcpyDtoD) X(cuMemcpyDtoDAsync) \
  X(cuMemsetD8) X(cuMemsetD16) X(cuMemsetD32) X(cuMemsetD8Async) X(cuMemsetD16Async) X(cuMemsetD32Async) \
  X(cuMemAlloc) X(cuMemAllocAsync) X(cuMemAllocFromPoolAsync) X(cuMemAllocManaged) X(cuMemAllocHost) \
  X(cuMemHostAlloc) X(cuMemCreate) X(cuMemFree) X(cuMemFreeAsync) X(cuMemFreeHost) X(cuMemRelease) \
  X(cuCtxSynchronize) X(cuStreamSynchronize) X(cuEventSynchronize) \
  X(cuInit) X(cuCtxCreate) X(cuDevicePrimaryCtxRetain) X(cuModuleLoadData) X(cuLibraryLoadData) \
  /* NCCL */ \
  X(ncclAllReduce) X(ncclAllGather) X(ncclReduceScatter) X(ncclBroadcast) X(ncclBcast) X(ncclReduce) \
  X(ncclAlltoAll) X(ncclGather) X(ncclScatter) X(ncclSend) X(ncclRecv) \
  X(ncclGroupStart) X(ncclGroupEnd) X(ncclCommInitRank) X(ncclCommInitRankConfig) X(ncclCommInitAll) \
  X(ncclCommInitRankScalable) X(ncclCommSplit) X(ncclCommDestroy) X(ncclCommAbort)
/* clang-format on */

enum cuda_call {
  CUDA_CALL_NONE = 0,
#define CUDA_CALL_NUMBER(name) CUDA_CALL_##name,
  CUDA_CALLS(CUDA_CALL_NUMBER)
#undef CUDA_CALL_NUMBER
  CUDA_CALL_COUNT,
};
TACIT_STATIC_ASSERT(CUDA_CALL_COUNT <= 256, "fits a cookie's byte");
