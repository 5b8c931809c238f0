// SPDX-License-Identifier: Apache-2.0
// HTTP/1.0 and 1.1 on one stream socket: transfers in, exchanges out. One per connection, owned by
// the pipeline, loop thread. No operating system, no clock; hostile input safe; buffers only heads
// that are not complete and transfers that must wait (at most kMaxBufferedBytes, usually nothing).
//
// The rules
//  Order. A transfer that begins beyond the expected position leaves a hole. A hole inside a body
//   of known span is counted by position and harms nothing. Any other hole is a gap at once while a
//   single thread has used the connection; once several have, the transfer waits for one more call:
//   one that fills the hole, or else the hole is a gap.
//  Gap. That direction forgets the message it was in (an exchange whose response it was leaves as
//   kUnknown with what was seen) and looks for a transfer that begins with a message head.
//  Pairing. While nothing was missed, responses answer requests in order. After a gap, or when
//   joined in mid-stream, the first pairing must be certain by positions, which hold for peers that
//   wait for one answer before the next request: the sample that a *receive* took of the other
//   direction is exact, because what the receive caused comes later. So a server's response at
//   position p answers the request that was read when p bytes were sent; a client's response that
//   was read when w bytes were written answers the request that ends at w. Requests without such a
//   response leave as kUnknown, responses without such a request are counted as orphans. A
//   connection that has pipelined and missed bytes pairs no more: its requests leave as kUnknown.
//   (Where a loss hides all pipelining that there was, it cannot be told from such waiting.)
//  Client race. A response may be reported before its request (two threads). While bytes that were
//   written by then have not been reported, the response waits (64 KiB).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/connection/byte_stream.h"
#include "agent/connection/connection.h"
#include "agent/protocol/exchange.h"
#include "agent/protocol/http1/body.h"
#include "agent/protocol/http1/exchange_queue.h"
#include "agent/protocol/http1/head_parser.h"
#include "agent/protocol/http1/start_line.h"

namespace tacit::protocol::http1 {

struct Options {
  // Lower-case names of the headers to keep.
  std::vector<std::string> request_headers;
  std::vector<std::string> response_headers;
};

class ExchangeSink {
 public:
  virtual ~ExchangeSink() = default;
  // A request's head is complete. Exactly one on_exchange() of it follows. May set its place. Must
  // not call the connection.
  virtual void on_request(HttpExchange& /*exchange*/) {}
  // May move the strings out; the object is used again afterwards. Must not call the connection.
  virtual void on_exchange(HttpExchange& exchange) = 0;
};

// Shared by all connections, owned by the pipeline.
struct Counters {
  uint64_t gaps = 0;                  // holes that broke a direction's synchronisation
  uint64_t resyncs = 0;               // message heads found after a gap or a join in mid-stream
  uint64_t orphan_responses = 0;      // responses without a request that is certain
  uint64_t not_http_connections = 0;  // ignored: something else is spoken there
  uint64_t http2_connections = 0;     // ignored: the HTTP/2 preface came
  uint64_t upgraded_connections = 0;  // ignored after 101 or a 2xx to CONNECT
  uint64_t early_upgrades = 0;        // a client went on in another protocol before the answer came
  uint64_t protocol_errors = 0;       // messages that are no HTTP, or framed against the rules
  uint64_t head_too_large = 0;        // heads beyond kMaxHeadBytes
  uint64_t pipeline_overflows = 0;    // ignored: more requests waiting than are remembered
  uint64_t stale_transfers = 0;       // held nothing new
  uint64_t reordered_transfers = 0;   // came late and filled a hole
};

inline constexpr size_t kMaxHeadBytes = 96 * 1024;
inline constexpr size_t kMaxBufferedBytes = 160 * 1024;

class Http1Connection {
 public:
  using Direction = connection::Direction;
  using Role = connection::Role;
  using Transfer = connection::Transfer;

