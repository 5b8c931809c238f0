// SPDX-License-Identifier: Apache-2.0
// Compiled against the CUPTI headers at hand (toolkit or wheels; CMakeLists.txt) and never linked:
// every number and offset of cupti_abi.h and activity_view.h is what NVIDIA's headers say.
#include <cupti_activity.h>
#include <cupti_callbacks.h>
#include <cupti_driver_cbid.h>
#include <cupti_result.h>
#include <cupti_runtime_cbid.h>
#include <cupti_version.h>

#include <cstddef>
#include <iterator>
#include <type_traits>

#include "bpf/events/gpu_batch.h"
#include "cupti/activity_view.h"
#include "cupti/cupti_abi.h"
#include "cupti/cupti_library.h"

namespace tacit::cupti {

#define SAME(ours, theirs) \
  static_assert(static_cast<long>(ours) == static_cast<long>(theirs), #theirs " is not " #ours)

SAME(kSuccess, CUPTI_SUCCESS);
SAME(kMaxLimitReached, CUPTI_ERROR_MAX_LIMIT_REACHED);
SAME(kMultipleSubscribers, CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED);
static_assert(CUPTI_API_VERSION >= kOldestVersion && CUPTI_API_VERSION <= kNewestVersion);

SAME(kActivityMemcpy, CUPTI_ACTIVITY_KIND_MEMCPY);
SAME(kActivityMemset, CUPTI_ACTIVITY_KIND_MEMSET);
SAME(kActivityKernel, CUPTI_ACTIVITY_KIND_KERNEL);
SAME(kActivityConcurrentKernel, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
SAME(kActivityOverhead, CUPTI_ACTIVITY_KIND_OVERHEAD);
SAME(kActivityMemcpy2, CUPTI_ACTIVITY_KIND_MEMCPY2);
SAME(kActivitySynchronization, CUPTI_ACTIVITY_KIND_SYNCHRONIZATION);
SAME(kActivityGraphTrace, CUPTI_ACTIVITY_KIND_GRAPH_TRACE);

SAME(kOverheadBufferFlush, CUPTI_ACTIVITY_OVERHEAD_CUPTI_BUFFER_FLUSH);
SAME(kOverheadInstrumentation, CUPTI_ACTIVITY_OVERHEAD_CUPTI_INSTRUMENTATION);
SAME(kOverheadResource, CUPTI_ACTIVITY_OVERHEAD_CUPTI_RESOURCE);
#if CUPTI_API_VERSION >= 130000
SAME(kOverheadBufferRequest, CUPTI_ACTIVITY_OVERHEAD_ACTIVITY_BUFFER_REQUEST);
#endif

SAME(kAttributeDeviceBufferSize, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE);
SAME(kAttributeDeviceBufferPoolLimit, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_POOL_LIMIT);
SAME(kAttributeZeroedBuffer, CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER);
SAME(kAttributeDeviceBufferPreallocate, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_PRE_ALLOCATE_VALUE);
SAME(kFlushForced, CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);

SAME(kDomainDriver, CUPTI_CB_DOMAIN_DRIVER_API);
SAME(kDomainRuntime, CUPTI_CB_DOMAIN_RUNTIME_API);
SAME(kDomainResource, CUPTI_CB_DOMAIN_RESOURCE);
#if CUPTI_API_VERSION >= 19
SAME(kDomainState, CUPTI_CB_DOMAIN_STATE);
SAME(kStateFatalError, CUPTI_CBID_STATE_FATAL_ERROR);
#endif
SAME(kResourceContextCreated, CUPTI_CBID_RESOURCE_CONTEXT_CREATED);
SAME(kApiEnter, CUPTI_API_ENTER);

SAME(offsetof(ApiCall, site), offsetof(CUpti_CallbackData, callbackSite));
SAME(offsetof(ApiCall, context_id), offsetof(CUpti_CallbackData, contextUid));
SAME(offsetof(ApiCall, correlation), offsetof(CUpti_CallbackData, correlationId));

SAME(GPU_COPY_HOST_TO_DEVICE, CUPTI_ACTIVITY_MEMCPY_KIND_HTOD);
SAME(GPU_COPY_DEVICE_TO_HOST, CUPTI_ACTIVITY_MEMCPY_KIND_DTOH);
SAME(GPU_COPY_DEVICE_TO_DEVICE, CUPTI_ACTIVITY_MEMCPY_KIND_DTOD);
SAME(GPU_COPY_HOST_TO_HOST, CUPTI_ACTIVITY_MEMCPY_KIND_HTOH);
SAME(GPU_COPY_PEER_TO_PEER, CUPTI_ACTIVITY_MEMCPY_KIND_PTOP);

// The structures of this version, where we read them.
template <typename Record>
constexpr bool kernel_matches() {
  using L = layout::Kernel;
  return offsetof(Record, kind) == layout::kKind && offsetof(Record, start) == L::kStart &&
         offsetof(Record, end) == L::kEnd && offsetof(Record, deviceId) == L::kDevice &&
         offsetof(Record, contextId) == L::kContext && offsetof(Record, streamId) == L::kStream &&
         offsetof(Record, correlationId) == L::kCorrelation &&
         offsetof(Record, name) == L::kName && offsetof(Record, graphId) == L::kGraph;
}

template <typename Layout, typename Record>
constexpr bool work_matches() {
  return offsetof(Record, kind) == layout::kKind && offsetof(Record, start) == Layout::kStart &&
         offsetof(Record, end) == Layout::kEnd && offsetof(Record, deviceId) == Layout::kDevice &&
         offsetof(Record, contextId) == Layout::kContext &&
         offsetof(Record, streamId) == Layout::kStream &&
         offsetof(Record, correlationId) == Layout::kCorrelation &&
         offsetof(Record, graphId) == Layout::kGraph;
}

template <typename Layout, typename Record>
constexpr bool copy_matches() {
  return work_matches<Layout, Record>() && offsetof(Record, copyKind) == Layout::kCopyKind &&
         offsetof(Record, bytes) == Layout::kBytes;
}

template <typename Record>
constexpr bool synchronization_matches() {
  using L = layout::Synchronization;
  return offsetof(Record, kind) == layout::kKind && offsetof(Record, type) == L::kType &&
         offsetof(Record, start) == L::kStart && offsetof(Record, end) == L::kEnd &&
         offsetof(Record, correlationId) == L::kCorrelation &&
         offsetof(Record, contextId) == L::kContext && offsetof(Record, streamId) == L::kStream;
}

template <typename Record>
constexpr bool overhead_matches() {
  using L = layout::Overhead;
  return offsetof(Record, kind) == layout::kKind &&
         offsetof(Record, overheadKind) == L::kOverheadKind && offsetof(Record, start) == L::kStart &&
         offsetof(Record, end) == L::kEnd;
}

static_assert(kernel_matches<CUpti_ActivityKernel9>());
static_assert(copy_matches<layout::Memcpy, CUpti_ActivityMemcpy5>());
static_assert(copy_matches<layout::MemcpyPeer, CUpti_ActivityMemcpyPtoP4>());
static_assert(work_matches<layout::Memset, CUpti_ActivityMemset4>());
static_assert(offsetof(CUpti_ActivityMemset4, bytes) == layout::Memset::kBytes);
static_assert(synchronization_matches<CUpti_ActivitySynchronization>());
static_assert(work_matches<layout::GraphTrace, CUpti_ActivityGraphTrace>());
static_assert(overhead_matches<CUpti_ActivityOverhead>());
#if CUPTI_API_VERSION >= 24
static_assert(synchronization_matches<CUpti_ActivitySynchronization2>());
#endif
#if CUPTI_API_VERSION >= 130000
static_assert(kernel_matches<CUpti_ActivityKernel10>());
static_assert(copy_matches<layout::Memcpy, CUpti_ActivityMemcpy6>());
static_assert(work_matches<layout::GraphTrace, CUpti_ActivityGraphTrace2>());
static_assert(overhead_matches<CUpti_ActivityOverhead3>());
#endif
#if CUPTI_API_VERSION >= 130200
static_assert(kernel_matches<CUpti_ActivityKernel11>());
#endif

// By domain and place in kTracedCalls; what is not in these headers is not compared.
constexpr bool traced(CallbackDomain domain, uint32_t id, CallGroup group) {
  for (const TracedCall& call : kTracedCalls)
    if (call.domain == domain && call.id == id) return call.group == group;
  return false;
}
#define RUNTIME(name, group)                                                                  \
  static_assert(traced(kDomainRuntime, CUPTI_RUNTIME_TRACE_CBID_##name, CallGroup::group), #name)
#define DRIVER(name, group)                                                                 \
  static_assert(traced(kDomainDriver, CUPTI_DRIVER_TRACE_CBID_##name, CallGroup::group), #name)
RUNTIME(cudaLaunchKernel_v7000, kLaunch);
RUNTIME(cudaLaunchKernel_ptsz_v7000, kLaunch);
RUNTIME(cudaLaunchCooperativeKernel_v9000, kLaunch);
RUNTIME(cudaLaunchCooperativeKernel_ptsz_v9000, kLaunch);
RUNTIME(cudaGraphLaunch_v10000, kLaunch);
RUNTIME(cudaGraphLaunch_ptsz_v10000, kLaunch);
RUNTIME(cudaLaunchKernelExC_v11060, kLaunch);
RUNTIME(cudaLaunchKernelExC_ptsz_v11060, kLaunch);
#if CUPTI_API_VERSION >= 130000
RUNTIME(__cudaLaunchKernel_v13000, kLaunch);
RUNTIME(__cudaLaunchKernel_ptsz_v13000, kLaunch);
#endif
RUNTIME(cudaMemcpy_v3020, kCopy);
RUNTIME(cudaMemcpyAsync_v3020, kCopy);
RUNTIME(cudaMemcpy2DAsync_v3020, kCopy);
RUNTIME(cudaMemset_v3020, kCopy);
RUNTIME(cudaMemsetAsync_v3020, kCopy);
RUNTIME(cudaStreamSynchronize_v3020, kCopy);
RUNTIME(cudaEventSynchronize_v3020, kCopy);
RUNTIME(cudaMemcpyPeerAsync_v4000, kCopy);
RUNTIME(cudaDeviceSynchronize_v3020, kCopy);
RUNTIME(cudaMemcpy_ptds_v7000, kCopy);
RUNTIME(cudaMemcpyAsync_ptsz_v7000, kCopy);
RUNTIME(cudaMemcpy2DAsync_ptsz_v7000, kCopy);
RUNTIME(cudaMemsetAsync_ptsz_v7000, kCopy);
RUNTIME(cudaStreamSynchronize_ptsz_v7000, kCopy);
RUNTIME(cudaDeviceReset_v3020, kReset);
DRIVER(cuLaunchKernel, kLaunch);
DRIVER(cuLaunchKernel_ptsz, kLaunch);
DRIVER(cuLaunchCooperativeKernel, kLaunch);
DRIVER(cuLaunchCooperativeKernel_ptsz, kLaunch);
DRIVER(cuGraphLaunch, kLaunch);
DRIVER(cuGraphLaunch_ptsz, kLaunch);
DRIVER(cuLaunchKernelEx, kLaunch);
DRIVER(cuLaunchKernelEx_ptsz, kLaunch);
DRIVER(cuCtxSynchronize, kCopy);
DRIVER(cuEventSynchronize, kCopy);
DRIVER(cuStreamSynchronize, kCopy);
DRIVER(cuStreamSynchronize_ptsz, kCopy);
DRIVER(cuMemsetD8Async, kCopy);
DRIVER(cuMemsetD32Async, kCopy);
DRIVER(cuMemcpyHtoDAsync_v2, kCopy);
DRIVER(cuMemcpyDtoHAsync_v2, kCopy);
DRIVER(cuMemcpyDtoDAsync_v2, kCopy);
DRIVER(cuMemcpyAsync, kCopy);
DRIVER(cuMemcpyAsync_ptsz, kCopy);
DRIVER(cuMemcpyHtoDAsync_v2_ptsz, kCopy);
DRIVER(cuMemcpyDtoHAsync_v2_ptsz, kCopy);
DRIVER(cuMemcpyDtoDAsync_v2_ptsz, kCopy);
DRIVER(cuCtxDestroy_v2, kReset);
static_assert(std::size(kTracedCalls) == 48, "each call above is compared");

// Same number of arguments, each as wide, and a result of an int's size: what the calling
// convention sees.
template <typename Ours, typename Theirs>
struct SameCall : std::false_type {};
template <typename OurResult, typename... Ours, typename TheirResult, typename... Theirs>
struct SameCall<OurResult (*)(Ours...), TheirResult(Theirs...)>
    : std::bool_constant<sizeof(OurResult) == sizeof(TheirResult) &&
                         ((sizeof(OurResult) == sizeof(TheirResult)) && ... &&
                          (sizeof(Ours) == sizeof(Theirs) &&
                           std::is_pointer_v<Ours> == std::is_pointer_v<Theirs>))> {};
#define CALL(member, function) \
  static_assert(SameCall<decltype(CuptiFunctions::member), decltype(function)>::value, #function)
CALL(get_version, cuptiGetVersion);
CALL(subscribe, cuptiSubscribe);
CALL(unsubscribe, cuptiUnsubscribe);
CALL(enable_callback, cuptiEnableCallback);
CALL(register_callbacks, cuptiActivityRegisterCallbacks);
CALL(register_timestamp, cuptiActivityRegisterTimestampCallback);
CALL(enable, cuptiActivityEnable);
CALL(disable, cuptiActivityDisable);
CALL(flush_all, cuptiActivityFlushAll);
CALL(next_record, cuptiActivityGetNextRecord);
CALL(dropped_records, cuptiActivityGetNumDroppedRecords);
CALL(set_attribute, cuptiActivitySetAttribute);

}  // namespace tacit::cupti
