// SPDX-License-Identifier: Apache-2.0
// What one path segment looks like by itself: part of the API's shape, or somebody's value.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace tacit::semantics {

enum class SegmentKind : uint8_t {
  kStatic,       // a word; becomes a parameter only if its siblings keep growing
  kValueLike,    // a word that hints at a value (AAPL, a%20b): fewer siblings prove the parameter
  kPlaceholder,  // a value by its form; `text` is the placeholder
};

struct Segment {
  SegmentKind kind = SegmentKind::kStatic;
  std::string_view text;  // as sent without ";parameters", or the placeholder
};

using SegmentScratch = std::array<char, 32>;  // holds `{id}.json`

inline constexpr std::string_view kValuePlaceholder = "{value}";

// Placeholders by form:
//   {id}     digits (17, -3), words ending in digits or in a hash (user-42, op_training_2025_1),
//            long mixed letters and digits: base64, ULID, JWT (one name for all, as one API's ids
//            may fall under either)
//   {uuid}   8-4-4-4-12 hex digits
//   {hash}   at least 8 hex digits, both letters and digits
//   {date}   YYYY-MM, YYYY-MM-DD, with a time after 'T'
//   {ip}     dotted IPv4
//   {email}  name@host.tld
//   {value}  anything else that is no plausible word: over 64 bytes, braces, raw non-ASCII bytes
// A well-known file extension stays: 17.json is {id}.json. Version segments (v1, v2beta1) are
// static. The result views the segment, `scratch` or static storage.
Segment classify_segment(std::string_view segment, SegmentScratch& scratch);

}  // namespace tacit::semantics