  // options, sink and counters must outlive it. from_start: no byte was missed before the first
  // transfer.
  Http1Connection(const Options& options, ExchangeSink& sink, Counters& counters, Role role,
                  bool from_start);
  Http1Connection(const Http1Connection&) = delete;
  Http1Connection& operator=(const Http1Connection&) = delete;

  // Both directions' positions before the first transfer, where known: a loss of the very first
  // bytes is noticed then. To be called first, if at all.
  void start_at(uint32_t receive_position, uint32_t send_position);

  void on_transfer(const Transfer& transfer);

  // A receive returned 0, or our own FIN (kSend). `position`: where the stream ended, if known (it
  // may count the FIN as one); bytes missing up to there are noticed before anything is concluded.
  void on_end_of_stream(Direction direction, uint64_t time_ns,
                        std::optional<uint32_t> position = std::nullopt);

  // A call failed for good. Errors that are not the stream's end (EAGAIN, EINTR …) are ignored.
  void on_error(Direction direction, int error_number, uint64_t time_ns, connection::Actor actor);

  // Nothing more will come. positions_known: the final positions (each may count a FIN), which
  // explain bytes that were never reported. error_number: what the socket carries, 0 = none.
  void on_close(uint32_t receive_position, uint32_t send_position, bool positions_known,
                int error_number, uint64_t time_ns);

  // The agent stops, or the process died: what is open leaves as kUnknown.
  void finish(uint64_t time_ns);

  Role role() const { return role_; }
  bool is_http() const { return http_seen_; }   // a whole head was seen
  bool is_ignored() const { return ignored_; }  // will never give another exchange: mute it
  size_t active_requests() const { return queue_.size(); }

  // Transfers of this direction that end at or before the returned position need not be reported
  // at all. The last byte of a body is never among them, since its time matters. At most 1 GiB
  // ahead: ask again after each transfer.
  std::optional<uint32_t> skip_until(Direction direction) const;

  size_t buffered_bytes() const;

 private:
  enum class State : uint8_t {
    kHead,       // at a message's beginning, or in its head
    kBody,       // in the body of a message
    kMaybeBody,  // request only: its body, or the next request (its Expect was refused)
    kSeek,       // lost: looks for a head where a transfer begins
    kStopped,    // nothing more can be understood, all is passed over
  };

  // One direction.
  struct Side {
    connection::ByteStream stream;
    State state = State::kHead;
    bool head_lost = false;  // bytes were missed where a message may have begun
    bool ended = false;      // its end of stream was reported
    bool forced = false;     // what was held is let go whether or not its request came
    Start start = Start::kMaybe;
    StartLine line;
    HeadEnd head_end;
    std::string pending;  // a head that is not complete
    Body body;
    // Of the message being read: its first byte, and the last transfer so far.
    uint32_t first_position = 0;
    uint32_t inserted = 0;  // in front of that, and its message's too
    uint32_t first_peer_end = 0;
    connection::Actor first_actor;
    connection::Actor last_actor;  // of its head's last transfer
    uint64_t first_ns = 0;
    uint64_t last_ns = 0;
    // Where its last message that belongs to an exchange for certain ended.
    std::optional<uint32_t> certain_end;
  };

  Side& side(Direction direction) { return sides_[static_cast<size_t>(direction)]; }
  const Side& side(Direction direction) const { return sides_[static_cast<size_t>(direction)]; }
  Direction request_direction() const {
    return role_ == Role::kServer ? Direction::kReceive : Direction::kSend;
  }
  Side& requests() { return side(request_direction()); }
  Side& responses() { return side(connection::opposite(request_direction())); }
  bool is_request_side(const Side& s) const {
    return role_ != Role::kUnknown && &s == &side(request_direction());
  }
  bool is_response_side(const Side& s) const {
    return role_ != Role::kUnknown && &s != &side(request_direction());
  }

