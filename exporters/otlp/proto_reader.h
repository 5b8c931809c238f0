// SPDX-License-Identifier: Apache-2.0
// Reads protobuf's wire format from bytes that a server sent: hostile, so every length is checked
// and anything malformed ends the walk. Pure value type.
#pragma once
#include <cstdint>
#include <string_view>

namespace tacit::exporters {

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view bytes) : rest_(bytes) {}

  struct Field {
    uint32_t number = 0;
    uint32_t wire_type = 0;
    uint64_t integer = 0;    // wire types 0, 1, 5
    std::string_view bytes;  // wire type 2
  };

  // False at the end and at the first malformed byte.
  bool next(Field& field) {
    uint64_t tag = 0;
    if (rest_.empty() || !varint(tag) || tag >> 3 == 0 || tag > UINT32_MAX) return false;
    field = {static_cast<uint32_t>(tag >> 3), static_cast<uint32_t>(tag & 7), 0, {}};
    switch (field.wire_type) {
      case 0:
        return varint(field.integer);
      case 1:
        return fixed(8, field.integer);
      case 5:
        return fixed(4, field.integer);
      case 2:
        return length_delimited(field.bytes);
      default:
        return false;  // groups are not used by any message read here
    }
  }

 private:
  bool varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool fixed(size_t size, uint64_t& value) {
    if (rest_.size() < size) return false;
    value = 0;
    for (size_t i = 0; i < size; ++i) {
      value |= static_cast<uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    }
    rest_.remove_prefix(size);
    return true;
  }
  bool length_delimited(std::string_view& bytes) {
    uint64_t length = 0;
    if (!varint(length) || length > rest_.size()) return false;
    bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

  std::string_view rest_;
};

}  // namespace tacit::exporters
