// SPDX-License-Identifier: Apache-2.0
// libnvidia-ml.so.1, loaded while the agent runs: it comes with the driver, so it is never linked.
// What each call costs is measured here.
//
// nvmlDeviceGetPcieThroughput is left out on purpose: it measures for 20 ms while its caller waits.
#pragma once
#include <cstdint>
#include <memory>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/gpu/device/call_costs.h"
#include "agent/gpu/device/nvml_abi.h"

namespace tacit::gpu {

class NvmlLibrary;

// A function of the library by its name; answers kFunctionNotFound where an older driver has none.
template <typename... Arguments>
class NvmlCall {
 public:
  NvmlCall(NvmlLibrary& library, const char* name);

  nvml::Return operator()(Arguments... arguments) const {
    if (function_ == nullptr) return nvml::kFunctionNotFound;
    const uint64_t start = monotonic_ns();
    const nvml::Return result = function_(arguments...);
    cost_.time_ns += monotonic_ns() - start;
    ++cost_.calls;
    if (result != nvml::kSuccess && result != nvml::kNotFound && result != nvml::kTimeout &&
        result != nvml::kInsufficientSize && result != nvml::kNotSupported)
      ++cost_.errors;
    return result;
  }

 private:
  nvml::Return (*function_)(Arguments...);
  CallCost& cost_;
};

// One thread, that of the sampler: calls may block for as long as the driver likes. Neither copied
// nor moved. Closing it does not shut NVML down: NvmlSession does.
class NvmlLibrary {
 public:
  static constexpr const char* kSoname = "libnvidia-ml.so.1";

  // Fails where there is no such library. `costs` outlives it.
  static Result<std::unique_ptr<NvmlLibrary>> open(CallCosts& costs, const char* path = kSoname);
  ~NvmlLibrary();
  NvmlLibrary(const NvmlLibrary&) = delete;
  NvmlLibrary& operator=(const NvmlLibrary&) = delete;

 private:
  template <typename... Arguments>
  friend class NvmlCall;
  NvmlLibrary(void* handle, CallCosts& costs) : handle_(handle), costs_(costs) {}
  void* find(const char* symbol) const;

  void* const handle_;
  CallCosts& costs_;

