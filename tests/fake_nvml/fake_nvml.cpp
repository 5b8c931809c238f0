// SPDX-License-Identifier: Apache-2.0
// A libnvidia-ml.so.1 without a GPU: answers what the file FAKE_NVML_PROFILE says, which is read
// anew whenever it changes, and writes each call to the file FAKE_NVML_CALLS, where there is one.
// README.md has the language of profiles. Its declarations are the agent's own, which
// abi_audit.cpp holds against NVIDIA's header.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include "agent/gpu/device/nvml_abi.h"
#include "tests/fake_nvml/profile.h"

using namespace tacit::gpu::nvml;
using fake_nvml::Profile;

namespace tacit::gpu::nvml {
// A handle: a device of the profile, or a MIG instance of one.
struct DeviceObject {
  unsigned index;
  int instance;  // -1: the device
};
struct EventSetObject {
  std::array<bool, 64> registered;
};
struct GpmSampleObject {
  bool taken;
  std::chrono::steady_clock::time_point time;
};
}  // namespace tacit::gpu::nvml

namespace {

std::mutex mutex;
bool initialised = false;
size_t delivered_events = 0;

Profile& profile() {
  static Profile loaded;
  const char* path = ::getenv("FAKE_NVML_PROFILE");
  if (loaded.refresh(path != nullptr ? path : "")) delivered_events = 0;
  return loaded;
}

void note(const char* call, const std::string& detail = {}) {
  const char* const path = ::getenv("FAKE_NVML_CALLS");
  if (path == nullptr) return;
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const std::string line = std::string(call) + (detail.empty() ? "" : " " + detail) + "\n";
  if (::write(fd, line.data(), line.size()) < 0) std::perror(path);
  ::close(fd);
}

std::string name_of(Device device) {
  std::string name = std::to_string(device->index);
  if (device->instance >= 0) name += "/" + std::to_string(device->instance);
  return name;
}

// Every call: written down, slow if the profile says so; its answer where the profile forces one.
Return enter(const char* call, const std::string& detail = {}) {
  note(call, detail);
  if (const double ms = profile().number("", std::string("delay ") + call, 0); ms > 0)
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(ms));
  if (!initialised) return kUninitialized;
  const Return broken = profile().result("", "broken");
  return broken == kNotSupported ? kSuccess : broken;
}

// The value of `key` for this device, or the answer that the profile names in its place.
template <typename T>
Return answer(const char* call, Device device, const std::string& key, T* out,
              const std::string& detail = {}) {
  const std::string name = name_of(device);
  const std::lock_guard lock(mutex);
  Return result = enter(call, name + (detail.empty() ? "" : " " + detail));
  if (result != kSuccess) return result;
  const Return device_state = profile().result(name, "state");
  if (device_state != kNotSupported && device_state != kSuccess) return device_state;
  result = profile().result(name, key);
  if (result == kSuccess) *out = static_cast<T>(profile().number(name, key, 0));
  return result;
}

Return text(const char* call, const std::string& value, char* out, unsigned size) {
  const Return result = enter(call);
  if (result != kSuccess) return result;
  if (value.size() >= size) return kInsufficientSize;
  std::memcpy(out, value.c_str(), value.size() + 1);
  return kSuccess;
}

Device handle_of(unsigned index, int instance) {
  static std::array<std::array<DeviceObject, 9>, 64> handles;
  DeviceObject& handle = handles[index][static_cast<size_t>(instance + 1)];
  handle = {index, instance};
  return &handle;
}

Return list(const char* call, Device device, const char* key, unsigned* count, ProcessInfo* infos) {
  const std::lock_guard lock(mutex);
  const std::string name = name_of(device);
  Return result = enter(call, name);
  if (result != kSuccess) return result;
  result = profile().result(name, std::string(key) + "s", kSuccess);
  if (result != kSuccess) return result;
  const auto rows = profile().rows(name, key);
  if (rows.size() > *count) {
    *count = static_cast<unsigned>(rows.size());
    return kInsufficientSize;
  }
  *count = static_cast<unsigned>(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    infos[i].pid = static_cast<unsigned>(rows[i].at(0));
    infos[i].memory_bytes =
        rows[i].at(1) < 0 ? kMemoryNotAvailable : static_cast<unsigned long long>(rows[i].at(1));
    infos[i].gpu_instance = infos[i].compute_instance = kNoInstance;
  }
  return kSuccess;
}

}  // namespace

