// SPDX-License-Identifier: Apache-2.0
// Key and value as in the OpenTelemetry data model.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tacit::telemetry {

using AttributeValue =
    std::variant<std::string, int64_t, double, bool, std::vector<std::string>>;

struct Attribute {
  std::string key;
  AttributeValue value;
};

using Attributes = std::vector<Attribute>;

}  // namespace tacit::telemetry