  // http1_connection.cpp: order, gaps, ends.
  uint32_t first_position(const Side& s, const Transfer& transfer);
  bool recognise(const Side& s, const Transfer& transfer);
  void order(Side& s, const Transfer& transfer);
  void order_held(Side& s, Transfer transfer);
  bool has_hole(const Side& s) const;
  void hold(Side& s, const Transfer& transfer);
  void let_go(Side& s, bool over_holes);
  void let_go_all();
  void deliver(Side& s, const Transfer& transfer);
  bool deliver_bytes(Side& s, const Transfer& transfer);
  void gap(Side& s, uint64_t bytes);
  void settle(Side& s, uint32_t position, uint64_t time_ns);
  void end_requests();
  void end_responses(uint64_t time_ns);
  void fail(int error_number, uint64_t time_ns);
  void emit_all(Outcome outcome, Outcome cut, int error_number, uint64_t time_ns);
  void close();

  // http1_messages.cpp: heads and bodies.
  static constexpr size_t kWait = static_cast<size_t>(-1);
  Expect expectation(const Side& s) const;
  bool must_wait(const Side& s, const Transfer& transfer) const;
  bool seek(Side& s, std::string_view text);
  size_t take_head(Side& s, const Transfer& transfer, std::string_view text);
  size_t begin_head(Side& s, const Transfer& transfer, std::string_view text);
  size_t continue_head(Side& s, const Transfer& transfer, std::string_view text);
  bool store_head(Side& s, std::string_view text);
  void finish_head(Side& s, std::string_view head, const Transfer& transfer);
  void wrong_start(Side& s);
  void head_too_large(Side& s);
  size_t take_body(Side& s, const Transfer& transfer, std::string_view text);
  void note_body(Side& s);
  void end_body(Side& s, uint32_t end);
  void wrong_framing(Side& s);
  void lose(Side& s);

  // http1_pairing.cpp: exchanges.
  void request_head(Side& s, std::string_view head, uint32_t peer_end);
  void fill_request(OpenExchange& open, const Side& s, std::string_view head);
  void start_request_body(Side& s, OpenExchange& open);
  void notice_pipelining(const OpenExchange& open);
  void response_head(Side& s, std::string_view head);
  OpenExchange* match_response(const Side& s);
  OpenExchange* match_by_position(const Side& s);
  void fill_response(OpenExchange& open, const Side& s);
  void start_response_body(Side& s, OpenExchange& open, uint32_t head_end);
  void request_over(OpenExchange& open);
  void request_whole(OpenExchange& open, uint32_t end, uint64_t time_ns);
  void response_whole(OpenExchange& open, uint64_t time_ns);
  void emit_finished();
  void emit(Outcome outcome, uint64_t end_ns, int error_number = 0);
  void give_up_pairing();
  void responses_may_be_lost();
  void responses_may_be_lost(uint32_t position, uint32_t peer_end);
  void ignore(uint64_t& counter);

  const KeptNames kept_request_;
  const KeptNames kept_response_;
  ExchangeSink& sink_;
  Counters& counters_;
  Role role_;
  bool from_start_;
  bool http_seen_ = false;
  bool ignored_ = false;
  bool closed_ = false;
  bool uncertain_;              // the next pairing must be certain by positions
  bool pipelined_ = false;      // a request was sent before the one before was answered
  bool pairing_lost_ = false;   // both at once
  bool request_open_ = false;   // the queue's last request is still being read
  bool response_open_ = false;  // the queue's first response is being read
  bool peer_ended_ = false;     // a receive returned 0 before our own end
  bool several_threads_ = false;
  uint32_t thread_ = 0;
  uint32_t turns_ = 0;  // changes of direction while no HTTP was seen
  uint32_t response_errors_ = 0;
  int send_error_ = 0;  // of a client; its response may still be read
  Direction last_direction_ = Direction::kReceive;
  HeadFields fields_;
  ExchangeQueue queue_;
  Side sides_[2];
};

}  // namespace tacit::protocol::http1
