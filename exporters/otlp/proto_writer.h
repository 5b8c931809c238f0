// SPDX-License-Identifier: Apache-2.0
// Appends protobuf's wire format to a string, field by field, in one pass and without a message
// object in between. Field numbers and types are those of the .proto files in proto/, which the
// unit tests compile to read back what is written here.
// Format: protobuf.dev, "Encoding". A value type for the export thread.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "exporters/utf8.h"

namespace tacit::exporters {

class ProtoWriter {
 public:
  explicit ProtoWriter(std::string& out) : out_(out) {}

  void varint(uint32_t field, uint64_t value) {
    tag(field, 0);
    raw_varint(value);
  }
  void fixed64(uint32_t field, uint64_t value) {
    tag(field, 1);
    raw_fixed(value);
  }
  void fixed32(uint32_t field, uint32_t value) {
    tag(field, 5);
    raw_fixed(value);
  }
  void number(uint32_t field, double value) {
    tag(field, 1);
    raw_number(value);
  }
  void bytes(uint32_t field, const void* data, size_t size) {
    tag(field, 2);
    raw_varint(size);
    out_.append(static_cast<const char*>(data), size);
  }
  // A protobuf string must be valid UTF-8: what is not becomes U+FFFD.
  void string(uint32_t field, std::string_view text) {
    if (valid_utf8_prefix(text) == text.size()) {
      bytes(field, text.data(), text.size());
    } else {
      std::string valid;
      append_valid_utf8(valid, text);
      bytes(field, valid.data(), valid.size());
    }
  }

  // Inside a packed field, opened with begin().
  void raw_number(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    raw_fixed(bits);
  }
  template <typename T>
  void raw_fixed(T value) {
    static_assert(std::endian::native == std::endian::little, "the format is little endian");
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  // A nested message or a packed field: end(begin(field)). One byte is kept for the length; longer
  // ones move the content, which is rare for small messages and cheap for large ones.
  size_t begin(uint32_t field) {
    tag(field, 2);
    out_ += '\0';
    return out_.size();
  }
  void end(size_t start) {
    uint64_t length = out_.size() - start;
    char encoded[10];
    size_t used = 0;
    for (; length >= 0x80; length >>= 7) encoded[used++] = static_cast<char>(length | 0x80);
    encoded[used++] = static_cast<char>(length);
    if (used > 1) out_.insert(start, used - 1, '\0');
    std::memcpy(out_.data() + start - 1, encoded, used);
  }

  size_t size() const { return out_.size(); }

 private:
  void tag(uint32_t field, uint32_t wire_type) { raw_varint(field << 3 | wire_type); }
  void raw_varint(uint64_t value) {
    while (value >= 0x80) {
      out_ += static_cast<char>(value | 0x80);
      value >>= 7;
    }
    out_ += static_cast<char>(value);
  }

  std::string& out_;
};

}  // namespace tacit::exporters
