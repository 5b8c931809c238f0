// SPDX-License-Identifier: Apache-2.0
// Feeds an Http1Connection with any sequence of transfers, losses, ends and errors.
//
// Input: one byte of settings, then records of an operation byte, a length (two bytes, big
// endian, the lower 12 bits count) and, where the operation carries text, that many bytes.
// Checked: bounded memory, times in order, nothing left open; and, where nothing was lost and
// nothing was wrong, that cutting every transfer into pieces gives the same exchanges.
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "agent/protocol/http1/http1_connection.h"

namespace {

using tacit::connection::Direction;
using tacit::connection::Role;
using tacit::connection::Transfer;
using tacit::protocol::HttpExchange;
using tacit::protocol::http1::Counters;
using tacit::protocol::http1::ExchangeSink;
using tacit::protocol::http1::Http1Connection;
using tacit::protocol::http1::Options;

void require(bool condition) {
  if (!condition) std::abort();
}

enum class Operation : uint8_t {
  kReceive,
  kSend,
  kLoseReceived,
  kLoseSent,
  kReceiveLength,
  kSendLength,
  kDelay,  // the next transfer is reported after the one behind it
  kRepeat,
  kJump,  // a report from anywhere
  kEnd,
  kError,
  kClose,
};
constexpr uint8_t kOperations = 12;

struct Record {
  Operation operation;
  uint8_t variant;
  uint32_t length;
  std::string_view text;
};

std::vector<Record> read_records(std::string_view input) {
  std::vector<Record> records;
  while (input.size() >= 3) {
    const auto first = static_cast<uint8_t>(input[0]);
    Record r{static_cast<Operation>(first % kOperations),
             static_cast<uint8_t>(first / kOperations),
             static_cast<uint32_t>(
                 (static_cast<uint8_t>(input[1]) << 8 | static_cast<uint8_t>(input[2])) & 0xfff),
             {}};
    input.remove_prefix(3);
    if (r.operation == Operation::kReceive || r.operation == Operation::kSend) {
      r.text = input.substr(0, r.length);
      input.remove_prefix(r.text.size());
    }
    records.push_back(r);
  }
  return records;
}

class Sink : public ExchangeSink {
 public:
  void on_exchange(HttpExchange& e) override {
    require(e.request_first_ns != 0 && !e.method.empty() && !e.target.empty());
    require(e.method.size() <= 32 && e.target.size() <= tacit::protocol::kMaxTargetBytes);
    require(e.end_ns >= e.request_first_ns && e.end_ns >= e.response_last_ns);
    require(e.request_last_ns == 0 || e.request_last_ns >= e.request_first_ns);
    require(e.response_last_ns == 0 || e.response_last_ns >= e.response_first_ns);
    require((e.status == 0) == (e.response_first_ns == 0));
    exchanges.push_back(std::move(e));  // as a real sink may
  }
  std::vector<HttpExchange> exchanges;
};

struct Run {
  Run(uint8_t settings, bool cut_up)
      : cut(cut_up),
        threads(settings & 8),
        http(options, sink, counters, static_cast<Role>(settings % 3), !(settings & 4)) {
    if (settings & 16) http.start_at(position[0], position[1]);
  }

  void report(Transfer t) {
    t.actor = {.pid = 1, .tid = threads ? 1 + ++turn % 2 : 1};
    http.on_transfer(t);
    check();
  }
  void deliver(const Transfer& t) {
    if (!cut) return report(t);
    for (size_t at = 0; at < t.bytes.size();) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      const size_t size = std::min<size_t>(1 + (seed >> 33) % 9, t.bytes.size() - at);
      Transfer piece = t;
      piece.length = static_cast<uint32_t>(size);
      piece.end = t.begin() + static_cast<uint32_t>(at + size);
      piece.bytes = t.bytes.subspan(at, size);
      report(piece);
      at += size;
    }
  }
  Transfer next(Direction d, std::string_view text, uint32_t length) {
    Transfer t;
    t.direction = d;
    t.length = length;
    t.end = position[static_cast<int>(d)] += length;
    t.peer_end = position[static_cast<int>(tacit::connection::opposite(d))];
    t.time_ns = now;
    t.bytes = std::as_bytes(std::span(text.data(), text.size()));
    return t;
  }
  void transfer(const Transfer& t) {
    last = t;
    if (delay) {
      delay = false;
      delayed = t;
      has_delayed = true;
      return;
    }
    deliver(t);
    if (!has_delayed) return;
    has_delayed = false;
    deliver(delayed);
  }

