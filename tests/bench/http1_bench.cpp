// SPDX-License-Identifier: Apache-2.0
// What the protocol room costs per exchange. `allocs` is per exchange, in steady state.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include "agent/protocol/http1/http1_connection.h"

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

namespace tacit::protocol::http1 {
namespace {

using connection::Direction;
using connection::Role;
using connection::Transfer;

// 99 bytes, as wrk or a small client sends them.
constexpr std::string_view kRequest =
    "GET /api/orders/7?verbose=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: bench/1.0\r\n"
    "Accept: */*\r\n\r\n";
// 251 bytes with its body, as nginx sends a small static file.
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
    "Content-Type: text/html\r\nContent-Length: 14\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT"
    "\r\nConnection: keep-alive\r\nETag: \"6592b180-e\"\r\nAccept-Ranges: bytes\r\n\r\nHello, "
    "world!!";

class CountingSink : public ExchangeSink {
 public:
  void on_exchange(HttpExchange& exchange) override {
    complete += exchange.outcome == Outcome::kComplete;
    benchmark::DoNotOptimize(exchange);
  }
  uint64_t complete = 0;
};

struct Stream {
  uint32_t positions[2] = {0, 0};
  uint64_t now = 0;

  Transfer next(Direction d, std::string_view text) {
    Transfer t;
    t.direction = d;
    t.length = static_cast<uint32_t>(text.size());
    t.end = positions[static_cast<int>(d)] += t.length;
    t.peer_end = positions[static_cast<int>(connection::opposite(d))];
    t.time_ns = ++now;
    t.actor = {.pid = 1, .tid = 1};
    t.bytes = std::as_bytes(std::span(text.data(), text.size()));
    return t;
  }
};

void exchange(benchmark::State& state, Role role, std::string_view response_head,
              std::string_view response_rest) {
  const Options options;
  CountingSink sink;
  Counters counters;
  Stream stream;
  Http1Connection http(options, sink, counters, role, true);
  const Direction out = role == Role::kServer ? Direction::kReceive : Direction::kSend;
  const Direction back = connection::opposite(out);
  const auto one = [&] {
    http.on_transfer(stream.next(out, kRequest));
    http.on_transfer(stream.next(back, response_head));
    if (!response_rest.empty()) http.on_transfer(stream.next(back, response_rest));
  };
  for (int i = 0; i < 100; ++i) one();
  const uint64_t before = allocations.load(std::memory_order_relaxed);
  for (auto _ : state) one();
  const uint64_t after = allocations.load(std::memory_order_relaxed);
  const auto exchanges = static_cast<double>(state.iterations());
  state.counters["allocs"] = static_cast<double>(after - before) / exchanges;
  if (sink.complete != static_cast<uint64_t>(state.iterations()) + 100)
    state.SkipWithError("not every exchange was complete");
}

void keep_alive_server(benchmark::State& state) { exchange(state, Role::kServer, kResponse, ""); }
void keep_alive_client(benchmark::State& state) { exchange(state, Role::kClient, kResponse, ""); }
void head_and_body_apart(benchmark::State& state) {
  exchange(state, Role::kServer, kResponse.substr(0, kResponse.size() - 14),
           kResponse.substr(kResponse.size() - 14));
}
void head_in_two_pieces(benchmark::State& state) {
  exchange(state, Role::kServer, kResponse.substr(0, 100), kResponse.substr(100));
}
void chunked_response(benchmark::State& state) {
  exchange(state, Role::kServer,
           "HTTP/1.1 200 OK\r\nserver: uvicorn\r\ncontent-type: application/json\r\n"
           "Transfer-Encoding: chunked\r\n\r\n",
           "1a\r\n{\"id\": 7, \"state\": \"done\"}\r\n0\r\n\r\n");
}
BENCHMARK(keep_alive_server);
BENCHMARK(keep_alive_client);
BENCHMARK(head_and_body_apart);
BENCHMARK(head_in_two_pieces);
BENCHMARK(chunked_response);

// A connection's whole life: made, one exchange, closed.
void connection_each(benchmark::State& state) {
  const Options options;
  CountingSink sink;
  Counters counters;
  const uint64_t before = allocations.load(std::memory_order_relaxed);
  for (auto _ : state) {
    Stream stream;
    Http1Connection http(options, sink, counters, Role::kServer, true);
    http.on_transfer(stream.next(Direction::kReceive, kRequest));
    http.on_transfer(stream.next(Direction::kSend, kResponse));
    http.on_close(stream.positions[0], stream.positions[1], true, 0, ++stream.now);
  }
  const uint64_t after = allocations.load(std::memory_order_relaxed);
  state.counters["allocs"] =
      static_cast<double>(after - before) / static_cast<double>(state.iterations());
  state.counters["bytes"] = sizeof(Http1Connection);
}
BENCHMARK(connection_each);

}  // namespace
}  // namespace tacit::protocol::http1

BENCHMARK_MAIN();
