// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/cuda_functions.h"

namespace tacit::runtime {
namespace {

using Result = CudaFunction::Result;

// clang-format off
// `name`: of the call; `suffix`: what this form of it has besides; `does`, `seen`: see CudaFunction.
#define TACIT_CUDA(name, suffix, does, seen, ...) \
  CudaFunction{.symbol = #name suffix, .call = CUDA_CALL_##name, .action = CUDA_ACTION_##does, \
               .result = Result::seen __VA_OPT__(,) __VA_ARGS__}
// With a form for the per-thread default stream.
#define TACIT_CUDA_STREAM(name, version, ...) \
  TACIT_CUDA(name, version, __VA_ARGS__), TACIT_CUDA(name, version "_ptsz", __VA_ARGS__)
#define TACIT_CUDA_STREAM_PTDS(name, version, ...) \
  TACIT_CUDA(name, version, __VA_ARGS__), TACIT_CUDA(name, version "_ptds", __VA_ARGS__)

constexpr CudaFunction kFunctions[] = {
    // __cudaLaunchKernel of CUDA 13 is not here: it jumps to cudaLaunchKernel.
    TACIT_CUDA_STREAM(cudaLaunchKernel, "", LAUNCH, kFailures),
    TACIT_CUDA_STREAM(cudaLaunchKernelExC, "", LAUNCH, kFailures),
    TACIT_CUDA_STREAM(cudaLaunchCooperativeKernel, "", LAUNCH, kFailures),
    TACIT_CUDA_STREAM(cudaGraphLaunch, "", GRAPH_LAUNCH, kFailures),
    TACIT_CUDA_STREAM_PTDS(cudaMemcpy, "", COPY, kFailures, .size = 2, .kind = 3),
    TACIT_CUDA_STREAM(cudaMemcpyAsync, "", COPY, kFailures, .size = 2, .kind = 3),
    TACIT_CUDA(cudaMemcpyPeer, "", COPY, kFailures, .size = 4, .detail = CUDA_PEER_TO_PEER),
    TACIT_CUDA(cudaMemcpyPeerAsync, "", COPY, kFailures, .size = 4, .detail = CUDA_PEER_TO_PEER),
    TACIT_CUDA_STREAM_PTDS(cudaMemcpy2D, "", COPY, kFailures, .size = 4, .kind = 6, .subject = 5),
    TACIT_CUDA_STREAM(cudaMemcpy2DAsync, "", COPY, kFailures, .size = 4, .kind = 6, .subject = 5),
    TACIT_CUDA_STREAM_PTDS(cudaMemcpyToSymbol, "", COPY, kFailures, .size = 2, .kind = 4),
    TACIT_CUDA_STREAM(cudaMemcpyToSymbolAsync, "", COPY, kFailures, .size = 2, .kind = 4),
    TACIT_CUDA_STREAM_PTDS(cudaMemcpyFromSymbol, "", COPY, kFailures, .size = 2, .kind = 4),
    TACIT_CUDA_STREAM(cudaMemcpyFromSymbolAsync, "", COPY, kFailures, .size = 2, .kind = 4),
    TACIT_CUDA_STREAM_PTDS(cudaMemset, "", SET, kFailures, .size = 2),
    TACIT_CUDA_STREAM(cudaMemsetAsync, "", SET, kFailures, .size = 2),
    TACIT_CUDA(cudaMalloc, "", ALLOCATE, kAlways, .size = 1, .pointer = 0),
    TACIT_CUDA_STREAM(cudaMallocAsync, "", ALLOCATE, kCheap, .size = 1, .pointer = 0),
    TACIT_CUDA_STREAM(cudaMallocFromPoolAsync, "", ALLOCATE, kCheap, .size = 1, .pointer = 0),
    TACIT_CUDA(cudaMallocManaged, "", ALLOCATE, kAlways, .size = 1, .pointer = 0, .detail = CUDA_MEMORY_MANAGED),
    TACIT_CUDA(cudaMallocHost, "", ALLOCATE, kAlways, .size = 1, .pointer = 0, .detail = CUDA_MEMORY_HOST),
    TACIT_CUDA(cudaHostAlloc, "", ALLOCATE, kAlways, .size = 1, .pointer = 0, .detail = CUDA_MEMORY_HOST),
    TACIT_CUDA(cudaFree, "", FREE, kAlways, .pointer = 0),
    TACIT_CUDA_STREAM(cudaFreeAsync, "", FREE, kCheap, .pointer = 0),
    TACIT_CUDA(cudaFreeHost, "", FREE, kAlways, .pointer = 0),
    TACIT_CUDA(cudaDeviceSynchronize, "", WAIT, kCheap),
    TACIT_CUDA(cudaThreadSynchronize, "", WAIT, kCheap),
    TACIT_CUDA_STREAM(cudaStreamSynchronize, "", WAIT, kCheap),
    TACIT_CUDA(cudaEventSynchronize, "", WAIT, kCheap),
    TACIT_CUDA(cudaGetDeviceCount, "", NONE, kAlways),
    TACIT_CUDA(cudaSetDevice, "", NONE, kFailures),
    TACIT_CUDA(cudaDeviceReset, "", NONE, kFailures),
    TACIT_CUDA(cudaGetDeviceProperties, "", NONE, kFailures),
    TACIT_CUDA(cudaGetDeviceProperties, "_v2", NONE, kFailures),
    TACIT_CUDA(cudaStreamCreateWithPriority, "", NONE, kFailures),
    TACIT_CUDA(cudaStreamCreateWithFlags, "", NONE, kFailures),
    TACIT_CUDA(cudaStreamCreate, "", NONE, kFailures),
    TACIT_CUDA_STREAM(cudaStreamWaitEvent, "", NONE, kFailures),
    TACIT_CUDA_STREAM(cudaStreamBeginCapture, "", NONE, kFailures),
    TACIT_CUDA_STREAM(cudaStreamEndCapture, "", NONE, kFailures),
    TACIT_CUDA(cudaEventCreate, "", NONE, kFailures),
    TACIT_CUDA(cudaEventCreateWithFlags, "", NONE, kFailures),
    TACIT_CUDA_STREAM(cudaEventRecord, "", NONE, kFailures),
    TACIT_CUDA(cudaEventQuery, "", NONE, kFailures),
    TACIT_CUDA_STREAM(cudaStreamQuery, "", NONE, kFailures),
    TACIT_CUDA(cudaEventElapsedTime, "", NONE, kFailures),
    TACIT_CUDA(cudaGraphInstantiate, "", NONE, kFailures),
    TACIT_CUDA(cudaFuncSetAttribute, "", NONE, kFailures),
    TACIT_CUDA(cudaHostRegister, "", NONE, kFailures),
    TACIT_CUDA(cudaHostUnregister, "", NONE, kFailures),
    TACIT_CUDA(cudaIpcOpenMemHandle, "", NONE, kFailures),
    TACIT_CUDA(cudaIpcGetMemHandle, "", NONE, kFailures),
    TACIT_CUDA(cudaMemGetInfo, "", NONE, kFailures),
    TACIT_CUDA(cudaDeviceEnablePeerAccess, "", NONE, kFailures),
    TACIT_CUDA_STREAM(cudaMemPrefetchAsync, "", NONE, kFailures),
    TACIT_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor, "", NONE, kFailures),

