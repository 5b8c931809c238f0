// SPDX-License-Identifier: Apache-2.0
#include "agent/config/nearest_name.h"

#include <algorithm>
#include <array>

namespace tacit::config {
namespace {

constexpr size_t kMaxBytes = 64;

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kMaxBytes);
  b = b.substr(0, kMaxBytes);
  std::array<size_t, kMaxBytes + 1> row{};
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known) {
  std::string_view best;
  size_t best_distance = kMaxBytes + 1;
  for (const auto candidate : known) {
    const size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best_distance <= std::max<size_t>(1, best.size() / 3) ? best : std::string_view{};
}

std::string suggestion(std::string_view name, std::span<const std::string_view> known) {
  const auto near = nearest_name(name, known);
  return near.empty() ? std::string{} : "; did you mean " + std::string(near) + "?";
}

}  // namespace tacit::config
