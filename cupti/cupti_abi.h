// SPDX-License-Identifier: Apache-2.0
// The part of CUPTI's C interface that the library uses, declared here so that it builds without
// CUPTI's headers and works with every version: numbers that never changed, and the leading fields
// of structures that only ever grew. Source: the CUPTI documentation and headers of 12.1 to 13.5;
// abi_check.cpp compares every line with the headers at hand.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tacit::cupti {

// CUptiResult.
inline constexpr int kSuccess = 0;
inline constexpr int kMaxLimitReached = 12;    // the end of a buffer
inline constexpr int kMultipleSubscribers = 39;  // somebody else subscribed

// CUPTI_API_VERSION: 18 is CUDA 12.1, 28 is 12.9, 130001 is 13.0.
inline constexpr uint32_t kOldestVersion = 18;
inline constexpr uint32_t kNullBufferVersion = 28;  // from here on a buffer request may be refused
inline constexpr uint32_t kNewestVersion = 139999;  // the prefixes below are not known beyond CUDA 13

// CUpti_ActivityKind.
enum ActivityKind : uint32_t {
  kActivityMemcpy = 1,
  kActivityMemset = 2,
  kActivityKernel = 3,
  kActivityConcurrentKernel = 10,
  kActivityOverhead = 17,
  kActivityMemcpy2 = 22,
  kActivitySynchronization = 38,
  kActivityGraphTrace = 51,
};

// CUpti_ActivityOverheadKind: those that are the tracing's own cost.
inline constexpr uint32_t kOverheadBufferFlush = 1u << 16;
inline constexpr uint32_t kOverheadInstrumentation = 2u << 16;
inline constexpr uint32_t kOverheadResource = 3u << 16;
inline constexpr uint32_t kOverheadBufferRequest = 7u << 16;

// CUpti_ActivityAttribute; values are size_t unless said otherwise.
inline constexpr uint32_t kAttributeDeviceBufferSize = 0;
inline constexpr uint32_t kAttributeDeviceBufferPoolLimit = 2;
inline constexpr uint32_t kAttributeZeroedBuffer = 5;  // uint8_t
inline constexpr uint32_t kAttributeDeviceBufferPreallocate = 6;

inline constexpr uint32_t kFlushForced = 1;  // CUPTI_ACTIVITY_FLAG_FLUSH_FORCED

// CUpti_CallbackDomain and ids in it.
enum CallbackDomain : uint32_t {
  kDomainDriver = 1,
  kDomainRuntime = 2,
  kDomainResource = 3,
  kDomainState = 6,
};
inline constexpr uint32_t kResourceContextCreated = 1;
inline constexpr uint32_t kStateFatalError = 1;  // CUPTI has ended itself

inline constexpr uint32_t kApiEnter = 0;  // CUpti_ApiCallbackSite

// Leading fields of CUpti_CallbackData.
struct ApiCall {
  uint32_t site;
  const char* function_name;
  const void* function_parameters;
  void* function_result;
  const char* symbol_name;
  void* context;
  uint32_t context_id;
  uint64_t* correlation_data;
  uint32_t correlation;
};

using Subscriber = void*;
using CallbackFunction = void (*)(void* user, uint32_t domain, uint32_t id, const void* data);
using RequestFunction = void (*)(uint8_t** buffer, size_t* bytes, size_t* max_records);
using CompletedFunction = void (*)(void* context, uint32_t stream, uint8_t* buffer, size_t bytes,
                                   size_t valid_bytes);
using TimestampFunction = uint64_t (*)();