    TACIT_CUDA_STREAM(cuLaunchKernel, "", LAUNCH, kFailures),
    TACIT_CUDA_STREAM(cuLaunchKernelEx, "", LAUNCH, kFailures),
    TACIT_CUDA_STREAM(cuLaunchCooperativeKernel, "", LAUNCH, kFailures),
    TACIT_CUDA_STREAM(cuGraphLaunch, "", GRAPH_LAUNCH, kFailures),
    TACIT_CUDA_STREAM_PTDS(cuMemcpy, "", COPY, kFailures, .size = 2, .detail = CUDA_DIRECTION_DEFAULT),
    TACIT_CUDA_STREAM(cuMemcpyAsync, "", COPY, kFailures, .size = 2, .detail = CUDA_DIRECTION_DEFAULT),
    TACIT_CUDA_STREAM_PTDS(cuMemcpyPeer, "", COPY, kFailures, .size = 4, .detail = CUDA_PEER_TO_PEER),
    TACIT_CUDA_STREAM(cuMemcpyPeerAsync, "", COPY, kFailures, .size = 4, .detail = CUDA_PEER_TO_PEER),
    TACIT_CUDA_STREAM_PTDS(cuMemcpyHtoD, "_v2", COPY, kFailures, .size = 2, .detail = CUDA_HOST_TO_DEVICE),
    TACIT_CUDA_STREAM(cuMemcpyHtoDAsync, "_v2", COPY, kFailures, .size = 2, .detail = CUDA_HOST_TO_DEVICE),
    TACIT_CUDA_STREAM_PTDS(cuMemcpyDtoH, "_v2", COPY, kFailures, .size = 2, .detail = CUDA_DEVICE_TO_HOST),
    TACIT_CUDA_STREAM(cuMemcpyDtoHAsync, "_v2", COPY, kFailures, .size = 2, .detail = CUDA_DEVICE_TO_HOST),
    TACIT_CUDA_STREAM_PTDS(cuMemcpyDtoD, "_v2", COPY, kFailures, .size = 2, .detail = CUDA_DEVICE_TO_DEVICE),
    TACIT_CUDA_STREAM(cuMemcpyDtoDAsync, "_v2", COPY, kFailures, .size = 2, .detail = CUDA_DEVICE_TO_DEVICE),
    TACIT_CUDA_STREAM_PTDS(cuMemsetD8, "_v2", SET, kFailures, .size = 2, .detail = 0),
    TACIT_CUDA_STREAM_PTDS(cuMemsetD16, "_v2", SET, kFailures, .size = 2, .detail = 1),
    TACIT_CUDA_STREAM_PTDS(cuMemsetD32, "_v2", SET, kFailures, .size = 2, .detail = 2),
    TACIT_CUDA_STREAM(cuMemsetD8Async, "", SET, kFailures, .size = 2, .detail = 0),
    TACIT_CUDA_STREAM(cuMemsetD16Async, "", SET, kFailures, .size = 2, .detail = 1),
    TACIT_CUDA_STREAM(cuMemsetD32Async, "", SET, kFailures, .size = 2, .detail = 2),
    TACIT_CUDA(cuMemAlloc, "_v2", ALLOCATE, kAlways, .size = 1, .pointer = 0),
    TACIT_CUDA_STREAM(cuMemAllocAsync, "", ALLOCATE, kCheap, .size = 1, .pointer = 0),
    TACIT_CUDA_STREAM(cuMemAllocFromPoolAsync, "", ALLOCATE, kCheap, .size = 1, .pointer = 0),
    TACIT_CUDA(cuMemAllocManaged, "", ALLOCATE, kAlways, .size = 1, .pointer = 0, .detail = CUDA_MEMORY_MANAGED),
    TACIT_CUDA(cuMemAllocHost, "_v2", ALLOCATE, kAlways, .size = 1, .pointer = 0, .detail = CUDA_MEMORY_HOST),
    TACIT_CUDA(cuMemHostAlloc, "", ALLOCATE, kAlways, .size = 1, .pointer = 0, .detail = CUDA_MEMORY_HOST),
    TACIT_CUDA(cuMemCreate, "", ALLOCATE, kAlways, .size = 1, .pointer = 0, .is_handle = true),
    TACIT_CUDA(cuMemFree, "_v2", FREE, kAlways, .pointer = 0),
    TACIT_CUDA_STREAM(cuMemFreeAsync, "", FREE, kCheap, .pointer = 0),
    TACIT_CUDA(cuMemFreeHost, "", FREE, kAlways, .pointer = 0),
    TACIT_CUDA(cuMemRelease, "", FREE, kAlways, .pointer = 0, .is_handle = true),
    TACIT_CUDA(cuCtxSynchronize, "", WAIT, kCheap),
    TACIT_CUDA_STREAM(cuStreamSynchronize, "", WAIT, kCheap),
    TACIT_CUDA(cuEventSynchronize, "", WAIT, kCheap),
    TACIT_CUDA(cuInit, "", NONE, kAlways),
    TACIT_CUDA(cuCtxCreate, "_v2", NONE, kAlways),
    TACIT_CUDA(cuCtxCreate, "_v3", NONE, kAlways),
    TACIT_CUDA(cuCtxCreate, "_v4", NONE, kAlways),
    TACIT_CUDA(cuDevicePrimaryCtxRetain, "", NONE, kCheap),
    TACIT_CUDA(cuModuleLoadData, "", NONE, kAlways),
    TACIT_CUDA(cuLibraryLoadData, "", NONE, kAlways),

