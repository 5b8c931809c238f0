// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_spans.h"

#include <gtest/gtest.h>

#include "exporters/utf8.h"
#include "tests/unit/exporters/samples.h"
#include "trace_service.pb.h"

namespace tacit::exporters {
namespace {

using Request = opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
namespace otlp = opentelemetry::proto::trace::v1;

Request parse(const Payload& payload) {
  Request request;
  EXPECT_TRUE(request.ParseFromString(payload.body));
  return request;
}

TEST(EncodeSpans, EveryFieldComesBack) {
  const auto payloads = encode_spans({sample_span(sample_resource(1, "shop"))});
  ASSERT_EQ(payloads.size(), 1u);
  EXPECT_EQ(payloads[0].items, 1u);
  const Request request = parse(payloads[0]);
  ASSERT_EQ(request.resource_spans_size(), 1);
  const auto& group = request.resource_spans(0);
  EXPECT_EQ(group.schema_url(), "https://opentelemetry.io/schemas/1.27.0");
  ASSERT_EQ(group.resource().attributes_size(), 2);
  EXPECT_EQ(group.resource().attributes(0).key(), "service.name");
  EXPECT_EQ(group.resource().attributes(0).value().string_value(), "shop");
  EXPECT_EQ(group.resource().attributes(1).value().int_value(), 4711);
  ASSERT_EQ(group.scope_spans_size(), 1);
  EXPECT_EQ(group.scope_spans(0).scope().name(), "tacit");
  EXPECT_EQ(group.scope_spans(0).scope().version(), "0.1.0");
  ASSERT_EQ(group.scope_spans(0).spans_size(), 1);
  const otlp::Span& span = group.scope_spans(0).spans(0);
  EXPECT_EQ(span.trace_id(), "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10");
  EXPECT_EQ(span.span_id(), "\xb7\xad\x6b\x71\x69\x20\x33\x31");
  EXPECT_EQ(span.parent_span_id(), std::string("\0\0\0\0\0\0\0\x09", 8));
  EXPECT_EQ(span.trace_state(), "vendor=1");
  EXPECT_EQ(span.flags(), 0x301u);
  EXPECT_EQ(span.name(), "GET /items/{id}");
  EXPECT_EQ(span.kind(), otlp::Span::SPAN_KIND_CLIENT);
  EXPECT_EQ(span.start_time_unix_nano(), 1'795'260'929'123'456'789u);
  EXPECT_EQ(span.end_time_unix_nano(), 1'795'260'929'135'802'467u);
  EXPECT_EQ(span.status().code(), otlp::Status::STATUS_CODE_ERROR);
  EXPECT_EQ(span.status().message(), "reset by the server");
  ASSERT_EQ(span.events_size(), 1);
  EXPECT_EQ(span.events(0).name(), "joined");
  EXPECT_EQ(span.events(0).time_unix_nano(), 1'795'260'929'123'456'790u);
  EXPECT_EQ(span.events(0).attributes(0).value().int_value(), -5);
}

TEST(EncodeSpans, AttributesKeepTheirTypes) {
  const auto payloads = encode_spans({sample_span(sample_resource(1, "shop"))});
  const Request request = parse(payloads.at(0));
  const auto& attributes = request.resource_spans(0).scope_spans(0).spans(0).attributes();
  ASSERT_EQ(attributes.size(), 8);
  EXPECT_EQ(attributes[0].key(), "http.request.method");
  EXPECT_EQ(attributes[0].value().string_value(), "GET");
  EXPECT_EQ(attributes[1].value().int_value(), 503);
  EXPECT_TRUE(attributes[5].value().has_double_value());
  EXPECT_EQ(attributes[5].value().double_value(), 2.0);
  EXPECT_TRUE(attributes[6].value().has_bool_value());
  EXPECT_TRUE(attributes[6].value().bool_value());
  ASSERT_EQ(attributes[7].value().array_value().values_size(), 2);
  EXPECT_EQ(attributes[7].value().array_value().values(1).string_value(), "c/d");
}

TEST(EncodeSpans, EmptyAndZeroValuesArePresent) {
  telemetry::Span span = sample_span(sample_resource(1, "shop"));
  span.attributes = {{"s", std::string()},
                     {"i", int64_t{0}},
                     {"d", 0.0},
                     {"b", false},
                     {"a", std::vector<std::string>{}}};
  const Request request = parse(encode_spans({span}).at(0));
  const auto& attributes = request.resource_spans(0).scope_spans(0).spans(0).attributes();
  ASSERT_EQ(attributes.size(), 5);
  EXPECT_TRUE(attributes[0].value().has_string_value());
  EXPECT_TRUE(attributes[1].value().has_int_value());
  EXPECT_TRUE(attributes[2].value().has_double_value());
  EXPECT_TRUE(attributes[3].value().has_bool_value());
  EXPECT_TRUE(attributes[4].value().has_array_value());
}

TEST(EncodeSpans, ARootHasNoParentAndALocalParentIsNotRemote) {
  telemetry::Span span = sample_span(sample_resource(1, "shop"));
  span.parent_span_id = {};
  span.parent_is_remote = false;
  span.trace_flags = 0;
  span.status = telemetry::StatusCode::kUnset;
  span.status_message.clear();
  const Request request = parse(encode_spans({span}).at(0));
  const auto& root = request.resource_spans(0).scope_spans(0).spans(0);
  EXPECT_EQ(root.parent_span_id(), "");
  EXPECT_EQ(root.flags(), 0x100u);
  EXPECT_FALSE(root.has_status());
}

TEST(EncodeSpans, OneGroupPerResourceInOrder) {
  const auto shop = sample_resource(1, "shop");
  const auto stock = sample_resource(2, "stock");
  std::vector<telemetry::Span> spans;
  for (int i = 0; i < 6; ++i) {
    spans.push_back(sample_span(i % 3 == 0 ? shop : stock));
    spans.back().name = std::to_string(i);
  }
  const auto payloads = encode_spans(spans);
  ASSERT_EQ(payloads.size(), 1u);
  EXPECT_EQ(payloads[0].items, 6u);
  const Request request = parse(payloads[0]);
  ASSERT_EQ(request.resource_spans_size(), 2);
  const auto names = [&](int group) {
    std::string all;
    for (const auto& span : request.resource_spans(group).scope_spans(0).spans())
      all += span.name();
    return all;
  };
  EXPECT_EQ(names(0), "03");
  EXPECT_EQ(names(1), "1245");
}

TEST(EncodeSpans, TextIsAlwaysValidUtf8) {
  telemetry::Span span = sample_span(sample_resource(1, "sh\xffop"));
  span.name = span.trace_state = span.status_message = "\xff\xc0\xaf";
  span.attributes = {{"\xfe", std::string("\xed\xa0\x80")}};
  span.events = {{"\xff", 1, {}}};
  const Request request = parse(encode_spans({span}).at(0));
  const auto& read = request.resource_spans(0).scope_spans(0).spans(0);
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(read.name(), bad + bad + bad);
  EXPECT_EQ(read.attributes(0).key(), bad);
  EXPECT_EQ(read.attributes(0).value().string_value(), bad + bad + bad);
  EXPECT_EQ(read.events(0).name(), bad);
  EXPECT_EQ(request.resource_spans(0).resource().attributes(0).value().string_value(),
            "sh" + bad + "op");
}

TEST(EncodeSpans, LengthsOfEverySize) {
  for (const size_t size : {0u, 1u, 126u, 127u, 128u, 129u, 16'383u, 16'384u, 100'000u}) {
    telemetry::Span span = sample_span(sample_resource(1, "shop"));
    span.attributes = {{"k", std::string(size, 'x')}};
    const Request request = parse(encode_spans({span}).at(0));
    const auto& read = request.resource_spans(0).scope_spans(0).spans(0);
    EXPECT_EQ(read.attributes(0).value().string_value(), std::string(size, 'x'));
    EXPECT_EQ(read.name(), "GET /items/{id}");
    EXPECT_EQ(read.flags(), 0x301u);
  }
}

TEST(EncodeSpans, LargeBatchesAreSplitAndNothingIsLost) {
  const auto shop = sample_resource(1, "shop");
  const auto stock = sample_resource(2, "stock");
  std::vector<telemetry::Span> spans;
  for (int i = 0; i < 100; ++i) {
    spans.push_back(sample_span(i % 2 == 0 ? shop : stock));
    spans.back().name = std::to_string(i);
    spans.back().attributes = {{"k", std::string(60'000, 'x')}};
  }
  const auto payloads = encode_spans(spans);
  EXPECT_EQ(payloads.size(), 3u);
  std::set<std::string> names;
  uint64_t items = 0;
  for (const Payload& payload : payloads) {
    EXPECT_LT(payload.body.size(), kRequestBytes + 62'000);
    const Request request = parse(payload);
    items += payload.items;
    for (const auto& group : request.resource_spans()) {
      for (const auto& span : group.scope_spans(0).spans()) {
        names.insert(span.name());
        const bool even = std::stoi(span.name()) % 2 == 0;
        EXPECT_EQ(group.resource().attributes(0).value().string_value(), even ? "shop" : "stock");
      }
    }
  }
  EXPECT_EQ(items, 100u);
  EXPECT_EQ(names.size(), 100u);
}

TEST(EncodeSpans, NothingForNoSpans) { EXPECT_EQ(encode_spans({}).size(), 0u); }

}  // namespace
}  // namespace tacit::exporters
