// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/calls_names.h"

#include <algorithm>
#include <array>

namespace tacit::gpu {
namespace {

constexpr std::array<std::string_view, CUDA_CALL_COUNT> kCalls = {
    "unknown",
#define TACIT_NAME(name) #name,
    CUDA_CALLS(TACIT_NAME)
#undef TACIT_NAME
};

// cudaError (driver_types.h) and CUresult (cuda.h): the numbers are shared, where both know them.
struct CudaError {
  int32_t code;
  std::string_view runtime, driver;
};
constexpr auto kErrors = std::to_array<CudaError>({
    {1, "cudaErrorInvalidValue", "CUDA_ERROR_INVALID_VALUE"},
    {2, "cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY"},
    {3, "cudaErrorInitializationError", "CUDA_ERROR_NOT_INITIALIZED"},
    {4, "cudaErrorCudartUnloading", "CUDA_ERROR_DEINITIALIZED"},
    {9, "cudaErrorInvalidConfiguration", {}},
    {12, "cudaErrorInvalidPitchValue", {}},
    {13, "cudaErrorInvalidSymbol", {}},
    {17, "cudaErrorInvalidDevicePointer", {}},
    {21, "cudaErrorInvalidMemcpyDirection", {}},
    {34, "cudaErrorStubLibrary", "CUDA_ERROR_STUB_LIBRARY"},
    {35, "cudaErrorInsufficientDriver", {}},
    {36, "cudaErrorCallRequiresNewerDriver", "CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER"},
    {46, "cudaErrorDevicesUnavailable", "CUDA_ERROR_DEVICE_UNAVAILABLE"},
    {52, "cudaErrorMissingConfiguration", {}},
    {98, "cudaErrorInvalidDeviceFunction", {}},
    {100, "cudaErrorNoDevice", "CUDA_ERROR_NO_DEVICE"},
    {101, "cudaErrorInvalidDevice", "CUDA_ERROR_INVALID_DEVICE"},
    {200, "cudaErrorInvalidKernelImage", "CUDA_ERROR_INVALID_IMAGE"},
    {201, "cudaErrorDeviceUninitialized", "CUDA_ERROR_INVALID_CONTEXT"},
    {209, "cudaErrorNoKernelImageForDevice", "CUDA_ERROR_NO_BINARY_FOR_GPU"},
    {214, "cudaErrorECCUncorrectable", "CUDA_ERROR_ECC_UNCORRECTABLE"},
    {218, "cudaErrorInvalidPtx", "CUDA_ERROR_INVALID_PTX"},
    {220, "cudaErrorNvlinkUncorrectable", "CUDA_ERROR_NVLINK_UNCORRECTABLE"},
    {222, "cudaErrorUnsupportedPtxVersion", "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
    {226, "cudaErrorContained", "CUDA_ERROR_CONTAINED"},
    {304, "cudaErrorOperatingSystem", "CUDA_ERROR_OPERATING_SYSTEM"},
    {400, "cudaErrorInvalidResourceHandle", "CUDA_ERROR_INVALID_HANDLE"},
    {500, "cudaErrorSymbolNotFound", "CUDA_ERROR_NOT_FOUND"},
    {700, "cudaErrorIllegalAddress", "CUDA_ERROR_ILLEGAL_ADDRESS"},
    {701, "cudaErrorLaunchOutOfResources", "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
    {702, "cudaErrorLaunchTimeout", "CUDA_ERROR_LAUNCH_TIMEOUT"},
    {704, "cudaErrorPeerAccessAlreadyEnabled", "CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED"},
    {705, "cudaErrorPeerAccessNotEnabled", "CUDA_ERROR_PEER_ACCESS_NOT_ENABLED"},
    {709, "cudaErrorContextIsDestroyed", "CUDA_ERROR_CONTEXT_IS_DESTROYED"},
    {710, "cudaErrorAssert", "CUDA_ERROR_ASSERT"},
    {712, "cudaErrorHostMemoryAlreadyRegistered", "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"},
    {713, "cudaErrorHostMemoryNotRegistered", "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED"},
    {714, "cudaErrorHardwareStackError", "CUDA_ERROR_HARDWARE_STACK_ERROR"},
    {715, "cudaErrorIllegalInstruction", "CUDA_ERROR_ILLEGAL_INSTRUCTION"},
    {716, "cudaErrorMisalignedAddress", "CUDA_ERROR_MISALIGNED_ADDRESS"},
    {717, "cudaErrorInvalidAddressSpace", "CUDA_ERROR_INVALID_ADDRESS_SPACE"},
    {718, "cudaErrorInvalidPc", "CUDA_ERROR_INVALID_PC"},
    {719, "cudaErrorLaunchFailure", "CUDA_ERROR_LAUNCH_FAILED"},
    {720, "cudaErrorCooperativeLaunchTooLarge", "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE"},
    {800, "cudaErrorNotPermitted", "CUDA_ERROR_NOT_PERMITTED"},
    {801, "cudaErrorNotSupported", "CUDA_ERROR_NOT_SUPPORTED"},
    {802, "cudaErrorSystemNotReady", "CUDA_ERROR_SYSTEM_NOT_READY"},
    {803, "cudaErrorSystemDriverMismatch", "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"},
    {804, "cudaErrorCompatNotSupportedOnDevice", "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"},
    {900, "cudaErrorStreamCaptureUnsupported", "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
    {901, "cudaErrorStreamCaptureInvalidated", "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"},
    {906, "cudaErrorStreamCaptureImplicit", "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT"},
    {999, "cudaErrorUnknown", "CUDA_ERROR_UNKNOWN"},
});
static_assert(std::is_sorted(kErrors.begin(), kErrors.end(),
                             [](const auto& a, const auto& b) { return a.code < b.code; }));

// ncclResult_t (nccl.h).
constexpr std::array<std::string_view, 9> kNcclErrors = {
    "ncclSuccess",         "ncclUnhandledCudaError", "ncclSystemError",
    "ncclInternalError",   "ncclInvalidArgument",    "ncclInvalidUsage",
    "ncclRemoteError",     "ncclInProgress",         "ncclTimeout"};

bool is_nccl(std::string_view name) { return name.starts_with("nccl"); }

}  // namespace

std::string_view call_name(uint32_t call) { return call < kCalls.size() ? kCalls[call] : kCalls[0]; }

std::string error_name(uint32_t call, int32_t code) {
  const std::string_view name = call_name(call);
  if (is_nccl(name)) {
    const bool known = code >= 0 && static_cast<size_t>(code) < kNcclErrors.size();
    return known ? std::string(kNcclErrors[static_cast<size_t>(code)]) : std::to_string(code);
  }
  const auto found =
      std::lower_bound(kErrors.begin(), kErrors.end(), code,
                       [](const CudaError& each, int32_t value) { return each.code < value; });
  if (found == kErrors.end() || found->code != code) return std::to_string(code);
  const std::string_view error = name.starts_with("cuda") ? found->runtime : found->driver;
  return error.empty() ? std::to_string(code) : std::string(error);
}

bool is_out_of_memory(uint32_t call, int32_t code) {
  constexpr int32_t kOutOfMemory = 2;
  return code == kOutOfMemory && !is_nccl(call_name(call));
}

}  // namespace tacit::gpu
