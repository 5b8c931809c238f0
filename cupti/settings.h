// SPDX-License-Identifier: Apache-2.0
// What the environment says (README.md has the table). Read once, in InitializeInjection; the texts
// are the environment's own and copied where they are kept.
#pragma once
#include <climits>
#include <cstdint>

namespace tacit::cupti {

inline constexpr uint32_t kPartsPerMillion = 1'000'000;

// "0.01" is 10,000; what is no number from 0 to 1 is `otherwise`. Not strtod: the process's locale
// may want a comma.
uint32_t parts_per_million(const char* text, uint32_t otherwise);

// Whole seconds up to an hour, in ns; what is no such number is `otherwise`.
uint64_t seconds_in_ns(const char* text, uint64_t otherwise);

struct Settings {
  bool off = false;                // TACIT_CUPTI_OFF
  uint32_t budget_ppm = 10'000;    // TACIT_CUPTI_BUDGET
  uint64_t patience_ns = 10'000'000'000;  // TACIT_CUPTI_PATIENCE, in seconds
  char file[PATH_MAX] = {};        // TACIT_CUPTI_FILE
  char next[PATH_MAX] = {};        // TACIT_CUPTI_NEXT
  char library[PATH_MAX] = {};     // TACIT_CUPTI_LIBRARY

  void read_environment();
};

}  // namespace tacit::cupti
