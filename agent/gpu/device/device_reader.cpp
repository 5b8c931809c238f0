// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/device_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "agent/base/valid_text.h"

namespace tacit::gpu {
namespace {

constexpr double kMilli = 1e-3;
constexpr double kMega = 1e6;
constexpr double kPercent = 1.0 / 100;

struct ReasonRow {
  unsigned long long bit;
  std::string_view name;
};
// nvmlClocksEventReasons
constexpr ReasonRow kReasons[] = {
    {0x1, "gpu_idle"},
    {0x2, "application_clocks"},
    {0x4, "sw_power_cap"},
    {0x8, "hw_slowdown"},
    {0x10, "sync_boost"},
    {0x20, "sw_thermal_slowdown"},
    {0x40, "hw_thermal_slowdown"},
    {0x80, "hw_power_brake"},
    {0x100, "display_clocks"},
};

// A MIG device's name ends with "MIG 1g.10gb", or "MIG 1c.3g.40gb" for a part of an instance.
std::string profile_of(std::string_view name) {
  const size_t mig = name.rfind("MIG ");
  if (mig == std::string_view::npos) return {};
  std::string_view profile = name.substr(mig + 4);
  const size_t dot = profile.find('.');
  if (dot != std::string_view::npos && dot > 0 && profile[dot - 1] == 'c')
    profile.remove_prefix(dot + 1);
  return valid_utf8(profile);
}

}  // namespace

std::unique_ptr<DeviceReader> DeviceReader::lost(const NvmlLibrary& library,
                                                 DeviceIdentity identity, nvml::Return reason) {
  auto reader = std::make_unique<DeviceReader>(library, nullptr, std::move(identity));
  reader->support_.take(Figure::kUtilization, reason);
  return reader;
}

template <typename Call>
std::optional<double> DeviceReader::number(Figure figure, const Call& call, double factor) {
  if (!support_.wanted(figure)) return std::nullopt;
  unsigned long long value = 0;
  const nvml::Return result = [&] {
    if constexpr (requires { call(handle_, &value); }) {
      return call(handle_, &value);
    } else {
      unsigned small = 0;
      const nvml::Return answer = call(handle_, &small);
      value = small;
      return answer;
    }
  }();
  if (!support_.take(figure, result)) return std::nullopt;
  return static_cast<double>(value) * factor;
}

DeviceFigures DeviceReader::read(uint64_t now_ns, nvml::GpmMetricsGet& scratch) {
  DeviceFigures out;
  out.identity = identity_;
  if (support_.broken() == nvml::kSuccess) {
    read_instances(out, now_ns);  // first: it tells what else there is to ask
    read_load(out);
    read_power(out);
    read_clocks(out);
    read_errors(out);
    fields_.read(support_, out);
    read_gpm(out, now_ns, scratch);
    read_processes(out, now_ns);
  }
  if (support_.broken() == nvml::kSuccess) return out;
  // Answers from before and after it went do not belong together.
  DeviceFigures gone;
  gone.identity = identity_;
  gone.state = support_.broken();
  return gone;
}

void DeviceReader::read_load(DeviceFigures& out) {
  if (support_.wanted(Figure::kUtilization)) {
    nvml::Utilization load{};
    const auto result = library_.utilization(handle_, &load);
    if (support_.take(Figure::kUtilization, result) && load.gpu <= 100 && load.memory <= 100) {
      out.utilization = load.gpu * kPercent;
      out.memory_copy_utilization = load.memory * kPercent;
    }
  }
  const auto engine = [&](Figure figure, const auto& call) -> std::optional<double> {
    if (!support_.wanted(figure)) return std::nullopt;
    unsigned percent = 0;
    unsigned period_us = 0;
    const bool known = support_.take(figure, call(handle_, &percent, &period_us));
    if (!known || percent > 100) return std::nullopt;
    return percent * kPercent;
  };
  out.encoder_utilization = engine(Figure::kEncoder, library_.encoder);
  out.decoder_utilization = engine(Figure::kDecoder, library_.decoder);
  out.memory = read_memory(handle_, Figure::kMemory);
}

std::optional<MemoryFigures> DeviceReader::read_memory(nvml::Device device, Figure figure) {
  if (!support_.wanted(figure)) return std::nullopt;
  nvml::MemoryV2 memory{};
  memory.version = nvml::kMemoryV2Version;
  const nvml::Return result = library_.memory(device, &memory);
  if (figure == Figure::kInstanceMemory && result == nvml::kInvalidArgument) {
    next_inventory_ns_ = 0;  // that instance is gone; the others still have theirs
    return std::nullopt;
  }
  if (!support_.take(figure, result)) return std::nullopt;
  return MemoryFigures{memory.total, memory.reserved, memory.free, memory.used};
}

void DeviceReader::read_power(DeviceFigures& out) {
  out.power_watts = number(Figure::kPower, library_.power, kMilli);
  out.power_limit_watts = number(Figure::kPowerLimit, library_.power_limit, kMilli);
  out.energy_joules = number(Figure::kEnergy, library_.energy, kMilli);
  if (!support_.wanted(Figure::kTemperature)) return;
  unsigned celsius = 0;
  if (support_.take(Figure::kTemperature,
                    library_.temperature(handle_, nvml::kTemperatureGpu, &celsius)))
    out.temperature_celsius = celsius;
}

void DeviceReader::read_clocks(DeviceFigures& out) {
  const auto clock = [&](Figure figure, nvml::Clock which) -> std::optional<double> {
    if (!support_.wanted(figure)) return std::nullopt;
    unsigned mhz = 0;
    if (!support_.take(figure, library_.clock(handle_, which, &mhz))) return std::nullopt;
    return mhz * kMega;
  };
  out.sm_clock_hertz = clock(Figure::kSmClock, nvml::kClockSm);
  out.memory_clock_hertz = clock(Figure::kMemoryClock, nvml::kClockMemory);

  if (!known_clock_reasons_ && support_.wanted(Figure::kSupportedClockReasons)) {
    unsigned long long known = 0;
    if (support_.take(Figure::kSupportedClockReasons,
                      library_.supported_clock_reasons(handle_, &known)))
      known_clock_reasons_ = known;
  }
  if (!support_.wanted(Figure::kClockReasons)) return;
  unsigned long long now = 0;
  if (!support_.take(Figure::kClockReasons, library_.clock_reasons(handle_, &now))) return;
  for (const ReasonRow& row : kReasons) {
    const bool active = (now & row.bit) != 0;
    if (active || (known_clock_reasons_.value_or(0) & row.bit) != 0)
      out.clock_reasons.emplace_back(row.name, active);
  }
}

void DeviceReader::read_errors(DeviceFigures& out) {
  const auto ecc = [&](Figure figure, nvml::MemoryError kind, nvml::EccCounter counter,
                       std::vector<NamedCount>& into) {
    if (!support_.wanted(figure)) return;
    unsigned long long count = 0;
    if (support_.take(figure, library_.ecc_errors(handle_, kind, counter, &count)))
      into.emplace_back(kind == nvml::kCorrected ? "ecc_corrected" : "ecc_uncorrected", count);
  };
  ecc(Figure::kEccCorrected, nvml::kCorrected, nvml::kVolatile, out.errors);
  ecc(Figure::kEccUncorrected, nvml::kUncorrected, nvml::kVolatile, out.errors);
  ecc(Figure::kEccLifetimeCorrected, nvml::kCorrected, nvml::kAggregate, out.lifetime_errors);
  ecc(Figure::kEccLifetimeUncorrected, nvml::kUncorrected, nvml::kAggregate, out.lifetime_errors);
  if (const auto replays = number(Figure::kPcieReplays, library_.pcie_replays, 1))
    out.errors.emplace_back("pcie_replay", static_cast<uint64_t>(*replays));
}

void DeviceReader::read_gpm(DeviceFigures& out, uint64_t now_ns, nvml::GpmMetricsGet& scratch) {
  if (!support_.wanted(Figure::kGpm)) return;
  if (!gpm_supported_) {
    nvml::GpmSupport support{.version = nvml::kGpmVersion, .supported = 0};
    if (!support_.take(Figure::kGpm, library_.gpm_support(handle_, &support))) return;
    gpm_supported_ = support.supported != 0;
    if (!*gpm_supported_) support_.take(Figure::kGpm, nvml::kNotSupported);
  }
  if (!support_.wanted(Figure::kGpm)) return;
  if (!mig_) {
    out.gpm = gpm_.read(now_ns, support_, scratch);
    return;
  }
  for (InstanceFigures& figures : out.instances) {
    Instance& instance = instances_.at(figures.gpu_instance);
    figures.gpm = instance.gpm->read(now_ns, support_, scratch);
  }
}

void DeviceReader::read_instances(DeviceFigures& out, uint64_t now_ns) {
  if (now_ns >= next_inventory_ns_) {
    next_inventory_ns_ = now_ns + kInventoryNs;
    list_instances();
  }
  out.mig = mig_;
  for (auto& [id, instance] : instances_) {
    instance.figures.memory = read_memory(instance.handle, Figure::kInstanceMemory);
    out.instances.push_back(instance.figures);
  }
}

void DeviceReader::list_instances() {
  if (!support_.wanted(Figure::kMigMode)) return;
  unsigned current = 0;
  unsigned pending = 0;
  if (!support_.take(Figure::kMigMode, library_.mig_mode(handle_, &current, &pending))) return;
  if (mig_ != (current == 1)) {
    // What is supported depends on the mode.
    mig_ = current == 1;
    support_.forget();
    fields_.forget();
    gpm_supported_.reset();
  }
  std::map<uint32_t, Instance> found;
  unsigned limit = 0;
  if (mig_ && support_.take(Figure::kInstances, library_.mig_limit(handle_, &limit))) {
    for (unsigned i = 0; i < std::min(limit, 16U); ++i) {
      nvml::Device handle = nullptr;
      if (library_.mig_device(handle_, i, &handle) == nvml::kSuccess) add_instance(handle, found);
    }
  }
  instances_ = std::move(found);
}

void DeviceReader::add_instance(nvml::Device handle, std::map<uint32_t, Instance>& into) {
  unsigned id = 0;
  if (library_.gpu_instance(handle, &id) != nvml::kSuccess || into.contains(id)) return;
  std::array<char, nvml::kUuidBytes> uuid{};
  if (library_.uuid(handle, uuid.data(), uuid.size()) != nvml::kSuccess) return;
  uuid.back() = 0;
  Instance instance{.handle = handle, .figures = {}, .gpm = nullptr};
  instance.figures.gpu_instance = id;
  instance.figures.uuid = valid_utf8(uuid.data());
  std::array<char, nvml::kNameBytes> name{};
  if (library_.name(handle, name.data(), name.size()) == nvml::kSuccess) {
    name.back() = 0;
    instance.figures.profile = profile_of(name.data());
  }
  nvml::DeviceAttributes attributes{};
  if (instance.figures.profile.empty() &&
      library_.attributes(handle, &attributes) == nvml::kSuccess)
    instance.figures.profile = fmt::format("{}g.{}gb", attributes.gpu_instance_slices,
                                           (attributes.memory_mib + 1023) / 1024);
  // The same instance keeps its samples: figures need two.
  const auto before = instances_.find(id);
  if (before != instances_.end() && before->second.figures.uuid == instance.figures.uuid)
    instance.gpm = std::move(before->second.gpm);
  else
    instance.gpm = std::make_unique<GpmReader>(library_, handle_, id);
  into.emplace(id, std::move(instance));
}

void DeviceReader::read_processes(DeviceFigures& out, uint64_t now_ns) {
  if (now_ns >= next_processes_ns_) {
    next_processes_ns_ = now_ns + kProcessNs;
    processes_ = process_reader_.read(support_, processes_known_, now_ns);
  }
  out.processes = processes_;
  out.processes_known = processes_known_;
}

}  // namespace tacit::gpu
