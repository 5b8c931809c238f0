// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/nvml_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "agent/base/log.h"

namespace tacit::gpu {

Result<std::unique_ptr<NvmlLibrary>> NvmlLibrary::open(CallCosts& costs, const char* path) {
  void* handle = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = ::dlerror();
    return fail(
        fmt::format("NVIDIA's management library cannot be loaded ({}); it comes with the "
                    "driver",
                    log::escape(why != nullptr ? why : path)));
  }
  return std::unique_ptr<NvmlLibrary>(new NvmlLibrary(handle, costs));
}

NvmlLibrary::~NvmlLibrary() { ::dlclose(handle_); }

void* NvmlLibrary::find(const char* symbol) const { return ::dlsym(handle_, symbol); }

const char* reason_of(nvml::Return result) {
  switch (result) {
    case nvml::kUninitialized: return "the driver was reloaded";
    case nvml::kNotSupported: return "not supported by this device";
    case nvml::kNoPermission: return "no permission for the device files";
    case nvml::kDriverNotLoaded: return "the NVIDIA kernel driver is not loaded";
    case nvml::kFunctionNotFound: return "this driver's library is too old";
    case nvml::kGpuIsLost: return "the GPU has fallen off the bus";
    case nvml::kResetRequired: return "the GPU needs a reset";
    case nvml::kVersionMismatch:
      return "the library and the kernel driver are of different versions";
    default: return "the driver reports an internal error";
  }
}

}  // namespace tacit::gpu