// Which calls the launch callback is enabled for, and with what they are switched.
enum class CallGroup : uint8_t {
  kLaunch,  // kernels and graphs
  kCopy,    // copies, memsets, synchronisation
  kReset,   // the end of a context: what is left is flushed first
};
struct TracedCall {
  CallbackDomain domain;
  uint32_t id;
  CallGroup group;
};
inline constexpr TracedCall kTracedCalls[] = {
    {kDomainRuntime, 211, CallGroup::kLaunch},  // cudaLaunchKernel
    {kDomainRuntime, 214, CallGroup::kLaunch},  // cudaLaunchKernel_ptsz
    {kDomainRuntime, 269, CallGroup::kLaunch},  // cudaLaunchCooperativeKernel
    {kDomainRuntime, 270, CallGroup::kLaunch},  // cudaLaunchCooperativeKernel_ptsz
    {kDomainRuntime, 311, CallGroup::kLaunch},  // cudaGraphLaunch
    {kDomainRuntime, 312, CallGroup::kLaunch},  // cudaGraphLaunch_ptsz
    {kDomainRuntime, 430, CallGroup::kLaunch},  // cudaLaunchKernelExC
    {kDomainRuntime, 431, CallGroup::kLaunch},  // cudaLaunchKernelExC_ptsz
    {kDomainRuntime, 505, CallGroup::kLaunch},  // __cudaLaunchKernel (13.0)
    {kDomainRuntime, 506, CallGroup::kLaunch},  // __cudaLaunchKernel_ptsz (13.0)
    {kDomainDriver, 307, CallGroup::kLaunch},   // cuLaunchKernel
    {kDomainDriver, 442, CallGroup::kLaunch},   // cuLaunchKernel_ptsz
    {kDomainDriver, 477, CallGroup::kLaunch},   // cuLaunchCooperativeKernel
    {kDomainDriver, 478, CallGroup::kLaunch},   // cuLaunchCooperativeKernel_ptsz
    {kDomainDriver, 514, CallGroup::kLaunch},   // cuGraphLaunch
    {kDomainDriver, 515, CallGroup::kLaunch},   // cuGraphLaunch_ptsz
    {kDomainDriver, 652, CallGroup::kLaunch},   // cuLaunchKernelEx
    {kDomainDriver, 653, CallGroup::kLaunch},   // cuLaunchKernelEx_ptsz
    {kDomainRuntime, 31, CallGroup::kCopy},     // cudaMemcpy
    {kDomainRuntime, 41, CallGroup::kCopy},     // cudaMemcpyAsync
    {kDomainRuntime, 44, CallGroup::kCopy},     // cudaMemcpy2DAsync
    {kDomainRuntime, 49, CallGroup::kCopy},     // cudaMemset
    {kDomainRuntime, 51, CallGroup::kCopy},     // cudaMemsetAsync
    {kDomainRuntime, 131, CallGroup::kCopy},    // cudaStreamSynchronize
    {kDomainRuntime, 137, CallGroup::kCopy},    // cudaEventSynchronize
    {kDomainRuntime, 161, CallGroup::kCopy},    // cudaMemcpyPeerAsync
    {kDomainRuntime, 165, CallGroup::kCopy},    // cudaDeviceSynchronize
    {kDomainRuntime, 215, CallGroup::kCopy},    // cudaMemcpy_ptds
    {kDomainRuntime, 225, CallGroup::kCopy},    // cudaMemcpyAsync_ptsz
    {kDomainRuntime, 228, CallGroup::kCopy},    // cudaMemcpy2DAsync_ptsz
    {kDomainRuntime, 235, CallGroup::kCopy},    // cudaMemsetAsync_ptsz
    {kDomainRuntime, 239, CallGroup::kCopy},    // cudaStreamSynchronize_ptsz
    {kDomainDriver, 17, CallGroup::kCopy},      // cuCtxSynchronize
    {kDomainDriver, 121, CallGroup::kCopy},     // cuEventSynchronize
    {kDomainDriver, 126, CallGroup::kCopy},     // cuStreamSynchronize
    {kDomainDriver, 216, CallGroup::kCopy},     // cuMemsetD8Async
    {kDomainDriver, 220, CallGroup::kCopy},     // cuMemsetD32Async
    {kDomainDriver, 277, CallGroup::kCopy},     // cuMemcpyHtoDAsync_v2
    {kDomainDriver, 279, CallGroup::kCopy},     // cuMemcpyDtoHAsync_v2
    {kDomainDriver, 281, CallGroup::kCopy},     // cuMemcpyDtoDAsync_v2
    {kDomainDriver, 306, CallGroup::kCopy},     // cuMemcpyAsync
    {kDomainDriver, 418, CallGroup::kCopy},     // cuMemcpyAsync_ptsz
    {kDomainDriver, 421, CallGroup::kCopy},     // cuMemcpyHtoDAsync_v2_ptsz
    {kDomainDriver, 422, CallGroup::kCopy},     // cuMemcpyDtoHAsync_v2_ptsz
    {kDomainDriver, 423, CallGroup::kCopy},     // cuMemcpyDtoDAsync_v2_ptsz
    {kDomainDriver, 440, CallGroup::kCopy},     // cuStreamSynchronize_ptsz
    {kDomainRuntime, 164, CallGroup::kReset},   // cudaDeviceReset
    {kDomainDriver, 322, CallGroup::kReset},    // cuCtxDestroy_v2
};

// The two of CallGroup::kReset.
constexpr bool ends_context(uint32_t domain, uint32_t id) {
  return (domain == kDomainRuntime && id == 164) || (domain == kDomainDriver && id == 322);
}

}  // namespace tacit::cupti