extern "C" {

Return nvmlInit_v2() {
  const std::lock_guard lock(mutex);
  note("nvmlInit_v2");
  const Return result = profile().result("", "init", kSuccess);
  initialised = result == kSuccess;
  return result;
}

Return nvmlShutdown() {
  const std::lock_guard lock(mutex);
  note("nvmlShutdown");
  initialised = false;
  return kSuccess;
}

Return nvmlSystemGetDriverVersion(char* version, unsigned size) {
  const std::lock_guard lock(mutex);
  return text("nvmlSystemGetDriverVersion", profile().text("", "driver"), version, size);
}

Return nvmlDeviceGetCount_v2(unsigned* count) {
  const std::lock_guard lock(mutex);
  const Return result = enter("nvmlDeviceGetCount_v2");
  *count = static_cast<unsigned>(profile().number("", "devices", 0));
  return result;
}

Return nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
  const std::lock_guard lock(mutex);
  const Return result = enter("nvmlDeviceGetHandleByIndex_v2", std::to_string(index));
  if (result != kSuccess) return result;
  *device = handle_of(index, -1);
  return profile().result(std::to_string(index), "handle", kSuccess);
}

Return nvmlDeviceGetName(Device device, char* name, unsigned size) {
  const std::lock_guard lock(mutex);
  return text("nvmlDeviceGetName", profile().text(name_of(device), "name"), name, size);
}

Return nvmlDeviceGetUUID(Device device, char* uuid, unsigned size) {
  const std::lock_guard lock(mutex);
  std::string value = profile().text(name_of(device), "uuid");
  if (value.empty()) {
    std::array<char, 64> made{};
    std::snprintf(made.data(), made.size(), "%s-%08x-0000-4000-8000-%012x",
                  device->instance < 0 ? "GPU" : "MIG", device->index,
                  static_cast<unsigned>(device->instance + 1));
    value = made.data();
  }
  return text("nvmlDeviceGetUUID", value, uuid, size);
}

Return nvmlDeviceGetMinorNumber(Device device, unsigned* minor) {
  const std::lock_guard lock(mutex);
  *minor = device->index;
  return enter("nvmlDeviceGetMinorNumber", name_of(device));
}

Return nvmlDeviceGetPciInfo_v3(Device device, PciInfo* pci) {
  const std::lock_guard lock(mutex);
  *pci = {};
  pci->bus = device->index + 1;
  std::snprintf(pci->bus_id, sizeof pci->bus_id, "00000000:%02X:00.0", device->index + 1);
  return enter("nvmlDeviceGetPciInfo_v3", name_of(device));
}

Return nvmlDeviceGetUtilizationRates(Device device, Utilization* load) {
  const Return result = answer("nvmlDeviceGetUtilizationRates", device, "utilization", &load->gpu);
  const std::lock_guard lock(mutex);
  load->memory = static_cast<unsigned>(profile().number(name_of(device), "memory_utilization", 0));
  return result;
}

Return nvmlDeviceGetEncoderUtilization(Device device, unsigned* percent, unsigned* period_us) {
  *period_us = 167'000;
  return answer("nvmlDeviceGetEncoderUtilization", device, "encoder", percent);
}

Return nvmlDeviceGetDecoderUtilization(Device device, unsigned* percent, unsigned* period_us) {
  *period_us = 167'000;
  return answer("nvmlDeviceGetDecoderUtilization", device, "decoder", percent);
}

Return nvmlDeviceGetMemoryInfo_v2(Device device, MemoryV2* memory) {
  if (memory->version != kMemoryV2Version) return kArgumentVersionMismatch;
  const Return result =
      answer("nvmlDeviceGetMemoryInfo_v2", device, "memory_total", &memory->total);
  if (result != kSuccess) return result;
  const std::lock_guard lock(mutex);
  const auto bytes = [&](const char* key) {
    return static_cast<unsigned long long>(profile().number(name_of(device), key, 0));
  };
  memory->reserved = bytes("memory_reserved");
  memory->used = bytes("memory_used");
  memory->free = memory->total - memory->reserved - memory->used;
  return kSuccess;
}

Return nvmlDeviceGetPowerUsage(Device device, unsigned* mw) {
  return answer("nvmlDeviceGetPowerUsage", device, "power_mw", mw);
}

Return nvmlDeviceGetEnforcedPowerLimit(Device device, unsigned* mw) {
  return answer("nvmlDeviceGetEnforcedPowerLimit", device, "power_limit_mw", mw);
}

Return nvmlDeviceGetTotalEnergyConsumption(Device device, unsigned long long* mj) {
  return answer("nvmlDeviceGetTotalEnergyConsumption", device, "energy_mj", mj);
}

Return nvmlDeviceGetTemperature(Device device, TemperatureSensor sensor, unsigned* celsius) {
  if (sensor != kTemperatureGpu) return kInvalidArgument;
  return answer("nvmlDeviceGetTemperature", device, "temperature", celsius);
}

