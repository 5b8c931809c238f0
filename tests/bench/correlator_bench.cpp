// SPDX-License-Identifier: Apache-2.0
// What each way to find a parent costs in the agent: one request that is served, the call made for it,
// and what the runtime tells in between, from heads to settled places. `request` and `none` are what
// the same costs without a call and with one whose caller is not known; the difference is the way's.
// measure_strategies.py reads the names.
#include <benchmark/benchmark.h>

#include "agent/trace/correlator.h"
#include "agent/trace/samplers.h"

namespace tacit::trace {
namespace {

using connection::Actor;
using connection::Role;

constexpr uint32_t kPid = 100, kNextPid = 200;
constexpr uint32_t kReader = 101, kOther = 102;
constexpr uint64_t kServed = 1, kCall = 2, kNext = 3;  // sockets
constexpr uint64_t kConnectionTask = 0x1000;
constexpr uint64_t kTurn = uint64_t{1} << 32;
// Calls whose other end is not seen are remembered for 30 s: so many that it is 1,500 of them.
constexpr uint64_t kStepNs = 20'000'000;

connection::Endpoints ends_of(Role role, uint16_t client_port, uint16_t server_port) {
  connection::Endpoints ends;
  ends.family = connection::Family::kIpv4;
  ends.role = role;
  ends.local.bytes = ends.remote.bytes = {127, 0, 0, 1};
  ends.local.port = role == Role::kServer ? server_port : client_port;
  ends.remote.port = role == Role::kServer ? client_port : server_port;
  return ends;
}

protocol::HttpExchange exchange_of(Role role, uint32_t pid, const Actor& actor) {
  protocol::HttpExchange exchange;
  exchange.role = role;
  exchange.method = "GET";
  exchange.target = "/";
  exchange.request_actor = exchange.request_head_actor = exchange.response_actor = actor;
  exchange.request_actor.pid = exchange.request_head_actor.pid = exchange.response_actor.pid = pid;
  return exchange;
}

struct Bench {
  explicit Bench(ProgramTraits traits) {
    correlator.work(kPid).set_traits(traits);
    correlator.work(kNextPid).set_traits(traits);
  }

  PlacePtr serve(const Actor& reader) {
    served = exchange_of(Role::kServer, kPid, reader);
    served.request_begin = ++position;
    return correlator.served(served, {served_ends, kServed, 0, 1, {}}, *sampler, now_ns);
  }
  PlacePtr call(const Actor& caller) {
    sent = exchange_of(Role::kClient, kPid, caller);
    sent.request_begin = position;
    return correlator.sent(sent, {call_ends, kCall, 0, 0, {}}, *sampler, now_ns);
  }
  // The other end of the call, in another process.
  PlacePtr serve_call() {
    next = exchange_of(Role::kServer, kNextPid, {kNextPid, kNextPid, 0, kTurn});
    next.request_begin = position;
    return correlator.served(next, {next_ends, kNext, 0, 1, {}}, *sampler, now_ns);
  }
  void end(const PlacePtr& place, const protocol::HttpExchange& exchange) {
    correlator.over(place, exchange);
    benchmark::DoNotOptimize(correlator.settle(*place, now_ns + Correlator::kJoinNs));
  }
  void expect(benchmark::State& state, Place::Kind kind, ParentSource source) const {
    const auto& counts = correlator.counts()[static_cast<size_t>(kind)];
    if (counts[static_cast<size_t>(source)] < static_cast<uint64_t>(state.iterations()))
      state.SkipWithError("the parents were not found in the way that is measured");
  }