    TACIT_CUDA(ncclAllReduce, "", COLLECTIVE, kCheap, .size = 2, .kind = 3, .subject = 5),
    TACIT_CUDA(ncclAllGather, "", COLLECTIVE, kCheap, .size = 2, .kind = 3, .subject = 4),
    TACIT_CUDA(ncclReduceScatter, "", COLLECTIVE, kCheap, .size = 2, .kind = 3, .subject = 5),
    TACIT_CUDA(ncclBroadcast, "", COLLECTIVE, kCheap, .size = 2, .kind = 3, .subject = 5),
    TACIT_CUDA(ncclBcast, "", COLLECTIVE, kCheap, .size = 1, .kind = 2, .subject = 4),
    TACIT_CUDA(ncclReduce, "", COLLECTIVE, kCheap, .size = 2, .kind = 3, .subject = 6),
    TACIT_CUDA(ncclAlltoAll, "", COLLECTIVE, kCheap, .size = 2, .kind = 3, .subject = 4),
    TACIT_CUDA(ncclGather, "", COLLECTIVE, kCheap, .size = 2, .kind = 3, .subject = 5),
    TACIT_CUDA(ncclScatter, "", COLLECTIVE, kCheap, .size = 2, .kind = 3, .subject = 5),
    TACIT_CUDA(ncclSend, "", COLLECTIVE, kCheap, .size = 1, .kind = 2, .subject = 4),
    TACIT_CUDA(ncclRecv, "", COLLECTIVE, kCheap, .size = 1, .kind = 2, .subject = 4),
    TACIT_CUDA(ncclGroupStart, "", NONE, kCheap),
    TACIT_CUDA(ncclGroupEnd, "", NONE, kCheap),
    // ncclUniqueId, 128 bytes, is passed by value: on the stack, and no register counts for it.
    TACIT_CUDA(ncclCommInitRank, "", COMMUNICATOR, kAlways, .size = 1, .pointer = 0, .kind = 2, .subject = 6),
    TACIT_CUDA(ncclCommInitRankConfig, "", COMMUNICATOR, kAlways, .size = 1, .pointer = 0, .kind = 2, .subject = 6),
    TACIT_CUDA(ncclCommInitRankScalable, "", COMMUNICATOR, kAlways, .size = 1, .pointer = 0, .kind = 2, .subject = 4),
    TACIT_CUDA(ncclCommSplit, "", SPLIT, kAlways, .pointer = 3, .kind = 1, .subject = 0),
    TACIT_CUDA(ncclCommDestroy, "", COMMUNICATOR_END, kFailures, .subject = 0),
    TACIT_CUDA(ncclCommAbort, "", COMMUNICATOR_END, kFailures, .subject = 0),
    TACIT_CUDA(ncclCommInitAll, "", NONE, kCheap),
};
#undef TACIT_CUDA
#undef TACIT_CUDA_STREAM
#undef TACIT_CUDA_STREAM_PTDS
// clang-format on

}  // namespace

std::span<const CudaFunction> cuda_functions() { return kFunctions; }

}  // namespace tacit::runtime