Return nvmlDeviceGetClockInfo(Device device, Clock which, unsigned* mhz) {
  return answer("nvmlDeviceGetClockInfo", device,
                which == kClockSm ? "sm_clock_mhz" : "memory_clock_mhz", mhz,
                std::to_string(which));
}

Return nvmlDeviceGetCurrentClocksThrottleReasons(Device device, unsigned long long* reasons) {
  return answer("nvmlDeviceGetCurrentClocksThrottleReasons", device, "clock_reasons", reasons);
}

Return nvmlDeviceGetSupportedClocksThrottleReasons(Device device, unsigned long long* reasons) {
  return answer("nvmlDeviceGetSupportedClocksThrottleReasons", device, "clock_reasons_known",
                reasons);
}

Return nvmlDeviceGetTotalEccErrors(Device device, MemoryError kind, EccCounter counter,
                                   unsigned long long* count) {
  const std::string key = std::string("ecc_") + (counter == kVolatile ? "volatile" : "lifetime") +
                          (kind == kCorrected ? "_corrected" : "_uncorrected");
  return answer("nvmlDeviceGetTotalEccErrors", device, key, count, key);
}

Return nvmlDeviceGetPcieReplayCounter(Device device, unsigned* count) {
  return answer("nvmlDeviceGetPcieReplayCounter", device, "pcie_replays", count);
}

Return nvmlDeviceGetFieldValues(Device device, int count, FieldValue* values) {
  const std::lock_guard lock(mutex);
  std::string detail = name_of(device);
  for (int i = 0; i < count; ++i) detail += " " + std::to_string(values[i].field);
  const Return result = enter("nvmlDeviceGetFieldValues", detail);
  if (result != kSuccess) return result;
  for (int i = 0; i < count; ++i) {
    const std::string key = "field " + std::to_string(values[i].field);
    const bool link =
        values[i].field == kFieldNvlinkTransmitted || values[i].field == kFieldNvlinkReceived;
    values[i].result = link && values[i].scope != kAllLinks
                           ? kInvalidArgument
                           : profile().result(name_of(device), key);
    values[i].type = kUnsignedLongLong;
    values[i].value.as_unsigned_long_long =
        static_cast<unsigned long long>(profile().number(name_of(device), key, 0));
  }
  return kSuccess;
}

Return nvmlDeviceGetComputeRunningProcesses_v3(Device device, unsigned* count, ProcessInfo* infos) {
  return list("nvmlDeviceGetComputeRunningProcesses_v3", device, "process", count, infos);
}

Return nvmlDeviceGetGraphicsRunningProcesses_v3(Device device, unsigned* count,
                                                ProcessInfo* infos) {
  return list("nvmlDeviceGetGraphicsRunningProcesses_v3", device, "graphics_process", count, infos);
}

Return nvmlDeviceGetProcessUtilization(Device device, ProcessUtilization* samples, unsigned* count,
                                       unsigned long long last_seen_us) {
  const std::lock_guard lock(mutex);
  const std::string name = name_of(device);
  Return result = enter("nvmlDeviceGetProcessUtilization", name);
  if (result != kSuccess) return result;
  result = profile().result(name, "samples", kSuccess);
  if (result != kSuccess) return result;
  unsigned found = 0;
  // sample PID TIME_US SM MEMORY ENCODER DECODER
  for (const auto& row : profile().rows(name, "sample")) {
    if (row.at(1) <= static_cast<double>(last_seen_us)) continue;
    if (found == *count) return kInsufficientSize;
    const auto whole = [&](size_t at) { return static_cast<unsigned>(row.at(at)); };
    samples[found++] = {whole(0), static_cast<unsigned long long>(row.at(1)),
                        whole(2), whole(3),
                        whole(4), whole(5)};
  }
  *count = found;
  return found == 0 ? kNotFound : kSuccess;
}

Return nvmlDeviceGetMigMode(Device device, unsigned* current, unsigned* pending) {
  const Return result = answer("nvmlDeviceGetMigMode", device, "mig", current);
  *pending = *current;
  return result;
}

Return nvmlDeviceGetMaxMigDeviceCount(Device device, unsigned* count) {
  *count = 7;
  const std::lock_guard lock(mutex);
  return enter("nvmlDeviceGetMaxMigDeviceCount", name_of(device));
}

Return nvmlDeviceGetMigDeviceHandleByIndex(Device device, unsigned index, Device* instance) {
  const std::lock_guard lock(mutex);
  const Return result = enter("nvmlDeviceGetMigDeviceHandleByIndex", name_of(device));
  if (result != kSuccess) return result;
  const Device handle = handle_of(device->index, static_cast<int>(index));
  if (profile().result(name_of(handle), "gpu_instance") != kSuccess) return kNotFound;
  *instance = handle;
  return kSuccess;
}

