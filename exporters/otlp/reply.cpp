// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "agent/base/log.h"
#include "exporters/otlp/proto_reader.h"

namespace tacit::exporters {
namespace {

using std::chrono::milliseconds;
using Outcome = Attempt::Outcome;

constexpr std::string_view kGrpcPort = "an OTLP/gRPC port (usually 4317)";
constexpr std::string_view kHttpPort = "an OTLP/HTTP port (usually 4318)";
constexpr size_t kShownBytes = 200;          // of a server's own words
constexpr int64_t kLongestSeconds = 86'400;  // beyond this a server's figure is taken as one day

Attempt passing(std::string message, std::optional<milliseconds> retry_after = {}) {
  return {Outcome::kRetry, 0, retry_after, std::move(message)};
}
Attempt permanent(std::string message) {
  return {Outcome::kPermanent, 0, std::nullopt, std::move(message)};
}

// Settings that are wrong stay wrong; all else that happens to a connection may pass.
bool is_passing(CURLcode fault) {
  switch (fault) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return false;
    default:
      return true;
  }
}

// What a wrong port looks like from here: the other protocol's server is listening.
bool looks_like_another_protocol(CURLcode fault) {
  return fault == CURLE_HTTP2 || fault == CURLE_HTTP2_STREAM || fault == CURLE_GOT_NOTHING ||
         fault == CURLE_RECV_ERROR || fault == CURLE_UNSUPPORTED_PROTOCOL;
}

Attempt read_fault(const HttpReply& reply, std::string_view where, std::string_view right_port) {
  std::string message =
      fmt::format("cannot send to {}: {}", where, log::escape(reply.fault_text, kShownBytes));
  if (reply.fault == CURLE_COULDNT_CONNECT) message += "; is a collector listening there?";
  if (looks_like_another_protocol(reply.fault)) {
    message += fmt::format("; is this {}?", right_port);
  } else if (!is_passing(reply.fault)) {
    message += "; check the endpoint and the certificate settings";
  }
  return is_passing(reply.fault) ? passing(std::move(message)) : permanent(std::move(message));
}

std::string with_words(std::string message, std::string_view words) {
  if (!words.empty()) message += fmt::format(" ('{}')", log::escape(words, kShownBytes));
  return message;
}

// ExportTracePartialSuccess and ExportMetricsPartialSuccess have the same fields.
Attempt read_partial_success(std::string_view response, std::string_view where) {
  Attempt attempt;
  std::string_view words;
  ProtoReader reader(response);
  for (ProtoReader::Field field; reader.next(field);) {
    if (field.number != 1 || field.wire_type != 2) continue;
    ProtoReader partial(field.bytes);
    for (ProtoReader::Field inner; partial.next(inner);) {
      if (inner.number == 1 && inner.wire_type == 0) {
        const auto rejected = static_cast<int64_t>(inner.integer);
        attempt.failed = rejected > 0 ? static_cast<uint64_t>(rejected) : 0;
      }
      if (inner.number == 2 && inner.wire_type == 2) words = inner.bytes;
    }
  }
  if (attempt.failed > 0) {
    attempt.message = with_words(fmt::format("{} rejected a part of a batch", where), words);
  } else if (!words.empty()) {
    attempt.message = with_words(fmt::format("{} warns", where), words);
  }
  return attempt;
}

std::string http_hint(const HttpReply& reply) {
  switch (reply.status) {
    case 401:
    case 403:
      return "; check the credentials in the OTLP headers";
    case 404:
    case 405:
      return "; check the endpoint's path: OTLP over HTTP wants /v1/traces or /v1/metrics";
    case 413:
      return "; raise the size that the server accepts";
    default:
      break;
  }
  if (reply.status >= 300 && reply.status < 400) {
    return fmt::format("; redirects are not followed: set the endpoint to '{}'",
                       log::escape(reply.location));
  }
  return "";
}

constexpr std::array<const char*, 17> kGrpcCodes = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

bool is_passing_grpc(size_t code, bool has_retry_info) {
  switch (code) {
    case 1:
    case 4:
    case 10:
    case 11:
    case 14:
    case 15:
      return true;
    case 8:
      return has_retry_info;  // the server says that it will recover
    default:
      return false;
  }
}

const char* grpc_hint(size_t code) {
  switch (code) {
    case 7:
    case 16:
      return "; check the credentials in the OTLP headers";
    case 8:
      return "; raise the server's limits";
    case 12:
      return "; does this server take OTLP?";
    default:
      return "";
  }
}

// grpc-message is percent-encoded (gRPC over HTTP/2, "Status-Message").
std::string decode_percent(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr ==
            text.data() + i + 3) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// A reply that no gRPC server made, a proxy's for instance: gRPC's table from HTTP to its codes.
Attempt read_foreign_reply(const HttpReply& reply, std::string_view where) {
  std::string message = fmt::format(
      "{} answered HTTP {} without a gRPC status; is this an OTLP/gRPC port "
      "(usually 4317)?",
      where, reply.status);
  const bool may_pass =
      reply.status == 429 || reply.status == 502 || reply.status == 503 || reply.status == 504;
  return may_pass ? passing(std::move(message)) : permanent(std::move(message));
}

// The one message of a unary reply, behind its prefix: a byte for compression, four of length.
std::string_view unframe(std::string_view body) {
  if (body.size() < 5 || body[0] != 0) return {};
  uint32_t length = 0;
  for (size_t i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
  return body.substr(5, length);
}

milliseconds to_delay(int64_t seconds, int64_t nanos) {
  const int64_t whole = std::clamp<int64_t>(seconds, 0, kLongestSeconds);
  return milliseconds(whole * 1000 + std::clamp<int64_t>(nanos, 0, 999'999'999) / 1'000'000);
}

// google.rpc.RetryInfo in a google.protobuf.Any.
std::optional<milliseconds> read_retry_info(std::string_view any) {
  ProtoReader reader(any);
  std::string_view type, value;
  for (ProtoReader::Field field; reader.next(field);) {
    if (field.number == 1) type = field.bytes;
    if (field.number == 2) value = field.bytes;
  }
  if (!type.ends_with("/google.rpc.RetryInfo")) return std::nullopt;
  int64_t seconds = 0, nanos = 0;
  ProtoReader info(value);
  for (ProtoReader::Field field; info.next(field);) {
    if (field.number != 1) continue;
    ProtoReader duration(field.bytes);
    for (ProtoReader::Field inner; duration.next(inner);) {
      if (inner.number == 1) seconds = static_cast<int64_t>(inner.integer);
      if (inner.number == 2) nanos = static_cast<int64_t>(inner.integer);
    }
  }
  return to_delay(seconds, nanos);
}

}  // namespace

Attempt read_http_reply(const HttpReply& reply, std::string_view where, std::time_t now) {
  if (reply.fault != CURLE_OK) return read_fault(reply, where, kHttpPort);
  if (reply.status >= 200 && reply.status < 300) return read_partial_success(reply.body, where);
  // An error's body is a google.rpc.Status, or any text when a proxy made it.
  const std::string said = parse_rpc_status(reply.body).message;
  std::string message = with_words(fmt::format("{} answered HTTP {}", where, reply.status),
                                   said.empty() ? std::string_view(reply.body) : said);
  switch (reply.status) {
    case 429:
    case 502:
    case 503:
    case 504:
      return passing(std::move(message), parse_retry_after(reply.retry_after, now));
    default:
      return permanent(message + http_hint(reply));
  }
}

Attempt read_grpc_reply(const HttpReply& reply, std::string_view where) {
  if (reply.fault != CURLE_OK) return read_fault(reply, where, kGrpcPort);
  size_t code = 0;
  const char* const end = reply.grpc_status.data() + reply.grpc_status.size();
  const auto parsed = std::from_chars(reply.grpc_status.data(), end, code);
  if (reply.grpc_status.empty() || parsed.ptr != end || parsed.ec != std::errc{}) {
    return read_foreign_reply(reply, where);
  }
  if (code == 0) return read_partial_success(unframe(reply.body), where);
  const RpcStatus status = parse_rpc_status(decode_base64(reply.grpc_status_details));
  const char* name = code < kGrpcCodes.size() ? kGrpcCodes[code] : "an unknown code";
  std::string message = with_words(fmt::format("{} answered gRPC {} {}", where, code, name),
                                   decode_percent(reply.grpc_message));
  if (is_passing_grpc(code, status.retry_delay.has_value())) {
    return passing(std::move(message), status.retry_delay);
  }
  return permanent(message + grpc_hint(code));
}

std::optional<milliseconds> parse_retry_after(std::string_view text, std::time_t now) {
  if (text.empty()) return std::nullopt;
  int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, seconds);
  if (parsed.ptr == end && text.front() != '-') {
    if (parsed.ec == std::errc::result_out_of_range) seconds = kLongestSeconds;
    return to_delay(seconds, 0);
  }
  const std::time_t date = curl_getdate(std::string(text).c_str(), nullptr);
  if (date == -1) return std::nullopt;
  return to_delay(date - now, 0);
}

RpcStatus parse_rpc_status(std::string_view bytes) {
  RpcStatus status;
  ProtoReader reader(bytes);
  for (ProtoReader::Field field; reader.next(field);) {
    if (field.wire_type != 2) continue;
    if (field.number == 2) status.message = field.bytes;
    if (field.number == 3 && !status.retry_delay) status.retry_delay = read_retry_info(field.bytes);
  }
  return status;
}

std::string decode_base64(std::string_view text) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) break;
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held);
    }
  }
  return out;
}

}  // namespace tacit::exporters
