// SPDX-License-Identifier: Apache-2.0
// Finds CUPTI in this process and holds its functions. It is the copy that is mapped already (torch
// brings one); only where none is, one of the application's CUDA major version is loaded. Never
// unloaded. Used by one thread at a time until loaded, then read by all.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cupti/cupti_abi.h"

namespace tacit::cupti {

struct CuptiFunctions {
  int (*get_version)(uint32_t* version) = nullptr;
  int (*subscribe)(Subscriber* subscriber, CallbackFunction callback, void* user) = nullptr;
  int (*unsubscribe)(Subscriber subscriber) = nullptr;
  int (*enable_callback)(uint32_t enable, Subscriber subscriber, uint32_t domain,
                         uint32_t id) = nullptr;
  int (*register_callbacks)(RequestFunction request, CompletedFunction completed) = nullptr;
  int (*register_timestamp)(TimestampFunction timestamp) = nullptr;
  int (*enable)(uint32_t kind) = nullptr;
  int (*disable)(uint32_t kind) = nullptr;
  int (*flush_all)(uint32_t flags) = nullptr;
  int (*next_record)(uint8_t* buffer, size_t valid_bytes, void** record) = nullptr;
  int (*dropped_records)(void* context, uint32_t stream, size_t* dropped) = nullptr;
  int (*set_attribute)(uint32_t attribute, size_t* value_bytes, void* value) = nullptr;
};

// The names that load_cupti looks up, for the audit of real libraries.
inline constexpr const char* kCuptiSymbols[] = {
    "cuptiGetVersion",
    "cuptiSubscribe",
    "cuptiUnsubscribe",
    "cuptiEnableCallback",
    "cuptiActivityRegisterCallbacks",
    "cuptiActivityRegisterTimestampCallback",
    "cuptiActivityEnable",
    "cuptiActivityDisable",
    "cuptiActivityFlushAll",
    "cuptiActivityGetNextRecord",
    "cuptiActivityGetNumDroppedRecords",
    "cuptiActivitySetAttribute",
};

// `preferred`: a path, or empty. False: there is no CUPTI with all functions. No CUPTI function is
// called.
bool load_cupti(const char* preferred, CuptiFunctions& functions);

// CUDA's driver is in this process. Where it is not, CUPTI 13.2 crashes in its first function.
bool driver_is_mapped();

// True for the file name of a CUPTI library: libcupti.so, libcupti.so.12, ....
bool is_cupti_name(const char* path);
// 12 for "/a/libcudart.so.12" and "libcudart.so.12.4.127"; 0: none.
int major_of_name(const char* path, const char* library);

}  // namespace tacit::cupti
