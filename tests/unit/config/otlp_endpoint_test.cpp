// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/config/config_draft.h"

namespace tacit::config {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* endpoint;
  std::optional<OtlpProtocol> protocol;
  const char* traces;  // resolved
  OtlpProtocol speaks;
};

class CommonEndpoint : public ::testing::TestWithParam<Case> {};

TEST_P(CommonEndpoint, Resolves) {
  Draft draft;
  draft.otlp.endpoint = GetParam().endpoint;
  draft.otlp.protocol = GetParam().protocol;
  const auto out = resolve_otlp(draft, Signal::kTraces);
  ASSERT_TRUE(out.has_value()) << out.error().message;
  EXPECT_EQ(out->endpoint, GetParam().traces);
  EXPECT_EQ(out->protocol, GetParam().speaks);
}

constexpr auto kGrpc = OtlpProtocol::kGrpc;
constexpr auto kHttp = OtlpProtocol::kHttpProtobuf;

INSTANTIATE_TEST_SUITE_P(
    Table, CommonEndpoint,
    ::testing::Values(
        Case{"http://localhost:4317", {}, "http://localhost:4317", kGrpc},
        Case{"http://localhost:4318", {}, "http://localhost:4318/v1/traces", kHttp},
        Case{"http://localhost:4318/", {}, "http://localhost:4318/v1/traces", kHttp},
        Case{"HTTPS://c.example/otlp/", {}, "https://c.example/otlp/v1/traces", kHttp},
        Case{"https://c.example", kHttp, "https://c.example/v1/traces", kHttp},
        Case{"https://c.example", {}, "https://c.example:4317", kGrpc},
        Case{"http://[::1]", kGrpc, "http://[::1]:4317", kGrpc},
        Case{"http://[::1]:9", kGrpc, "http://[::1]:9", kGrpc},
        Case{"http://localhost:4318", kGrpc, "http://localhost:4318", kGrpc}));

TEST(OtlpEndpoint, ASignalsOwnIsUsedAsItIs) {
  Draft draft;
  draft.otlp.endpoint = "http://a:4318";
  draft.otlp_traces.endpoint = "http://b:4318/custom";
  draft.otlp_metrics.endpoint = "http://c:4318";
  EXPECT_EQ(resolve_otlp(draft, Signal::kTraces)->endpoint, "http://b:4318/custom");
  EXPECT_EQ(resolve_otlp(draft, Signal::kMetrics)->endpoint, "http://c:4318/");
}

TEST(OtlpEndpoint, NothingGivenIsNotExported) {
  EXPECT_EQ(resolve_otlp(Draft{}, Signal::kTraces)->endpoint, "");
}

TEST(OtlpEndpoint, WantedWithoutAnEndpointTakesTheSpecifiedDefault) {
  Draft draft;
  draft.otlp_traces.wanted = true;
  EXPECT_EQ(resolve_otlp(draft, Signal::kTraces)->endpoint, "http://localhost:4318/v1/traces");
  EXPECT_EQ(resolve_otlp(draft, Signal::kMetrics)->endpoint, "");
  draft.otlp.protocol = kGrpc;
  EXPECT_EQ(resolve_otlp(draft, Signal::kTraces)->endpoint, "http://localhost:4317");
}

TEST(OtlpEndpoint, WithoutASchemeInsecureDecides) {
  Draft draft;
  draft.otlp.endpoint = "collector";
  EXPECT_THAT(resolve_otlp(draft, Signal::kTraces).error().message, HasSubstr("http://"));
  draft.otlp.insecure = true;
  EXPECT_EQ(resolve_otlp(draft, Signal::kTraces)->endpoint, "http://collector:4317");
  draft.otlp.insecure = false;
  draft.otlp.protocol = kHttp;
  EXPECT_EQ(resolve_otlp(draft, Signal::kTraces)->endpoint, "https://collector:4318/v1/traces");
}

TEST(OtlpEndpoint, ClientCertificateAndKeyNeedEachOther) {
  Draft draft;
  draft.otlp.client_certificate = "/c.pem";
  EXPECT_THAT(resolve_otlp(draft, Signal::kTraces).error().message, HasSubstr("client_key"));
}

TEST(OtlpEndpoint, RefusesWhatIsNoEndpoint) {
  for (const char* text : {"", "http://", "ftp://a:1", "http://a:0", "http://a:65536", "http://a:b",
                           "http://a b:1", "http://::1:4317", "http://a\n:1", "http://a:1?x"})
    EXPECT_FALSE(parse_endpoint(text).has_value()) << text;
  EXPECT_THAT(parse_endpoint("http://user:pw@a:1").error().message,
              ::testing::Not(HasSubstr("pw")));
}

}  // namespace
}  // namespace tacit::config