 public:
  using Device = nvml::Device;
  NvmlCall<> init{*this, "nvmlInit_v2"};
  NvmlCall<> shutdown{*this, "nvmlShutdown"};
  NvmlCall<char*, unsigned> driver_version{*this, "nvmlSystemGetDriverVersion"};
  NvmlCall<unsigned*> count{*this, "nvmlDeviceGetCount_v2"};
  NvmlCall<unsigned, Device*> handle_by_index{*this, "nvmlDeviceGetHandleByIndex_v2"};
  NvmlCall<Device, char*, unsigned> name{*this, "nvmlDeviceGetName"};
  NvmlCall<Device, char*, unsigned> uuid{*this, "nvmlDeviceGetUUID"};
  NvmlCall<Device, unsigned*> minor_number{*this, "nvmlDeviceGetMinorNumber"};
  NvmlCall<Device, nvml::PciInfo*> pci_info{*this, "nvmlDeviceGetPciInfo_v3"};
  NvmlCall<Device, nvml::Utilization*> utilization{*this, "nvmlDeviceGetUtilizationRates"};
  NvmlCall<Device, unsigned*, unsigned*> encoder{*this, "nvmlDeviceGetEncoderUtilization"};
  NvmlCall<Device, unsigned*, unsigned*> decoder{*this, "nvmlDeviceGetDecoderUtilization"};
  NvmlCall<Device, nvml::MemoryV2*> memory{*this, "nvmlDeviceGetMemoryInfo_v2"};
  NvmlCall<Device, unsigned*> power{*this, "nvmlDeviceGetPowerUsage"};
  NvmlCall<Device, unsigned*> power_limit{*this, "nvmlDeviceGetEnforcedPowerLimit"};
  NvmlCall<Device, unsigned long long*> energy{*this, "nvmlDeviceGetTotalEnergyConsumption"};
  NvmlCall<Device, nvml::TemperatureSensor, unsigned*> temperature{*this,
                                                                   "nvmlDeviceGetTemperature"};
  NvmlCall<Device, nvml::Clock, unsigned*> clock{*this, "nvmlDeviceGetClockInfo"};
  // The name that every driver has; newer ones also call them event reasons.
  NvmlCall<Device, unsigned long long*> clock_reasons{*this,
                                                      "nvmlDeviceGetCurrentClocksThrottleReasons"};
  NvmlCall<Device, unsigned long long*> supported_clock_reasons{
      *this, "nvmlDeviceGetSupportedClocksThrottleReasons"};
  NvmlCall<Device, nvml::MemoryError, nvml::EccCounter, unsigned long long*> ecc_errors{
      *this, "nvmlDeviceGetTotalEccErrors"};
  NvmlCall<Device, unsigned*> pcie_replays{*this, "nvmlDeviceGetPcieReplayCounter"};
  NvmlCall<Device, int, nvml::FieldValue*> field_values{*this, "nvmlDeviceGetFieldValues"};
  NvmlCall<Device, unsigned*, nvml::ProcessInfo*> compute_processes{
      *this, "nvmlDeviceGetComputeRunningProcesses_v3"};
  NvmlCall<Device, unsigned*, nvml::ProcessInfo*> graphics_processes{
      *this, "nvmlDeviceGetGraphicsRunningProcesses_v3"};
  NvmlCall<Device, nvml::ProcessUtilization*, unsigned*, unsigned long long> process_utilization{
      *this, "nvmlDeviceGetProcessUtilization"};
  NvmlCall<Device, unsigned*, unsigned*> mig_mode{*this, "nvmlDeviceGetMigMode"};
  NvmlCall<Device, unsigned*> mig_limit{*this, "nvmlDeviceGetMaxMigDeviceCount"};
  NvmlCall<Device, unsigned, Device*> mig_device{*this, "nvmlDeviceGetMigDeviceHandleByIndex"};
  NvmlCall<Device, unsigned*> gpu_instance{*this, "nvmlDeviceGetGpuInstanceId"};
  NvmlCall<Device, nvml::DeviceAttributes*> attributes{*this, "nvmlDeviceGetAttributes_v2"};
  NvmlCall<nvml::EventSet*> event_set_create{*this, "nvmlEventSetCreate"};
  NvmlCall<nvml::EventSet> event_set_free{*this, "nvmlEventSetFree"};
  NvmlCall<Device, unsigned long long, nvml::EventSet> register_events{*this,
                                                                       "nvmlDeviceRegisterEvents"};
  NvmlCall<nvml::EventSet, nvml::EventData*, unsigned> event_wait{*this, "nvmlEventSetWait_v2"};
  NvmlCall<Device, nvml::GpmSupport*> gpm_support{*this, "nvmlGpmQueryDeviceSupport"};
  NvmlCall<nvml::GpmSample*> gpm_alloc{*this, "nvmlGpmSampleAlloc"};
  NvmlCall<nvml::GpmSample> gpm_free{*this, "nvmlGpmSampleFree"};
  NvmlCall<Device, nvml::GpmSample> gpm_sample{*this, "nvmlGpmSampleGet"};
  NvmlCall<Device, unsigned, nvml::GpmSample> gpm_mig_sample{*this, "nvmlGpmMigSampleGet"};
  NvmlCall<nvml::GpmMetricsGet*> gpm_metrics{*this, "nvmlGpmMetricsGet"};
};

template <typename... Arguments>
NvmlCall<Arguments...>::NvmlCall(NvmlLibrary& library, const char* name)
    : function_(reinterpret_cast<nvml::Return (*)(Arguments...)>(library.find(name))),
      cost_(library.costs_.of(name)) {}

// What to tell a user about an answer: a cause, in words.
const char* reason_of(nvml::Return result);

}  // namespace tacit::gpu
