// SPDX-License-Identifier: Apache-2.0
// Figures as attribute values.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace tacit::telemetry {

// Attributes are signed, and what a process claims may be anything: at most the largest there is.
inline int64_t attribute_number(uint64_t value) {
  return static_cast<int64_t>(std::min(value, uint64_t{std::numeric_limits<int64_t>::max()}));
}

// Part of the whole, to four digits, which tell a person enough; 0 of nothing. More than 1 where the
// parts lie side by side.
inline double attribute_share(uint64_t part, uint64_t whole) {
  if (whole == 0) return 0;
  return std::round(static_cast<double>(part) / static_cast<double>(whole) * 1e4) / 1e4;
}

}  // namespace tacit::telemetry
