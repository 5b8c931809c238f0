// SPDX-License-Identifier: Apache-2.0
// What one exchange costs between protocol and exporters: the metrics path (always) and the span
// path (sampled traces only). Also proves the first allocates nothing: `allocs` is per exchange.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "agent/metrics/metrics.h"
#include "agent/semantics/http_semantics.h"
#include "agent/trace/correlator.h"

namespace {

std::atomic<uint64_t> allocations{0};

}  // namespace

// GCC takes the pair for a mismatch where it inlines only one of them.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace tacit {
namespace {

using connection::Role;

connection::Endpoints socket_of(Role role) {
  connection::Endpoints endpoints;
  endpoints.family = connection::Family::kIpv4;
  endpoints.role = role;
  endpoints.local.bytes = {127, 0, 0, 1};
  endpoints.local.port = 8000;
  endpoints.remote.bytes = {127, 0, 0, 1};
  endpoints.remote.port = 40123;
  return endpoints;
}

protocol::HttpExchange exchange_of(Role role, std::string target) {
  protocol::HttpExchange exchange;
  exchange.role = role;
  exchange.outcome = protocol::Outcome::kComplete;
  exchange.method = "GET";
  exchange.target = std::move(target);
  exchange.host = "localhost:8000";
  exchange.user_agent = "python-httpx/0.28.1";
  exchange.status = 200;
  exchange.response_body_bytes = 420;
  exchange.request_first_ns = 1'000'000'000;
  exchange.request_last_ns = 1'000'010'000;
  exchange.response_first_ns = 1'003'000'000;
  exchange.response_last_ns = exchange.end_ns = 1'003'100'000;
  return exchange;
}

metrics::RequestSample sample_of(const semantics::HttpCall& call) {
  metrics::RequestSample sample;
  sample.server = call.kind == telemetry::SpanKind::kServer;
  sample.method = call.method;
  sample.scheme = call.scheme;
  sample.route = call.route;
  sample.status = call.status;
  sample.error_type = call.error_type;
  sample.protocol_version = call.protocol_version;
  sample.server_address = call.server_address;
  sample.server_port = call.server_port;
  sample.duration_ns = call.duration_ns;
  sample.request_body_bytes = call.request_body_bytes;
  sample.response_body_bytes = call.response_body_bytes;
  return sample;
}

telemetry::ResourcePtr resource(uint64_t id, const char* name) {
  telemetry::Resource made;
  made.id = id;
  made.service_name = name;
  made.instance = "host:8000";
  return std::make_shared<const telemetry::Resource>(std::move(made));
}

struct Rooms {
  explicit Rooms(config::SemanticConvention convention = config::SemanticConvention::kStable)
      : config(make_config(convention)),
        http(config),
        metrics(config, resource(1, "tacit"), [] { return metrics::SelfFigures{}; }) {}

  static config::Config make_config(config::SemanticConvention convention) {
    config::Config config;
    config.semconv = convention;
    return config;
  }

