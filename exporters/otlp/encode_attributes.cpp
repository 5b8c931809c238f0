// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_attributes.h"

namespace tacit::exporters {
namespace {

// Field numbers of KeyValue, AnyValue, ArrayValue and InstrumentationScope: proto/common.proto.
constexpr uint32_t kKey = 1, kValue = 2;
constexpr uint32_t kStringValue = 1, kBoolValue = 2, kIntValue = 3, kDoubleValue = 4;
constexpr uint32_t kArrayValue = 5, kArrayValues = 1;
constexpr uint32_t kScopeName = 1, kScopeVersion = 2;

struct ValueWriter {
  ProtoWriter& writer;
  void operator()(std::string_view value) const { writer.string(kStringValue, value); }
  void operator()(const std::string& value) const { writer.string(kStringValue, value); }
  void operator()(bool value) const { writer.varint(kBoolValue, value ? 1 : 0); }
  void operator()(int64_t value) const { writer.varint(kIntValue, static_cast<uint64_t>(value)); }
  void operator()(double value) const { writer.number(kDoubleValue, value); }
  void operator()(const std::vector<std::string>& values) const {
    const size_t array = writer.begin(kArrayValue);
    for (const std::string& value : values) {
      const size_t element = writer.begin(kArrayValues);
      writer.string(kStringValue, value);
      writer.end(element);
    }
    writer.end(array);
  }
};

template <typename WriteValue>
void write_pair(ProtoWriter& writer, uint32_t field, std::string_view key, WriteValue write_value) {
  const size_t pair = writer.begin(field);
  writer.string(kKey, key);
  const size_t value = writer.begin(kValue);
  write_value();
  writer.end(value);
  writer.end(pair);
}

}  // namespace

void write_attribute(ProtoWriter& writer, uint32_t field, const telemetry::Attribute& attribute) {
  write_pair(writer, field, attribute.key,
             [&] { std::visit(ValueWriter{writer}, attribute.value); });
}

void write_text_attribute(ProtoWriter& writer, uint32_t field, std::string_view key,
                          std::string_view value) {
  write_pair(writer, field, key, [&] { ValueWriter{writer}(value); });
}

void write_integer_attribute(ProtoWriter& writer, uint32_t field, std::string_view key,
                             int64_t value) {
  write_pair(writer, field, key, [&] { ValueWriter{writer}(value); });
}

void write_scope(ProtoWriter& writer, uint32_t field) {
  const size_t scope = writer.begin(field);
  writer.string(kScopeName, "tacit");
  writer.string(kScopeVersion, TACIT_VERSION);
  writer.end(scope);
}

}  // namespace tacit::exporters