  void play(const Record& r) {
    now += 10;
    const Direction d = r.variant & 1 ? Direction::kSend : Direction::kReceive;
    switch (r.operation) {
      case Operation::kReceive:
        return transfer(next(Direction::kReceive, r.text, static_cast<uint32_t>(r.text.size())));
      case Operation::kSend:
        return transfer(next(Direction::kSend, r.text, static_cast<uint32_t>(r.text.size())));
      case Operation::kLoseReceived:
        position[0] += r.length << (r.variant & 15);
        break;
      case Operation::kLoseSent:
        position[1] += r.length << (r.variant & 15);
        break;
      case Operation::kReceiveLength:
        return transfer(next(Direction::kReceive, "", r.length));
      case Operation::kSendLength:
        return transfer(next(Direction::kSend, "", r.length));
      case Operation::kDelay:
        delay = true;
        break;
      case Operation::kRepeat:
        return deliver(last);
      case Operation::kJump:
        last.end += r.length << r.variant;
        return deliver(last);
      case Operation::kEnd:
        if (r.variant & 2) {
          http.on_end_of_stream(d, now, position[static_cast<int>(d)] + (r.length & 1));
        } else {
          http.on_end_of_stream(d, now);
        }
        break;
      case Operation::kError:
        http.on_error(d, static_cast<int>(r.length % 140), now, {.pid = 1, .tid = 1});
        break;
      case Operation::kClose:
        http.on_close(position[0], position[1] + (r.variant & 2 ? 1 : 0), r.variant & 1,
                      static_cast<int>(r.length % 140), now);
        break;
    }
    check();
  }

  void check() {
    require(http.buffered_bytes() <= tacit::protocol::http1::kMaxBufferedBytes);
    require(http.active_requests() <= tacit::protocol::http1::ExchangeQueue::kMaxOpen);
    for (const Direction d : {Direction::kReceive, Direction::kSend}) {
      const auto skip = http.skip_until(d);
      if (http.is_ignored()) require(!skip);
    }
  }
  void finish() {
    http.finish(now += 10);
    if (!http.is_ignored()) check();
    require(http.active_requests() == 0);
    require(http.buffered_bytes() == 0);
  }
  bool clean() const {
    return counters.gaps + counters.orphan_responses + counters.not_http_connections +
               counters.http2_connections + counters.protocol_errors + counters.head_too_large +
               counters.pipeline_overflows + counters.early_upgrades + counters.stale_transfers +
               counters.resyncs ==
           0;
  }

  const bool cut;
  const bool threads;
  uint32_t turn = 0;
  uint64_t seed = 1;
  uint64_t now = 0;
  uint32_t position[2] = {0xFFFFFF00, 5000};
  bool delay = false;
  bool has_delayed = false;
  Transfer last, delayed;
  Options options{{"x-id", "host"}, {"x-id"}};
  Counters counters;
  Sink sink;
  Http1Connection http;
};

auto all_of(const HttpExchange& e) {
  return std::tie(e.role, e.outcome, e.error_number, e.method, e.target, e.host, e.user_agent,
                  e.traceparent, e.tracestate, e.request_minor_version, e.request_body_bytes,
                  e.request_body_known, e.status, e.response_minor_version, e.response_body_bytes,
                  e.response_body_known, e.upgraded, e.request_headers, e.response_headers,
                  e.request_first_ns, e.request_last_ns, e.response_first_ns, e.response_last_ns,
                  e.end_ns);
}

bool only_text(const std::vector<Record>& records) {
  for (const Record& r : records) {
    if (r.operation != Operation::kReceive && r.operation != Operation::kSend) return false;
    // After a refused expectation, what follows is told by where a transfer begins.
    std::string lower(r.text);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (lower.find("expect") != std::string::npos) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::vector<Record> records =
      read_records({reinterpret_cast<const char*>(data) + 1, size - 1});
  Run whole(data[0], false);
  for (const Record& r : records) whole.play(r);
  whole.finish();

  const bool simple = (data[0] & 12) == 0 && data[0] % 3 != 0 && only_text(records);
  if (!simple) return 0;
  Run pieces(data[0], true);
  for (const Record& r : records) pieces.play(r);
  pieces.finish();
  require(whole.clean() == pieces.clean());
  if (!whole.clean()) return 0;
  require(whole.sink.exchanges.size() == pieces.sink.exchanges.size());
  for (size_t i = 0; i < whole.sink.exchanges.size(); ++i)
    require(all_of(whole.sink.exchanges[i]) == all_of(pieces.sink.exchanges[i]));
  return 0;
}
