// SPDX-License-Identifier: Apache-2.0
#include "agent/config/config_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace tacit::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

class ConfigLoader : public ::testing::Test {
 protected:
  ~ConfigLoader() override {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void yaml(const std::string& text) {
    char name[] = "/tmp/tacit-config-XXXXXX";
    const int fd = ::mkstemp(name);
    ASSERT_GE(fd, 0);
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << text;
    sources_.file = path_;
  }

  void flag(const char* key, const char* text) {
    const Key* row = find_key(key);
    sources_.flags.push_back({row, parse_value(*row, text).value(), std::string(row->flag)});
  }

  Result<Loaded> try_load() {
    std::vector<const char*> pointers;
    for (const auto& entry : variables_) pointers.push_back(entry.c_str());
    pointers.push_back(nullptr);
    sources_.environ = pointers.data();
    return load(sources_);
  }

  Config config() {
    auto loaded = try_load();
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
    return loaded ? loaded->config : Config{};
  }

  // The message without the temporary file's name.
  std::string error() {
    auto loaded = try_load();
    EXPECT_FALSE(loaded.has_value());
    std::string message = loaded ? "" : loaded.error().message;
    if (const size_t at = message.find(path_); !path_.empty() && at != std::string::npos)
      message.replace(at, path_.size(), "FILE");
    return message;
  }

  std::vector<std::string> variables_;
  Sources sources_;
  std::string path_;
};

TEST_F(ConfigLoader, ReadsEveryKindFromYaml) {
  yaml(R"(
service: {name: shop}
selectors:
  - name: billing
    port: [8000, 8001]
    exe: "*/python3*"
  - {pid: 42}
capture: {ring_mib: 16, max_bytes: 4096}
http:
  query: redact
  routes:
    - /items/{id}
    - "/x"
  request_headers:
    - X-Tenant
  response_headers: [ETag]
traces: {sampler: traceidratio, sampler_arg: 0.25}
resource:
  attributes: {deployment.environment: prod, team: a}
export: {console: json, queue_spans: 100, metric_interval: 5s}
otlp:
  endpoint: http://localhost:4318
  headers: {api-key: "s3cret"}
  timeout: 3s
  compression: gzip
  certificate: /ca.pem
prometheus: {enabled: true, host: 0.0.0.0, port: 9999}
metrics: {semconv: both, series_limit: 50}
log: {level: debug}
)");
  const auto c = config();
  EXPECT_EQ(c.service_name, "shop");
  ASSERT_EQ(c.selectors.size(), 2u);
  EXPECT_EQ(c.selectors[0].name, "billing");
  EXPECT_THAT(c.selectors[0].ports, ElementsAre(8000, 8001));
  EXPECT_EQ(c.selectors[0].exe, "*/python3*");
  EXPECT_EQ(c.selectors[1].pid, 42);
  EXPECT_EQ(c.ring_mib, 16u);
  EXPECT_EQ(c.max_capture_bytes, 4096u);
  EXPECT_EQ(c.http_query, QueryPolicy::kRedact);
  EXPECT_THAT(c.http_routes, ElementsAre("/items/{id}", "/x"));
  EXPECT_THAT(c.http_request_headers, ElementsAre("x-tenant"));
  EXPECT_THAT(c.http_response_headers, ElementsAre("etag"));
  EXPECT_EQ(c.sampler.name, "traceidratio");
  EXPECT_EQ(c.sampler.ratio, 0.25);
  EXPECT_THAT(c.resource_attributes,
              ElementsAre(Pair("deployment.environment", "prod"), Pair("team", "a")));
  EXPECT_EQ(c.console, ConsoleFormat::kJson);
  EXPECT_EQ(c.queue_spans, 100u);
  EXPECT_EQ(c.metric_interval, std::chrono::seconds(5));
  for (const auto* otlp : {&c.otlp_traces, &c.otlp_metrics}) {
    EXPECT_EQ(otlp->protocol, OtlpProtocol::kHttpProtobuf);
    EXPECT_THAT(otlp->headers, ElementsAre(Pair("api-key", "s3cret")));
    EXPECT_EQ(otlp->timeout, std::chrono::seconds(3));
    EXPECT_TRUE(otlp->gzip);
    EXPECT_EQ(otlp->certificate, "/ca.pem");
  }
  EXPECT_EQ(c.otlp_traces.endpoint, "http://localhost:4318/v1/traces");
  EXPECT_EQ(c.otlp_metrics.endpoint, "http://localhost:4318/v1/metrics");
  EXPECT_TRUE(c.prometheus);
  EXPECT_EQ(c.prometheus_host, "0.0.0.0");
  EXPECT_EQ(c.prometheus_port, 9999);
  EXPECT_EQ(c.semconv, SemanticConvention::kBoth);
  EXPECT_EQ(c.series_limit, 50u);
  EXPECT_EQ(c.log_level, "debug");
}

TEST_F(ConfigLoader, FlagsWinOverOtelOverTacitOverYaml) {
  yaml("traces: {sampler: always_off}\nlog: {level: debug}\nhttp: {query: redact}\n");
  EXPECT_EQ(config().sampler.name, "always_off");
  variables_ = {"TACIT_TRACES_SAMPLER=traceidratio", "TACIT_LOG_LEVEL=off"};
  EXPECT_EQ(config().sampler.name, "traceidratio");
  variables_.push_back("OTEL_TRACES_SAMPLER=parentbased_always_off");
  EXPECT_EQ(config().sampler.name, "parentbased_always_off");
  flag("traces.sampler", "always_on");
  const auto c = config();
  EXPECT_EQ(c.sampler.name, "always_on");
  EXPECT_EQ(c.log_level, "off");
  EXPECT_EQ(c.http_query, QueryPolicy::kRedact);
}

TEST_F(ConfigLoader, ACommonEndpointFromAboveReplacesASignalsOwnFromBelow) {
  variables_ = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://below:4318/t"};
  EXPECT_EQ(config().otlp_traces.endpoint, "http://below:4318/t");
  flag("otlp.endpoint", "http://above:4317");
  EXPECT_EQ(config().otlp_traces.endpoint, "http://above:4317");
  EXPECT_EQ(config().otlp_metrics.endpoint, "http://above:4317");
}

TEST_F(ConfigLoader, ReadsTheOtelVariables) {
  variables_ = {"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317",
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://m:4318/v1/metrics",
                "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf",
                "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20x,k=v",
                "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=250",
                "OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
                "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION=none",
                "OTEL_RESOURCE_ATTRIBUTES=service.name=mine,service.namespace=n,a=b%20c",
                "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
                "OTEL_TRACES_SAMPLER_ARG=0.5",
                "OTEL_METRIC_EXPORT_INTERVAL=1000",
                "OTEL_BSP_MAX_QUEUE_SIZE=777",
                "OTEL_EXPORTER_PROMETHEUS_HOST=::1",
                "OTEL_EXPORTER_PROMETHEUS_PORT=1234",
                "OTEL_LOG_LEVEL=WARNING",
                "OTEL_SERVICE_NAME=mine"};
  const auto c = config();
  EXPECT_EQ(c.otlp_traces.endpoint, "http://c:4317");
  EXPECT_EQ(c.otlp_traces.protocol, OtlpProtocol::kGrpc);
  EXPECT_EQ(c.otlp_traces.timeout, std::chrono::milliseconds(250));
  EXPECT_TRUE(c.otlp_traces.gzip);
  EXPECT_EQ(c.otlp_metrics.endpoint, "http://m:4318/v1/metrics");
  EXPECT_EQ(c.otlp_metrics.protocol, OtlpProtocol::kHttpProtobuf);
  EXPECT_EQ(c.otlp_metrics.timeout, std::chrono::seconds(10));
  EXPECT_FALSE(c.otlp_metrics.gzip);
  EXPECT_THAT(c.otlp_traces.headers,
              ElementsAre(Pair("authorization", "Bearer x"), Pair("k", "v")));
  EXPECT_THAT(c.resource_attributes, ElementsAre(Pair("a", "b c"), Pair("service.namespace", "n")));
  EXPECT_EQ(c.sampler.name, "parentbased_traceidratio");
  EXPECT_EQ(c.sampler.ratio, 0.5);
  EXPECT_EQ(c.metric_interval, std::chrono::seconds(1));
  EXPECT_EQ(c.queue_spans, 777u);
  EXPECT_EQ(c.prometheus_host, "::1");
  EXPECT_EQ(c.prometheus_port, 1234);
  EXPECT_EQ(c.log_level, "warn");
  EXPECT_EQ(c.service_name, "");
}

TEST_F(ConfigLoader, AnEmptyVariableIsUnset) {
  variables_ = {"TACIT_HTTP_QUERY=", "OTEL_TRACES_SAMPLER=", "OTEL_EXPORTER_OTLP_ENDPOINT="};
  EXPECT_EQ(config().http_query, QueryPolicy::kDrop);
  EXPECT_EQ(config().otlp_traces.endpoint, "");
}

TEST_F(ConfigLoader, ReadsListsPairsAndSelectorsFromVariables) {
  variables_ = {"TACIT_HTTP_ROUTES=/a/{x}, /b", "TACIT_RESOURCE_ATTRIBUTES=a=1",
                "TACIT_SELECTORS=[{port: 80}, {exe: '*/nginx', name: web}]"};
  const auto c = config();
  EXPECT_THAT(c.http_routes, ElementsAre("/a/{x}", "/b"));
  EXPECT_THAT(c.resource_attributes, ElementsAre(Pair("a", "1")));
  ASSERT_EQ(c.selectors.size(), 2u);
  EXPECT_THAT(c.selectors[0].ports, ElementsAre(80));
  EXPECT_EQ(c.selectors[1].exe, "*/nginx");
  EXPECT_EQ(c.selectors[1].name, "web");
}

TEST_F(ConfigLoader, ResourceAttributesAddUpAndListsReplace) {
  yaml("resource: {attributes: {a: low, b: low}}\nhttp: {routes: [/low]}\n");
  variables_ = {"OTEL_RESOURCE_ATTRIBUTES=b=high,c=high", "TACIT_HTTP_ROUTES=/high"};
  EXPECT_THAT(config().resource_attributes,
              ElementsAre(Pair("a", "low"), Pair("b", "high"), Pair("c", "high")));
  EXPECT_THAT(config().http_routes, ElementsAre("/high"));
}

TEST_F(ConfigLoader, ExporterChoice) {
  variables_ = {"OTEL_TRACES_EXPORTER=otlp,console", "OTEL_METRICS_EXPORTER=prometheus"};
  auto c = config();
  EXPECT_EQ(c.otlp_traces.endpoint, "http://localhost:4318/v1/traces");
  EXPECT_EQ(c.otlp_metrics.endpoint, "");
  EXPECT_EQ(c.console, ConsoleFormat::kJson);
  EXPECT_TRUE(c.prometheus);

  variables_ = {"OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none",
                "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317", "TACIT_PROMETHEUS_ENABLED=true"};
  c = config();
  EXPECT_EQ(c.otlp_traces.endpoint, "");
  EXPECT_EQ(c.otlp_metrics.endpoint, "");
  EXPECT_FALSE(c.prometheus);

  variables_ = {"OTEL_TRACES_EXPORTER=zipkin"};
  EXPECT_EQ(error(), "OTEL_TRACES_EXPORTER is \"zipkin\": allowed are otlp, console and none");
}

TEST_F(ConfigLoader, NoDestinationTakesThePurposesOwn) {
  sources_.purpose = Purpose::kExec;
  EXPECT_EQ(config().console, ConsoleFormat::kJson);
  EXPECT_FALSE(config().prometheus);
  sources_.terminal = true;
  EXPECT_EQ(config().console, ConsoleFormat::kText);
  sources_.purpose = Purpose::kRun;
  EXPECT_EQ(config().console, ConsoleFormat::kOff);
  EXPECT_TRUE(config().prometheus);
  EXPECT_EQ(config().prometheus_host, "localhost");
  sources_.purpose = Purpose::kOther;
  EXPECT_EQ(config().console, ConsoleFormat::kOff);
  EXPECT_FALSE(config().prometheus);
}

TEST_F(ConfigLoader, ADestinationSwitchesThePurposesOwnOff) {
  variables_ = {"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317"};
  sources_.purpose = Purpose::kExec;
  EXPECT_EQ(config().console, ConsoleFormat::kOff);
  sources_.purpose = Purpose::kRun;
  EXPECT_FALSE(config().prometheus);
  variables_ = {"TACIT_EXPORT_CONSOLE=off"};
  sources_.purpose = Purpose::kExec;
  EXPECT_EQ(config().console, ConsoleFormat::kOff);
}

TEST_F(ConfigLoader, ConsoleOnFollowsTheTerminal) {
  flag("export.console", "on");
  EXPECT_EQ(config().console, ConsoleFormat::kJson);
  sources_.terminal = true;
  EXPECT_EQ(config().console, ConsoleFormat::kText);
}

TEST_F(ConfigLoader, TheFileMayBeNamedByAVariable) {
  yaml("log: {level: error}\n");
  sources_.file.clear();
  variables_ = {"TACIT_CONFIG=" + path_};
  EXPECT_EQ(config().log_level, "error");
}

TEST_F(ConfigLoader, UnknownVariablesAreWarnedOf) {
  variables_ = {"TACIT_HTTP_QERY=drop", "OTEL_SDK_DISABLED=true", "TACIT_X=1",
                "TACIT_CUPTI_FILE=/a/file"};  // the last is the injected library's
  const auto loaded = try_load();
  ASSERT_TRUE(loaded.has_value());
  EXPECT_THAT(loaded->warnings,
              ElementsAre("the variable TACIT_HTTP_QERY is no setting; did you mean "
                          "TACIT_HTTP_QUERY?",
                          "the variable TACIT_X is no setting"));
  EXPECT_EQ(loaded->notes.size(), 1u);
}

struct BadYaml {
  const char* text;
  const char* message;
};

class BadYamlFile : public ConfigLoader, public ::testing::WithParamInterface<BadYaml> {};

TEST_P(BadYamlFile, IsRefusedWithItsLine) {
  yaml(GetParam().text);
  EXPECT_EQ(error(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadYamlFile,
    ::testing::Values(
        BadYaml{"\nhttp:\n  qery: drop\n",
                "FILE line 3: unknown key http.qery; did you mean http.query?"},
        BadYaml{"htp: {query: drop}\n", "FILE line 1: unknown key htp; did you mean http?"},
        BadYaml{"nothing_like_it: 1\n", "FILE line 1: unknown key nothing_like_it"},
        BadYaml{"http: {query: keep}\n",
                "FILE line 1: http.query is \"keep\": allowed are drop and redact"},
        BadYaml{"http:\n  query: [drop]\n", "FILE line 2: http.query must be a single value"},
        BadYaml{"http: 3\n", "FILE line 1: http must be a section of keys"},
        BadYaml{"http:\n  query: drop\n  query: redact\n", "FILE line 3: the same key twice"},
        BadYaml{"- a\n", "FILE line 1: the file must be a map of sections"},
        BadYaml{"capture: {ring_mib: 3}\n",
                "FILE line 1: capture.ring_mib is \"3\": it must be a power of two from 1 to 1024"},
        BadYaml{"export: {metric_interval: soon}\n",
                "FILE line 1: export.metric_interval is \"soon\": it must be a time such as 500ms, "
                "10s or 5m (a bare number means milliseconds)"},
        BadYaml{"selectors:\n  - prt: 80\n",
                "FILE line 2: a selector has no field prt; did you mean port?"},
        BadYaml{"selectors:\n  - name: all\n",
                "FILE line 2: a selector must be given a condition (port, exe, cmd, pid, cgroup or "
                "container); exe: \"*\" selects everything"},
        BadYaml{"selectors:\n  - port: 70000\n",
                "FILE line 2: port is \"70000\": it must be a number from 1 to 65535"},
        BadYaml{"resource: {attributes: {service.name: x}}\n",
                "FILE line 1: resource.attributes: service.name has its own key, of that name"},
        BadYaml{"a: &x {b: 1}\n", "FILE line 1: anchors (&name) are not supported"},
        BadYaml{"a: !!binary x\n", "FILE line 1: tags (!name) are not supported"},
        BadYaml{"a: 1\n---\nb: 2\n", "FILE: holds more than one document (a line ---)"},
        BadYaml{"a: [[[[[[[[1]]]]]]]]\n", "FILE line 1: nested more than 8 levels deep"}));

TEST_F(ConfigLoader, NestingWithoutEndIsRefused) {
  yaml(std::string(500'000, '['));
  EXPECT_EQ(error(), "FILE line 1: nested more than 8 levels deep");
}

TEST_F(ConfigLoader, AnAliasBombIsRefused) {
  yaml("a: *b\n");
  EXPECT_THAT(error(), HasSubstr("FILE line 1"));
}

TEST_F(ConfigLoader, AHugeFileIsRefused) {
  yaml(std::string((1 << 20) + 1, '#'));
  EXPECT_EQ(error(), "FILE: larger than 1 MiB");
}

TEST_F(ConfigLoader, BrokenYamlNamesTheLine) {
  yaml("http:\n  routes: [/a\n");
  EXPECT_EQ(error(), "FILE line 3: not valid YAML: end of sequence flow not found");
}

TEST_F(ConfigLoader, AnEmptyFileIsFine) {
  yaml("# nothing\n");
  EXPECT_EQ(config().log_level, "info");
  yaml("http:\nservice:\n  name:\n");
  EXPECT_EQ(config().service_name, "");
}

TEST_F(ConfigLoader, AMissingFileIsAnError) {
  sources_.file = "/nonexistent/tacit.yaml";
  EXPECT_EQ(error(),
            "cannot open the configuration /nonexistent/tacit.yaml: No such file or directory");
}

TEST_F(ConfigLoader, ErrorsNameTheVariableAndNeverASecret) {
  variables_ = {"TACIT_HTTP_QUERY=ke\x1b[2Jep"};
  EXPECT_EQ(error(), "TACIT_HTTP_QUERY is \"ke\\x1b[2Jep\": allowed are drop and redact");
  variables_ = {"OTEL_EXPORTER_OTLP_HEADERS=Authorization: Bearer s3cret="};
  EXPECT_THAT(error(), ::testing::AllOf(HasSubstr("OTEL_EXPORTER_OTLP_HEADERS: "),
                                        Not(HasSubstr("s3cret"))));
  variables_ = {"OTEL_EXPORTER_OTLP_ENDPOINT=http://me:s3cret@c:4317"};
  EXPECT_THAT(error(), Not(HasSubstr("s3cret")));
  variables_ = {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json"};
  EXPECT_EQ(error(),
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is \"http/json\": OTLP as JSON is not supported; "
            "allowed are grpc and http/protobuf");
}

}  // namespace
}  // namespace tacit::config
