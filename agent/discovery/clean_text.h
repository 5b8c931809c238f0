// SPDX-License-Identifier: Apache-2.0
// Text from other processes as it may leave the agent: valid UTF-8 without control characters
// (OTLP's protobuf strings must be UTF-8), bounded. Pure.
#pragma once
#include <string>
#include <string_view>

namespace tacit::discovery {

// Control characters become '_'; where the text is no valid UTF-8 so does every byte that is no
// ASCII. At most `limit` bytes are kept, never half a character.
std::string clean_text(std::string_view text, size_t limit = 255);

}  // namespace tacit::discovery
