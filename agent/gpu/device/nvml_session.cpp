// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/nvml_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agent/base/valid_text.h"

namespace tacit::gpu {
namespace {

template <typename Ask>
std::string text_of(const Ask& ask, std::string fallback = {}) {
  std::array<char, nvml::kNameBytes> text{};
  if (ask(text.data(), static_cast<unsigned>(text.size())) != nvml::kSuccess) return fallback;
  text.back() = 0;
  return valid_utf8(text.data());
}

std::unexpected<NvmlFailure> failure(nvml::Return reason, std::string message) {
  return std::unexpected(NvmlFailure{reason, std::move(message)});
}

}  // namespace

std::expected<std::unique_ptr<NvmlSession>, NvmlFailure> NvmlSession::start(
    CallCosts& costs, const std::vector<DeviceIdentity>& known) {
  auto library = NvmlLibrary::open(costs);
  if (!library) return failure(nvml::kLibraryNotFound, library.error().message);
  std::unique_ptr<NvmlSession> session(new NvmlSession(std::move(*library)));
  const NvmlLibrary& calls = *session->library_;
  if (const nvml::Return result = calls.init(); result != nvml::kSuccess)
    return failure(result, fmt::format("NVML cannot start: {} ({})", reason_of(result),
                                       static_cast<int>(result)));
  session->initialised_ = true;
  session->driver_version_ =
      text_of([&](char* text, unsigned size) { return calls.driver_version(text, size); });
  unsigned count = 0;
  if (const nvml::Return result = calls.count(&count); result != nvml::kSuccess)
    return failure(result, fmt::format("NVML cannot count the devices: {} ({})", reason_of(result),
                                       static_cast<int>(result)));
  session->find_devices(std::min(count, kMaxDevices), known);
  session->watch_events();
  return session;
}

NvmlSession::~NvmlSession() {
  watched_.clear();
  devices_.clear();  // they hold memory of the library's
  if (events_ != nullptr) library_->event_set_free(events_);
  if (initialised_) library_->shutdown();
}

void NvmlSession::find_devices(unsigned count, const std::vector<DeviceIdentity>& known) {
  std::vector<std::pair<unsigned, nvml::Return>> missing;
  for (unsigned index = 0; index < count; ++index) {
    nvml::Device handle = nullptr;
    const nvml::Return result = library_->handle_by_index(index, &handle);
    if (result == nvml::kSuccess)
      devices_.push_back(
          std::make_unique<DeviceReader>(*library_, handle, identify(handle, index)));
    else
      missing.emplace_back(index, result);
  }
  for (const auto& [index, result] : missing) {
    if (result != nvml::kGpuIsLost && result != nvml::kResetRequired) continue;
    const auto before = std::find_if(known.begin(), known.end(),
                                     [&, at = index](const auto& one) { return one.index == at; });
    if (before != known.end()) devices_.push_back(DeviceReader::lost(*library_, *before, result));
  }
}

DeviceIdentity NvmlSession::identify(nvml::Device handle, unsigned index) const {
  DeviceIdentity identity{.index = index, .uuid = {}, .model = {}, .pci_bus_id = {}, .device = {}};
  identity.uuid =
      text_of([&](char* text, unsigned size) { return library_->uuid(handle, text, size); },
              fmt::format("GPU-{}", index));
  identity.model =
      text_of([&](char* text, unsigned size) { return library_->name(handle, text, size); });
  nvml::PciInfo pci{};
  if (library_->pci_info(handle, &pci) == nvml::kSuccess) {
    pci.bus_id[sizeof pci.bus_id - 1] = 0;
    identity.pci_bus_id = valid_utf8(pci.bus_id);
  }
  unsigned minor = index;
  if (library_->minor_number(handle, &minor) != nvml::kSuccess) minor = index;
  identity.device = fmt::format("nvidia{}", minor);
  return identity;
}

void NvmlSession::watch_events() {
  if (library_->event_set_create(&events_) != nvml::kSuccess) {
    events_ = nullptr;
    return;
  }
  for (const auto& device : devices_) {
    FigureSupport& support = device->support();
    if (!support.wanted(Figure::kXid)) continue;
    const nvml::Return result =
        library_->register_events(device->handle(), nvml::kEventXid, events_);
    if (support.take(Figure::kXid, result)) watched_.push_back(device.get());
  }
}

std::vector<DeviceFigures> NvmlSession::read(uint64_t now_ns) {
  std::vector<DeviceFigures> figures;
  figures.reserve(devices_.size());
  for (const auto& device : devices_) figures.push_back(device->read(now_ns, *scratch_));
  return figures;
}

std::vector<std::string> NvmlSession::watched() const {
  std::vector<std::string> uuids;
  for (const DeviceReader* device : watched_) uuids.push_back(device->identity().uuid);
  return uuids;
}

std::optional<NvmlSession::Xid> NvmlSession::wait_event(unsigned timeout_ms, bool& alive) {
  if (watched_.empty()) {
    alive = false;
    return std::nullopt;
  }
  nvml::EventData event{};
  const nvml::Return result = library_->event_wait(events_, &event, timeout_ms);
  alive = result == nvml::kSuccess || result == nvml::kTimeout;
  if (result != nvml::kSuccess || event.type != nvml::kEventXid) return std::nullopt;
  for (const auto& device : devices_)
    if (device->handle() == event.device) return Xid{&device->identity(), event.data};
  return std::nullopt;
}

uint64_t NvmlSession::not_supported() const {
  uint64_t sum = 0;
  for (const auto& device : devices_)
    sum += device->support().not_supported() + device->refused_fields();
  return sum;
}

uint64_t NvmlSession::not_permitted() const {
  uint64_t sum = 0;
  for (const auto& device : devices_) sum += device->support().not_permitted();
  return sum;
}

}  // namespace tacit::gpu