Return nvmlDeviceGetGpuInstanceId(Device device, unsigned* id) {
  return answer("nvmlDeviceGetGpuInstanceId", device, "gpu_instance", id);
}

Return nvmlDeviceGetAttributes_v2(Device device, DeviceAttributes* attributes) {
  *attributes = {};
  const Return result =
      answer("nvmlDeviceGetAttributes_v2", device, "slices", &attributes->gpu_instance_slices);
  const std::lock_guard lock(mutex);
  attributes->memory_mib = static_cast<unsigned long long>(
      profile().number(name_of(device), "memory_total", 0) / (1 << 20));
  return result;
}

Return nvmlEventSetCreate(EventSet* set) {
  const std::lock_guard lock(mutex);
  const Return result = enter("nvmlEventSetCreate");
  if (result == kSuccess) *set = new EventSetObject{};
  return result;
}

Return nvmlEventSetFree(EventSet set) {
  const std::lock_guard lock(mutex);
  note("nvmlEventSetFree");
  delete set;
  return kSuccess;
}

Return nvmlDeviceRegisterEvents(Device device, unsigned long long types, EventSet set) {
  unsigned supported = 0;
  const Return result = answer("nvmlDeviceRegisterEvents", device, "events", &supported);
  if (result != kSuccess || types != kEventXid) return result;
  set->registered.at(device->index) = true;
  return kSuccess;
}

// event DEVICE XID: each line once, in the order of the file.
Return nvmlEventSetWait_v2(EventSet set, EventData* data, unsigned timeout_ms) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::milliseconds(timeout_ms);
  {
    const std::lock_guard lock(mutex);
    const Return result = enter("nvmlEventSetWait_v2");
    if (result != kSuccess) return result;
  }
  for (;;) {
    {
      const std::lock_guard lock(mutex);
      const auto events = profile().rows("", "event");
      while (delivered_events < events.size()) {
        const auto& event = events[delivered_events++];
        const auto index = static_cast<unsigned>(event.at(0));
        if (!set->registered.at(index)) continue;
        *data = {handle_of(index, -1), kEventXid, static_cast<unsigned long long>(event.at(1)),
                 kNoInstance, kNoInstance};
        return kSuccess;
      }
    }
    if (Clock::now() >= until) return kTimeout;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

Return nvmlGpmQueryDeviceSupport(Device device, GpmSupport* support) {
  return answer("nvmlGpmQueryDeviceSupport", device, "gpm", &support->supported);
}

Return nvmlGpmSampleAlloc(GpmSample* sample) {
  *sample = new GpmSampleObject{};
  return kSuccess;
}

Return nvmlGpmSampleFree(GpmSample sample) {
  delete sample;
  return kSuccess;
}

static Return gpm_sample(const char* call, Device device, const std::string& instance,
                         GpmSample sample) {
  const std::lock_guard lock(mutex);
  const Return result = enter(call, name_of(device) + instance);
  if (result != kSuccess) return result;
  sample->taken = true;
  sample->time = std::chrono::steady_clock::now();
  return profile().result(name_of(device), "gpm");
}

Return nvmlGpmSampleGet(Device device, GpmSample sample) {
  return gpm_sample("nvmlGpmSampleGet", device, "", sample);
}

Return nvmlGpmMigSampleGet(Device device, unsigned instance, GpmSample sample) {
  return gpm_sample("nvmlGpmMigSampleGet", device, " " + std::to_string(instance), sample);
}

// All devices share the figures `gpm ID`. `gpm_strict 1`: samples 100 ms apart, as NVIDIA demands.
Return nvmlGpmMetricsGet(GpmMetricsGet* request) {
  const std::lock_guard lock(mutex);
  const Return result = enter("nvmlGpmMetricsGet");
  if (result != kSuccess) return result;
  if (request->version != kGpmVersion || !request->first->taken || !request->second->taken)
    return kInvalidArgument;
  const bool strict = profile().number("", "gpm_strict", 0) > 0;
  if (strict && request->second->time - request->first->time < std::chrono::milliseconds(100)) {
    note("gpm_too_soon");
    return kUnknown;
  }
  for (unsigned i = 0; i < request->count; ++i) {
    const std::string key = "gpm " + std::to_string(request->metrics[i].id);
    request->metrics[i].result = profile().result("", key);
    request->metrics[i].value = profile().number("", key, 0);
  }
  return kSuccess;
}

// Never to be called: takes 20 ms.
Return nvmlDeviceGetPcieThroughput(Device device, int, unsigned* kib) {
  *kib = 0;
  const std::lock_guard lock(mutex);
  return enter("nvmlDeviceGetPcieThroughput", name_of(device));
}

}  // extern "C"
