// SPDX-License-Identifier: Apache-2.0
// What the fake driver tells the fake CUPTI; found by dlsym, as the real ones find each other by
// means of their own. The rest of fake_cupti.c is CUPTI's public interface.
#pragma once
#include <stdint.h>

enum { FAKE_DRIVER = 1, FAKE_RUNTIME = 2 };  // CUpti_CallbackDomain

struct fake_cupti {
  // The beginning and the end of an API call; calls inside a call keep its correlation id.
  uint32_t (*enter)(uint32_t domain, uint32_t id);
  void (*leave)(uint32_t domain, uint32_t id);
  void (*context_created)(uint32_t context);
  void (*kernel)(const char* name, uint32_t context, uint32_t stream, uint64_t duration_ns);
  void (*copy)(uint8_t kind, uint64_t bytes, uint32_t context, uint32_t stream);
  void (*set)(uint64_t bytes, uint32_t context, uint32_t stream);
  void (*synchronize)(uint32_t type, uint32_t context, uint32_t stream);
  void (*graph)(uint32_t id, const char* name, uint32_t nodes, uint32_t context, uint32_t stream);
};
