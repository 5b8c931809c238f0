// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>

#include "agent/base/result.h"
#include "agent/event/event.h"

namespace tacit::event {

enum class DecodeError : uint8_t { kTooShort, kUnknownType, kBadLength };

// Checks every length before a view is made of it: records normally come from our own programs,
// but recordings, fuzzers and a mismatched build come through here too. `record` must be aligned
// to 8 bytes, as ring records are.
std::expected<Event, DecodeError> decode(std::span<const std::byte> record);

// The label value of an event's type: "data", "process_exec", …
const char* type_name(uint8_t type);

}  // namespace tacit::event
