// SPDX-License-Identifier: Apache-2.0
#include "cupti/cupti_library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

#include <climits>
#include <cstring>
#include <initializer_list>

namespace tacit::cupti {
namespace {

const char* file_name(const char* path) {
  const char* slash = ::strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

// Libraries of this process that matter.
struct Mapped {
  char cupti[PATH_MAX] = {};
  char cudart[PATH_MAX] = {};
};

int look_at(dl_phdr_info* info, size_t, void* data) {
  auto& mapped = *static_cast<Mapped*>(data);
  const char* path = info->dlpi_name;
  if (path == nullptr || ::strnlen(path, PATH_MAX) == PATH_MAX) return 0;
  if (mapped.cupti[0] == '\0' && is_cupti_name(path)) ::strcpy(mapped.cupti, path);
  if (mapped.cudart[0] == '\0' && major_of_name(path, "libcudart.so.") != 0)
    ::strcpy(mapped.cudart, path);
  return 0;
}

// The CUDA major version of the driver: what a program with a static runtime can be.
int driver_major() {
  void* driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  if (driver == nullptr) return 0;
  auto* get = reinterpret_cast<int (*)(int*)>(::dlsym(driver, "cuDriverGetVersion"));
  int version = 0;
  if (get == nullptr || get(&version) != 0) return 0;
  return version / 1000;
}

void* open_candidate(const Mapped& mapped) {
  int major = major_of_name(mapped.cudart, "libcudart.so.");
  if (major == 0) major = driver_major();
  if (major == 0) return nullptr;
  char path[PATH_MAX];
  if (mapped.cudart[0] == '/') {
    const int directory = static_cast<int>(file_name(mapped.cudart) - mapped.cudart);
    // The wheels of CUDA 13, those of CUDA 12, a toolkit.
    for (const char* from : {"", "../../cuda_cupti/lib/", "../extras/CUPTI/lib64/"}) {
      ::snprintf(path, sizeof(path), "%.*s%slibcupti.so.%d", directory, mapped.cudart, from, major);
      if (void* handle = ::dlopen(path, RTLD_LAZY | RTLD_LOCAL)) return handle;
    }
  }
  for (const char* format : {"libcupti.so.%d", "/usr/local/cuda-%d/extras/CUPTI/lib64/libcupti.so",
                             "/usr/local/cuda/extras/CUPTI/lib64/libcupti.so.%d"}) {
    ::snprintf(path, sizeof(path), format, major);
    if (void* handle = ::dlopen(path, RTLD_LAZY | RTLD_LOCAL)) return handle;
  }
  return nullptr;
}

template <typename Function>
bool look_up(void* handle, size_t symbol, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, kCuptiSymbols[symbol]));
  return function != nullptr;
}

}  // namespace

bool is_cupti_name(const char* path) {
  const char* name = file_name(path);
  return ::strncmp(name, "libcupti.so", 11) == 0 && (name[11] == '\0' || name[11] == '.');
}

int major_of_name(const char* path, const char* library) {
  const char* name = file_name(path);
  const size_t length = ::strlen(library);
  if (::strncmp(name, library, length) != 0) return 0;
  int major = 0;
  for (const char* at = name + length; *at >= '0' && *at <= '9' && major < 1000; ++at)
    major = major * 10 + (*at - '0');
  return major;
}

bool driver_is_mapped() { return ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD) != nullptr; }

bool load_cupti(const char* preferred, CuptiFunctions& functions) {
  Mapped mapped;
  ::dl_iterate_phdr(look_at, &mapped);
  void* handle = nullptr;
  if (mapped.cupti[0] != '\0') handle = ::dlopen(mapped.cupti, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr && preferred[0] != '\0')
    handle = ::dlopen(preferred, RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) handle = open_candidate(mapped);
  if (handle == nullptr) return false;
  size_t at = 0;
  return look_up(handle, at++, functions.get_version) &&
         look_up(handle, at++, functions.subscribe) &&
         look_up(handle, at++, functions.unsubscribe) &&
         look_up(handle, at++, functions.enable_callback) &&
         look_up(handle, at++, functions.register_callbacks) &&
         look_up(handle, at++, functions.register_timestamp) &&
         look_up(handle, at++, functions.enable) && look_up(handle, at++, functions.disable) &&
         look_up(handle, at++, functions.flush_all) &&
         look_up(handle, at++, functions.next_record) &&
         look_up(handle, at++, functions.dropped_records) &&
         look_up(handle, at++, functions.set_attribute);
}

}  // namespace tacit::cupti
