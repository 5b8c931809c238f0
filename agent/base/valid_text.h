// SPDX-License-Identifier: Apache-2.0
// Text from outside as OTLP, JSON and Prometheus demand it: valid UTF-8 (RFC 3629).
#pragma once
#include <string>
#include <string_view>

namespace tacit {

// Each byte that is part of no valid UTF-8 sequence becomes U+FFFD; all else stays as it is.
std::string valid_utf8(std::string_view text);

}  // namespace tacit
