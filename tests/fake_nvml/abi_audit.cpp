// SPDX-License-Identifier: Apache-2.0
// Our declarations of NVML against NVIDIA's: compiled, never run, with the folder of a real nvml.h
// in the include path (tests/e2e/test_gpu_devices.py). A difference is an error of the compiler.
#include <nvml.h>

#include <cstddef>
#include <type_traits>

#include "agent/gpu/device/nvml_abi.h"
#include "agent/gpu/device/nvml_library.h"

namespace abi = tacit::gpu::nvml;

#define SAME_SIZE(ours, theirs) static_assert(sizeof(ours) == sizeof(theirs))
#define SAME_PLACE(ours, a, theirs, b)                     \
  static_assert(offsetof(ours, a) == offsetof(theirs, b)); \
  static_assert(sizeof(ours::a) == sizeof(theirs::b))
#define SAME_VALUE(ours, theirs) \
  static_assert(static_cast<long long>(ours) == static_cast<long long>(theirs))

SAME_VALUE(abi::kSuccess, NVML_SUCCESS);
SAME_VALUE(abi::kUninitialized, NVML_ERROR_UNINITIALIZED);
SAME_VALUE(abi::kInvalidArgument, NVML_ERROR_INVALID_ARGUMENT);
SAME_VALUE(abi::kNotSupported, NVML_ERROR_NOT_SUPPORTED);
SAME_VALUE(abi::kNoPermission, NVML_ERROR_NO_PERMISSION);
SAME_VALUE(abi::kNotFound, NVML_ERROR_NOT_FOUND);
SAME_VALUE(abi::kInsufficientSize, NVML_ERROR_INSUFFICIENT_SIZE);
SAME_VALUE(abi::kDriverNotLoaded, NVML_ERROR_DRIVER_NOT_LOADED);
SAME_VALUE(abi::kTimeout, NVML_ERROR_TIMEOUT);
SAME_VALUE(abi::kLibraryNotFound, NVML_ERROR_LIBRARY_NOT_FOUND);
SAME_VALUE(abi::kFunctionNotFound, NVML_ERROR_FUNCTION_NOT_FOUND);
SAME_VALUE(abi::kGpuIsLost, NVML_ERROR_GPU_IS_LOST);
SAME_VALUE(abi::kResetRequired, NVML_ERROR_RESET_REQUIRED);
SAME_VALUE(abi::kVersionMismatch, NVML_ERROR_LIB_RM_VERSION_MISMATCH);
SAME_VALUE(abi::kNoData, NVML_ERROR_NO_DATA);
SAME_VALUE(abi::kArgumentVersionMismatch, NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
SAME_VALUE(abi::kDeprecated, NVML_ERROR_DEPRECATED);
SAME_VALUE(abi::kUnknown, NVML_ERROR_UNKNOWN);
static_assert(sizeof(abi::Return) == sizeof(nvmlReturn_t));

SAME_VALUE(abi::kClockSm, NVML_CLOCK_SM);
SAME_VALUE(abi::kClockMemory, NVML_CLOCK_MEM);
SAME_VALUE(abi::kTemperatureGpu, NVML_TEMPERATURE_GPU);
SAME_VALUE(abi::kCorrected, NVML_MEMORY_ERROR_TYPE_CORRECTED);
SAME_VALUE(abi::kUncorrected, NVML_MEMORY_ERROR_TYPE_UNCORRECTED);
SAME_VALUE(abi::kVolatile, NVML_VOLATILE_ECC);
SAME_VALUE(abi::kAggregate, NVML_AGGREGATE_ECC);
static_assert(abi::kNameBytes >= NVML_DEVICE_NAME_V2_BUFFER_SIZE);
static_assert(abi::kUuidBytes >= NVML_DEVICE_UUID_V2_BUFFER_SIZE);
static_assert(abi::kVersionBytes >= NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE);
SAME_VALUE(abi::kMemoryNotAvailable, NVML_VALUE_NOT_AVAILABLE);
SAME_VALUE(abi::kEventXid, nvmlEventTypeXidCriticalError);
SAME_VALUE(abi::kMemoryV2Version, nvmlMemory_v2);

SAME_VALUE(abi::kFieldNvlinkCrcFlit, NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL);
SAME_VALUE(abi::kFieldNvlinkCrcData, NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL);
SAME_VALUE(abi::kFieldNvlinkReplay, NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL);
SAME_VALUE(abi::kFieldNvlinkRecovery, NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL);
SAME_VALUE(abi::kFieldThrottlePower, NVML_FI_DEV_PERF_POLICY_POWER);
SAME_VALUE(abi::kFieldThrottleThermal, NVML_FI_DEV_PERF_POLICY_THERMAL);
SAME_VALUE(abi::kFieldThrottleSyncBoost, NVML_FI_DEV_PERF_POLICY_SYNC_BOOST);
SAME_VALUE(abi::kFieldThrottleBoardLimit, NVML_FI_DEV_PERF_POLICY_BOARD_LIMIT);
SAME_VALUE(abi::kFieldThrottleReliability, NVML_FI_DEV_PERF_POLICY_RELIABILITY);
SAME_VALUE(abi::kFieldMemoryTemperature, NVML_FI_DEV_MEMORY_TEMP);
SAME_VALUE(abi::kFieldNvlinkTransmitted, NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX);
SAME_VALUE(abi::kFieldNvlinkReceived, NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX);

SAME_VALUE(abi::kGpmGraphics, NVML_GPM_METRIC_GRAPHICS_UTIL);
SAME_VALUE(abi::kGpmSm, NVML_GPM_METRIC_SM_UTIL);
SAME_VALUE(abi::kGpmOccupancy, NVML_GPM_METRIC_SM_OCCUPANCY);
SAME_VALUE(abi::kGpmTensor, NVML_GPM_METRIC_ANY_TENSOR_UTIL);
SAME_VALUE(abi::kGpmDram, NVML_GPM_METRIC_DRAM_BW_UTIL);
SAME_VALUE(abi::kGpmFp64, NVML_GPM_METRIC_FP64_UTIL);
SAME_VALUE(abi::kGpmFp32, NVML_GPM_METRIC_FP32_UTIL);
SAME_VALUE(abi::kGpmFp16, NVML_GPM_METRIC_FP16_UTIL);
SAME_VALUE(abi::kGpmPcieTransmitted, NVML_GPM_METRIC_PCIE_TX_PER_SEC);
SAME_VALUE(abi::kGpmPcieReceived, NVML_GPM_METRIC_PCIE_RX_PER_SEC);
SAME_VALUE(abi::kGpmNvlinkReceived, NVML_GPM_METRIC_NVLINK_TOTAL_RX_PER_SEC);
SAME_VALUE(abi::kGpmNvlinkTransmitted, NVML_GPM_METRIC_NVLINK_TOTAL_TX_PER_SEC);
SAME_VALUE(abi::kGpmVersion, NVML_GPM_METRICS_GET_VERSION);
SAME_VALUE(abi::kGpmVersion, NVML_GPM_SUPPORT_VERSION);

SAME_VALUE(abi::kDouble, NVML_VALUE_TYPE_DOUBLE);
SAME_VALUE(abi::kUnsignedInt, NVML_VALUE_TYPE_UNSIGNED_INT);
SAME_VALUE(abi::kUnsignedLong, NVML_VALUE_TYPE_UNSIGNED_LONG);
SAME_VALUE(abi::kUnsignedLongLong, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG);
SAME_VALUE(abi::kSignedLongLong, NVML_VALUE_TYPE_SIGNED_LONG_LONG);
SAME_VALUE(abi::kSignedInt, NVML_VALUE_TYPE_SIGNED_INT);
SAME_VALUE(abi::kUnsignedShort, NVML_VALUE_TYPE_UNSIGNED_SHORT);

SAME_SIZE(abi::Utilization, nvmlUtilization_t);
SAME_PLACE(abi::Utilization, memory, nvmlUtilization_t, memory);
SAME_SIZE(abi::MemoryV2, nvmlMemory_v2_t);
SAME_PLACE(abi::MemoryV2, total, nvmlMemory_v2_t, total);
SAME_PLACE(abi::MemoryV2, reserved, nvmlMemory_v2_t, reserved);
SAME_PLACE(abi::MemoryV2, free, nvmlMemory_v2_t, free);
SAME_PLACE(abi::MemoryV2, used, nvmlMemory_v2_t, used);
SAME_SIZE(abi::PciInfo, nvmlPciInfo_t);
SAME_PLACE(abi::PciInfo, bus_id, nvmlPciInfo_t, busId);
SAME_SIZE(abi::DeviceAttributes, nvmlDeviceAttributes_t);
SAME_PLACE(abi::DeviceAttributes, gpu_instance_slices, nvmlDeviceAttributes_t,
           gpuInstanceSliceCount);
SAME_PLACE(abi::DeviceAttributes, memory_mib, nvmlDeviceAttributes_t, memorySizeMB);
SAME_SIZE(abi::ProcessInfo, nvmlProcessInfo_t);
SAME_PLACE(abi::ProcessInfo, memory_bytes, nvmlProcessInfo_t, usedGpuMemory);
SAME_PLACE(abi::ProcessInfo, gpu_instance, nvmlProcessInfo_t, gpuInstanceId);
SAME_SIZE(abi::ProcessUtilization, nvmlProcessUtilizationSample_t);
SAME_PLACE(abi::ProcessUtilization, time_us, nvmlProcessUtilizationSample_t, timeStamp);
SAME_PLACE(abi::ProcessUtilization, sm, nvmlProcessUtilizationSample_t, smUtil);
SAME_PLACE(abi::ProcessUtilization, decoder, nvmlProcessUtilizationSample_t, decUtil);
SAME_SIZE(abi::EventData, nvmlEventData_t);
SAME_PLACE(abi::EventData, type, nvmlEventData_t, eventType);
SAME_PLACE(abi::EventData, data, nvmlEventData_t, eventData);
SAME_SIZE(abi::FieldValue, nvmlFieldValue_t);
SAME_PLACE(abi::FieldValue, scope, nvmlFieldValue_t, scopeId);
SAME_PLACE(abi::FieldValue, type, nvmlFieldValue_t, valueType);
SAME_PLACE(abi::FieldValue, result, nvmlFieldValue_t, nvmlReturn);
SAME_PLACE(abi::FieldValue, value, nvmlFieldValue_t, value);
SAME_SIZE(abi::GpmMetric, nvmlGpmMetric_t);
SAME_PLACE(abi::GpmMetric, result, nvmlGpmMetric_t, nvmlReturn);
SAME_PLACE(abi::GpmMetric, value, nvmlGpmMetric_t, value);
static_assert(sizeof(abi::GpmMetricsGet) >= sizeof(nvmlGpmMetricsGet_t));
SAME_PLACE(abi::GpmMetricsGet, count, nvmlGpmMetricsGet_t, numMetrics);
SAME_PLACE(abi::GpmMetricsGet, first, nvmlGpmMetricsGet_t, sample1);
SAME_PLACE(abi::GpmMetricsGet, second, nvmlGpmMetricsGet_t, sample2);
static_assert(offsetof(abi::GpmMetricsGet, metrics) == offsetof(nvmlGpmMetricsGet_t, metrics));
SAME_SIZE(abi::GpmSupport, nvmlGpmSupport_t);
SAME_PLACE(abi::GpmSupport, supported, nvmlGpmSupport_t, isSupportedDevice);

// A function takes as many arguments as we pass, each of the same size and kind.
template <typename Ours, typename Theirs>
constexpr bool kSameKind =
    sizeof(Ours) == sizeof(Theirs) && std::is_pointer_v<Ours> == std::is_pointer_v<Theirs>;

template <typename Call, typename Function>
struct SameFunction : std::false_type {};
template <typename... Ours, typename... Theirs>
struct SameFunction<tacit::gpu::NvmlCall<Ours...>, nvmlReturn_t(Theirs...)> {
  static constexpr bool value = [] {
    if constexpr (sizeof...(Ours) == sizeof...(Theirs))
      return (kSameKind<Ours, Theirs> && ...);
    else
      return false;
  }();
};
#define SAME_FUNCTION(member, function) \
  static_assert(SameFunction<decltype(tacit::gpu::NvmlLibrary::member), decltype(function)>::value)

SAME_FUNCTION(init, nvmlInit_v2);
SAME_FUNCTION(shutdown, nvmlShutdown);
SAME_FUNCTION(driver_version, nvmlSystemGetDriverVersion);
SAME_FUNCTION(count, nvmlDeviceGetCount_v2);
SAME_FUNCTION(handle_by_index, nvmlDeviceGetHandleByIndex_v2);
SAME_FUNCTION(name, nvmlDeviceGetName);
SAME_FUNCTION(uuid, nvmlDeviceGetUUID);
SAME_FUNCTION(minor_number, nvmlDeviceGetMinorNumber);
SAME_FUNCTION(pci_info, nvmlDeviceGetPciInfo_v3);
SAME_FUNCTION(utilization, nvmlDeviceGetUtilizationRates);
SAME_FUNCTION(encoder, nvmlDeviceGetEncoderUtilization);
SAME_FUNCTION(decoder, nvmlDeviceGetDecoderUtilization);
SAME_FUNCTION(memory, nvmlDeviceGetMemoryInfo_v2);
SAME_FUNCTION(power, nvmlDeviceGetPowerUsage);
SAME_FUNCTION(power_limit, nvmlDeviceGetEnforcedPowerLimit);
SAME_FUNCTION(energy, nvmlDeviceGetTotalEnergyConsumption);
SAME_FUNCTION(temperature, nvmlDeviceGetTemperature);
SAME_FUNCTION(clock, nvmlDeviceGetClockInfo);
SAME_FUNCTION(clock_reasons, nvmlDeviceGetCurrentClocksThrottleReasons);
SAME_FUNCTION(supported_clock_reasons, nvmlDeviceGetSupportedClocksThrottleReasons);
SAME_FUNCTION(ecc_errors, nvmlDeviceGetTotalEccErrors);
SAME_FUNCTION(pcie_replays, nvmlDeviceGetPcieReplayCounter);
SAME_FUNCTION(field_values, nvmlDeviceGetFieldValues);
SAME_FUNCTION(compute_processes, nvmlDeviceGetComputeRunningProcesses_v3);
SAME_FUNCTION(graphics_processes, nvmlDeviceGetGraphicsRunningProcesses_v3);
SAME_FUNCTION(process_utilization, nvmlDeviceGetProcessUtilization);
SAME_FUNCTION(mig_mode, nvmlDeviceGetMigMode);
SAME_FUNCTION(mig_limit, nvmlDeviceGetMaxMigDeviceCount);
SAME_FUNCTION(mig_device, nvmlDeviceGetMigDeviceHandleByIndex);
SAME_FUNCTION(gpu_instance, nvmlDeviceGetGpuInstanceId);
SAME_FUNCTION(attributes, nvmlDeviceGetAttributes_v2);
SAME_FUNCTION(event_set_create, nvmlEventSetCreate);
SAME_FUNCTION(event_set_free, nvmlEventSetFree);
SAME_FUNCTION(register_events, nvmlDeviceRegisterEvents);
SAME_FUNCTION(event_wait, nvmlEventSetWait_v2);
SAME_FUNCTION(gpm_support, nvmlGpmQueryDeviceSupport);
SAME_FUNCTION(gpm_alloc, nvmlGpmSampleAlloc);
SAME_FUNCTION(gpm_free, nvmlGpmSampleFree);
SAME_FUNCTION(gpm_sample, nvmlGpmSampleGet);
SAME_FUNCTION(gpm_mig_sample, nvmlGpmMigSampleGet);
SAME_FUNCTION(gpm_metrics, nvmlGpmMetricsGet);