  Correlator correlator{IdGenerator()};
  std::shared_ptr<const Sampler> sampler = std::make_shared<const Sampler>(*Sampler::create({}));
  const connection::Endpoints served_ends = ends_of(Role::kServer, 40001, 8001);
  const connection::Endpoints call_ends = ends_of(Role::kClient, 40002, 8002);
  const connection::Endpoints next_ends = ends_of(Role::kServer, 40002, 8002);
  protocol::HttpExchange served, sent, next;
  uint32_t position = 0;
  uint64_t now_ns = 1'000'000'000;
};

constexpr ProgramTraits kPython = {.threads_started_for_work = true};
constexpr ProgramTraits kEventLoop = {.calls_in_turn = true};

void request(benchmark::State& state) {
  Bench bench(kPython);
  for (auto _ : state) {
    bench.now_ns += kStepNs;
    bench.end(bench.serve({kPid, kReader, 0, kTurn}), bench.served);
    bench.correlator.expire(bench.now_ns);
  }
}
BENCHMARK(request);

// `between` is told what happens between request and call, and returns who calls.
template <typename Between>
void call(benchmark::State& state, ProgramTraits traits, ParentSource source, uint64_t reader_task,
          Between between) {
  Bench bench(traits);
  const Actor reader{kPid, kReader, reader_task, kTurn};
  for (auto _ : state) {
    bench.now_ns += kStepNs;
    const auto place = bench.serve(reader);
    const auto made = bench.call(between(bench, reader));
    bench.correlator.over(made, bench.sent);
    bench.end(place, bench.served);
    benchmark::DoNotOptimize(
        bench.correlator.settle(*made, bench.now_ns + Correlator::kJoinNs));
    bench.correlator.expire(bench.now_ns);
  }
  bench.expect(state, Place::Kind::kCall, source);
}

void none(benchmark::State& state) {
  call(state, kPython, ParentSource::kNone, 0,
       [](Bench&, const Actor&) { return Actor{kPid, kOther, 0, kTurn}; });
}
BENCHMARK(none);

void thread(benchmark::State& state) {
  call(state, kPython, ParentSource::kThread, 0,
       [](Bench&, const Actor& reader) { return reader; });
}
BENCHMARK(thread);

void thread_start(benchmark::State& state) {
  call(state, kPython, ParentSource::kThreadStart, 0, [](Bench& bench, const Actor& reader) {
    bench.correlator.work(kPid).thread_started(reader, kOther);
    return Actor{kPid, kOther, 0, kTurn};
  });
}
BENCHMARK(thread_start);

void callback(benchmark::State& state) {
  uint64_t turn = kTurn;
  Bench bench(kEventLoop);
  for (auto _ : state) {
    bench.now_ns += kStepNs;
    const Actor loop{kPid, kReader, 0, ++turn};
    const auto place = bench.serve(loop);
    const auto made = bench.call(loop);
    bench.correlator.over(made, bench.sent);
    bench.end(place, bench.served);
    benchmark::DoNotOptimize(
        bench.correlator.settle(*made, bench.now_ns + Correlator::kJoinNs));
    bench.correlator.expire(bench.now_ns);
  }
  bench.expect(state, Place::Kind::kCall, ParentSource::kCallback);
}
BENCHMARK(callback);

// A new task out of the connection's; its number comes back as addresses do.
Actor start_task(Bench& bench, const Actor& reader) {
  const uint64_t task = 0x10000 + (bench.position % 1000) * 64;
  bench.correlator.work(kPid).task_started(reader, reader.task, task, bench.now_ns);
  return {kPid, kReader, task, kTurn};
}

void task(benchmark::State& state) {
  call(state, kPython, ParentSource::kTask, kConnectionTask, start_task);
}
BENCHMARK(task);

void claim(benchmark::State& state) {
  call(state, kPython, ParentSource::kClaim, kConnectionTask,
       [](Bench& bench, const Actor& reader) {
         bench.correlator.work(kPid).socket_claimed(start_task(bench, reader), kCall);
         return Actor{kPid, kOther, 0, kTurn};
       });
}
BENCHMARK(claim);

void work(benchmark::State& state) {
  call(state, kPython, ParentSource::kWork, kConnectionTask,
       [](Bench& bench, const Actor& reader) {
         const uint64_t item = 0x90000 + (bench.position % 1000) * 64;
         bench.correlator.work(kPid).work_given(start_task(bench, reader), item);
         bench.correlator.work(kPid).work_taken(kOther, item);
         return Actor{kPid, kOther, 0, kTurn};
       });
}
BENCHMARK(work);

// The call's other end is seen, too: two requests and the call between them.
void socket(benchmark::State& state) {
  Bench bench(kPython);
  for (auto _ : state) {
    bench.now_ns += kStepNs;
    const auto place = bench.serve({kPid, kReader, 0, kTurn});
    const auto made = bench.call({kPid, kOther, 0, kTurn});
    const auto other_end = bench.serve_call();
    bench.correlator.over(other_end, bench.next);
    bench.correlator.over(made, bench.sent);
    bench.end(place, bench.served);
    benchmark::DoNotOptimize(
        bench.correlator.settle(*made, bench.now_ns + Correlator::kJoinNs));
    benchmark::DoNotOptimize(
        bench.correlator.settle(*other_end, bench.now_ns + Correlator::kJoinNs));
    bench.correlator.expire(bench.now_ns);
  }
  bench.expect(state, Place::Kind::kServer, ParentSource::kSocket);
}
BENCHMARK(socket);

// Most tasks that start never call anybody.
void task_started(benchmark::State& state) {
  Bench bench(kPython);
  const Actor reader{kPid, kReader, kConnectionTask, kTurn};
  const auto place = bench.serve(reader);
  for (auto _ : state) {
    ++bench.position;
    benchmark::DoNotOptimize(start_task(bench, reader));
  }
}
BENCHMARK(task_started);

}  // namespace
}  // namespace tacit::trace

BENCHMARK_MAIN();
