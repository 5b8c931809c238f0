// SPDX-License-Identifier: Apache-2.0
// An HTTP request and what became of it: the product of the protocol room.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/connection/connection.h"

namespace tacit::protocol {

// How an exchange ended. Only what was seen: an end that was not seen is kUnknown.
enum class Outcome : uint8_t {
  kComplete,         // the response was seen to its end (the request too, unless it was answered early)
  kUnknown,          // bytes were missed, or the agent stopped first: status 0 = not seen
  kNoResponse,       // the stream ended in order, without a response
  kReset,            // the socket failed: error_number says how
  kClientAborted,    // server side: the peer closed before its response was whole
  kProtocolError,    // what came back was no HTTP
  kTruncated,        // the stream ended in order after the response's head, before its end
};

struct HttpExchange {
  connection::Role role = connection::Role::kUnknown;  // kServer: the observed process answered
  Outcome outcome = Outcome::kUnknown;
  int error_number = 0;  // errno of a kReset

  // Request
  std::string method;   // as sent, at most 32 bytes
  std::string target;   // request-target as sent, cut at kMaxTargetBytes
  std::string host;     // Host header
  std::string user_agent;
  std::string traceparent;
  std::string tracestate;
  int request_minor_version = 1;  // HTTP/1.x
  uint64_t request_body_bytes = 0;
  bool request_body_known = true;  // false: bytes were missed and the length could not be told

  // Response
  int status = 0;  // 0: no response head was seen
  int response_minor_version = 1;
  uint64_t response_body_bytes = 0;
  bool response_body_known = true;
  bool upgraded = false;  // 101, or 2xx to CONNECT: what follows on the connection is not HTTP

  // Headers the configuration names, lower-case name → values as sent. Usually empty.
  std::vector<std::pair<std::string, std::string>> request_headers;
  std::vector<std::pair<std::string, std::string>> response_headers;

  // CLOCK_MONOTONIC. First and last byte of each, as the observed process sent or received them;
  // 0: not seen.
  uint64_t request_first_ns = 0;
  uint64_t request_last_ns = 0;
  uint64_t response_first_ns = 0;
  uint64_t response_last_ns = 0;
  uint64_t end_ns = 0;  // when it was over, whatever the outcome

  connection::Actor request_actor;   // who read (server) or wrote (client) the first byte
  connection::Actor request_head_actor;  // the same of the transfer that completed the head
  connection::Actor response_actor;
  // Where the request's first byte lies in its direction of the connection: the same number at both
  // ends.
  uint32_t request_begin = 0;

  // Its place in a trace: made by who receives on_request(), only kept here.
  std::shared_ptr<void> place;
};

inline constexpr size_t kMaxTargetBytes = 8192;

}  // namespace tacit::protocol
