// SPDX-License-Identifier: Apache-2.0
// What fake_cuda.c and fake_cudart.c export: some of CUDA's functions under their own names, with
// CUDA's argument lists (structures by pointer).
#pragma once
#include <stddef.h>
#include <stdint.h>

struct fake_graph {  // a cudaGraphExec_t
  uint32_t id;
  uint32_t nodes;
  const char* kernel;
};
struct fake_dim3 {
  unsigned x, y, z;
};

int cuInit(unsigned flags);
int cuDriverGetVersion(int* version);
int cuDevicePrimaryCtxRetain(void** context, int device);
int cuLaunchKernel(const void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                   unsigned by, unsigned bz, unsigned shared, void* stream, void** arguments,
                   void** extra);
int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream);
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream);
int cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void* stream);
int cuStreamSynchronize(void* stream);
int cuGraphLaunch(void* graph, void* stream);

int cudaSetDevice(int device);
int cudaLaunchKernel(const void* function, struct fake_dim3 grid, struct fake_dim3 block,
                     void** arguments, size_t shared, void* stream);
int cudaMemcpyAsync(void* to, const void* from, size_t bytes, int kind, void* stream);
int cudaMemsetAsync(void* to, int value, size_t bytes, void* stream);
int cudaStreamSynchronize(void* stream);
int cudaGraphLaunch(void* graph, void* stream);
