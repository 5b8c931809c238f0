// SPDX-License-Identifier: Apache-2.0
// The parts that OTLP's spans and metrics share: attributes, resource, scope. Pure.
#pragma once
#include <cstdint>
#include <string_view>

#include "agent/telemetry/attribute.h"
#include "exporters/otlp/proto_writer.h"

namespace tacit::exporters {

// The version of OpenTelemetry's semantic conventions whose names the agent uses.
inline constexpr std::string_view kSchemaUrl = "https://opentelemetry.io/schemas/1.27.0";

// One KeyValue (common.proto) as field `field` of the message being written.
void write_attribute(ProtoWriter& writer, uint32_t field, const telemetry::Attribute& attribute);
void write_text_attribute(ProtoWriter& writer, uint32_t field, std::string_view key,
                          std::string_view value);
void write_integer_attribute(ProtoWriter& writer, uint32_t field, std::string_view key,
                             int64_t value);

// InstrumentationScope {name: "tacit", version: the agent's} as field `field`.
void write_scope(ProtoWriter& writer, uint32_t field);

}  // namespace tacit::exporters