  config::Config config;
  semantics::HttpSemantics http;
  metrics::Metrics metrics;
  telemetry::ResourcePtr api = resource(2, "api");
};

void count_allocations(benchmark::State& state, uint64_t before) {
  state.counters["allocs"] =
      benchmark::Counter(static_cast<double>(allocations.load() - before) /
                         static_cast<double>(std::max<int64_t>(state.iterations(), 1)));
}

void describe(benchmark::State& state) {
  Rooms rooms;
  const auto exchange = exchange_of(Role::kServer, "/api/v1/workers/register");
  const auto endpoints = socket_of(Role::kServer);
  rooms.http.describe(exchange, endpoints, 7);
  const uint64_t before = allocations.load();
  for (auto _ : state) benchmark::DoNotOptimize(rooms.http.describe(exchange, endpoints, 7));
  count_allocations(state, before);
}
BENCHMARK(describe);

// Every path another one: the route cache misses, the tree is walked. The exchange itself is warm,
// as it is when it comes from the parser.
void describe_new_paths(benchmark::State& state) {
  Rooms rooms;
  auto exchange = exchange_of(Role::kServer, "/api/v1/operations/op_training_00000000");
  const auto endpoints = socket_of(Role::kServer);
  const auto once = [&] {
    for (auto digit = exchange.target.rbegin(); ++*digit > '9'; ++digit) *digit = '0';
    benchmark::DoNotOptimize(rooms.http.describe(exchange, endpoints, 7));
  };
  once();
  const uint64_t before = allocations.load();
  for (auto _ : state) once();
  count_allocations(state, before);
}
BENCHMARK(describe_new_paths);

void metrics_path(benchmark::State& state, Role role, config::SemanticConvention convention) {
  Rooms rooms(convention);
  const auto exchange = exchange_of(role, "/api/v1/workers/register");
  const auto endpoints = socket_of(role);
  const auto once = [&] {
    rooms.metrics.observe(sample_of(rooms.http.describe(exchange, endpoints, 7)), *rooms.api);
  };
  once();
  const uint64_t before = allocations.load();
  for (auto _ : state) once();
  count_allocations(state, before);
}
BENCHMARK_CAPTURE(metrics_path, server, Role::kServer, config::SemanticConvention::kStable);
BENCHMARK_CAPTURE(metrics_path, client, Role::kClient, config::SemanticConvention::kStable);
BENCHMARK_CAPTURE(metrics_path, server_both, Role::kServer, config::SemanticConvention::kBoth);

void observe(benchmark::State& state) {
  Rooms rooms;
  const auto exchange = exchange_of(Role::kServer, "/api/v1/workers/register");
  const auto sample =
      sample_of(rooms.http.describe(exchange, socket_of(Role::kServer), 7));
  for (auto _ : state) rooms.metrics.observe(sample, *rooms.api);
}
BENCHMARK(observe);

void make_span(benchmark::State& state, Role role) {
  Rooms rooms;
  const auto exchange = exchange_of(role, "/api/v1/workers/register");
  const auto endpoints = socket_of(role);
  const auto call = rooms.http.describe(exchange, endpoints, 7);
  const uint64_t before = allocations.load();
  for (auto _ : state) {
    benchmark::DoNotOptimize(rooms.http.make_span(call, exchange, endpoints, 1'700'000'000));
  }
  count_allocations(state, before);
}
BENCHMARK_CAPTURE(make_span, server, Role::kServer);
BENCHMARK_CAPTURE(make_span, client, Role::kClient);

// From a request's head to its settled place, without and with a call made for it.
void correlate(benchmark::State& state, const char* traceparent) {
  trace::Correlator correlator{trace::IdGenerator()};
  const auto sampler = *trace::Sampler::create({});
  auto exchange = exchange_of(Role::kServer, "/");
  exchange.traceparent = traceparent;
  exchange.request_actor = exchange.request_head_actor = exchange.response_actor = {100, 100, 0, 1};
  const auto endpoints = socket_of(Role::kServer);
  uint64_t now_ns = 1'000'000'000;
  for (auto _ : state) {
    now_ns += 1'000'000;
    const auto place = correlator.served(exchange, {endpoints, 1, 0, 0, {}}, sampler, now_ns);
    correlator.over(place, exchange);
    benchmark::DoNotOptimize(
        correlator.settle(*place, now_ns + trace::Correlator::kJoinNs));
  }
}
BENCHMARK_CAPTURE(correlate, root, "");
BENCHMARK_CAPTURE(correlate, traceparent,
                  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

// A request served by one thread and the call that the thread makes for it.
void correlate_call(benchmark::State& state) {
  trace::Correlator correlator{trace::IdGenerator()};
  const auto sampler = *trace::Sampler::create({});
  const connection::Actor actor{100, 100, 0, 1};
  auto served = exchange_of(Role::kServer, "/");
  auto sent = exchange_of(Role::kClient, "/");
  for (auto* each : {&served, &sent})
    each->request_actor = each->request_head_actor = each->response_actor = actor;
  const auto server = socket_of(Role::kServer);
  const auto client = socket_of(Role::kClient);
  uint64_t now_ns = 1'000'000'000;
  for (auto _ : state) {
    now_ns += 1'000'000;
    ++served.request_begin;
    ++sent.request_begin;
    const auto place = correlator.served(served, {server, 1, 0, 0, {}}, sampler, now_ns);
    const auto call = correlator.sent(sent, {client, 2, 0, 0, {}}, sampler, now_ns);
    correlator.over(call, sent);
    correlator.over(place, served);
    benchmark::DoNotOptimize(correlator.settle(*call, now_ns + trace::Correlator::kJoinNs));
    correlator.expire(now_ns);
  }
}
BENCHMARK(correlate_call);

}  // namespace
}  // namespace tacit

BENCHMARK_MAIN();
