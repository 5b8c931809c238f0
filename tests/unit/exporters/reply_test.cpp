// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/reply.h"

#include <gtest/gtest.h>

#include "status.pb.h"
#include "trace_service.pb.h"

namespace tacit::exporters {
namespace {

using std::chrono::milliseconds;
using Outcome = Attempt::Outcome;

constexpr std::time_t kNow = 1'795'260'929;  // Sat, 21 Nov 2026 11:35:29 GMT

std::string partial_success(int64_t rejected, const std::string& words) {
  opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse response;
  response.mutable_partial_success()->set_rejected_spans(rejected);
  response.mutable_partial_success()->set_error_message(words);
  return response.SerializeAsString();
}

std::string rpc_status(const std::string& words, int64_t seconds, int32_t nanos) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(seconds);
  info.mutable_retry_delay()->set_nanos(nanos);
  google::rpc::Status status;
  status.set_code(8);
  status.set_message(words);
  auto* other = status.add_details();
  other->set_type_url("type.googleapis.com/google.rpc.DebugInfo");
  other->set_value("xyz");
  auto* any = status.add_details();
  any->set_type_url("type.googleapis.com/google.rpc.RetryInfo");
  any->set_value(info.SerializeAsString());
  return status.SerializeAsString();
}

std::string encode_base64(std::string_view bytes) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j <= left; ++j) out += kAlphabet[group >> (18 - 6 * j) & 63];
  }
  return out;  // gRPC sends it without padding
}

HttpReply http(long status, std::string body = "", std::string retry_after = "") {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.retry_after = std::move(retry_after);
  return reply;
}

HttpReply grpc(const std::string& status, std::string details = "") {
  HttpReply reply = http(200);
  reply.grpc_status = status;
  reply.grpc_message = "too%20much%21%1b";
  reply.grpc_status_details = std::move(details);
  return reply;
}

std::string frame(const std::string& message) {
  std::string out(5, '\0');
  out[4] = static_cast<char>(message.size());
  return out + message;
}

TEST(HttpReplies, WhatIsRetriedAndWhatIsNot) {
  const std::pair<long, Outcome> expected[] = {
      {200, Outcome::kDone},      {202, Outcome::kDone},      {301, Outcome::kPermanent},
      {400, Outcome::kPermanent}, {401, Outcome::kPermanent}, {403, Outcome::kPermanent},
      {404, Outcome::kPermanent}, {408, Outcome::kPermanent}, {413, Outcome::kPermanent},
      {429, Outcome::kRetry},     {500, Outcome::kPermanent}, {501, Outcome::kPermanent},
      {502, Outcome::kRetry},     {503, Outcome::kRetry},     {504, Outcome::kRetry}};
  for (const auto& [status, outcome] : expected) {
    EXPECT_EQ(read_http_reply(http(status), "http://c", kNow).outcome, outcome) << status;
  }
}

TEST(HttpReplies, RetryAfter) {
  EXPECT_EQ(read_http_reply(http(503, "", "7"), "http://c", kNow).retry_after, milliseconds(7000));
  EXPECT_EQ(
      read_http_reply(http(429, "", "Sat, 21 Nov 2026 11:36:00 GMT"), "http://c", kNow).retry_after,
      milliseconds(31'000));
  EXPECT_EQ(read_http_reply(http(503), "http://c", kNow).retry_after, std::nullopt);
  EXPECT_EQ(parse_retry_after("0", kNow), milliseconds(0));
  EXPECT_EQ(parse_retry_after("Sat, 21 Nov 2026 11:35:00 GMT", kNow), milliseconds(0));
  EXPECT_EQ(parse_retry_after("soon", kNow), std::nullopt);
  EXPECT_EQ(parse_retry_after("-1", kNow), std::nullopt);
  EXPECT_EQ(parse_retry_after("99999999999999999999999", kNow), milliseconds(86'400'000));
}

TEST(HttpReplies, PartialSuccess) {
  Attempt attempt =
      read_http_reply(http(200, partial_success(3, "bad \x1b[31mids")), "http://c", kNow);
  EXPECT_EQ(attempt.outcome, Outcome::kDone);
  EXPECT_EQ(attempt.failed, 3u);
  EXPECT_EQ(attempt.message, "http://c rejected a part of a batch ('bad \\x1b[31mids')");
  attempt = read_http_reply(http(200, partial_success(0, "old format")), "http://c", kNow);
  EXPECT_EQ(attempt.failed, 0u);
  EXPECT_EQ(attempt.message, "http://c warns ('old format')");
  attempt = read_http_reply(http(200, partial_success(-4, "")), "http://c", kNow);
  EXPECT_EQ(attempt.failed, 0u);
  EXPECT_EQ(attempt.message, "");
}

TEST(HttpReplies, SayWhatWhyAndWhatToDo) {
  EXPECT_EQ(read_http_reply(http(400, rpc_status("no spans", 1, 0)), "http://c", kNow).message,
            "http://c answered HTTP 400 ('no spans')");
  EXPECT_EQ(read_http_reply(http(401, "who?\n"), "http://c", kNow).message,
            "http://c answered HTTP 401 ('who?\\x0a'); check the credentials in the OTLP headers");
  HttpReply moved = http(302);
  moved.location = "http://elsewhere/\x07";
  EXPECT_EQ(read_http_reply(moved, "http://c", kNow).message,
            "http://c answered HTTP 302; redirects are not followed: set the endpoint to "
            "'http://elsewhere/\\x07'");
}

TEST(HttpReplies, FaultsOfTheConnection) {
  HttpReply reply;
  reply.fault = CURLE_COULDNT_CONNECT;
  reply.fault_text = "refused";
  EXPECT_EQ(read_http_reply(reply, "http://c", kNow).outcome, Outcome::kRetry);
  EXPECT_EQ(read_http_reply(reply, "http://c", kNow).message,
            "cannot send to http://c: refused; is a collector listening there?");
  for (const CURLcode fault : {CURLE_OPERATION_TIMEDOUT, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
                               CURLE_GOT_NOTHING, CURLE_COULDNT_RESOLVE_HOST, CURLE_HTTP2}) {
    reply.fault = fault;
    EXPECT_EQ(read_http_reply(reply, "http://c", kNow).outcome, Outcome::kRetry) << fault;
  }
  for (const CURLcode fault : {CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
                               CURLE_SSL_CERTPROBLEM, CURLE_UNSUPPORTED_PROTOCOL}) {
    reply.fault = fault;
    EXPECT_EQ(read_grpc_reply(reply, "http://c").outcome, Outcome::kPermanent) << fault;
  }
}

TEST(GrpcReplies, WhatIsRetriedAndWhatIsNot) {
  for (int code = 0; code <= 17; ++code) {
    const bool passing =
        code == 1 || code == 4 || code == 10 || code == 11 || code == 14 || code == 15;
    const Outcome expected = code == 0 ? Outcome::kDone
                             : passing ? Outcome::kRetry
                                       : Outcome::kPermanent;
    EXPECT_EQ(read_grpc_reply(grpc(std::to_string(code)), "http://c").outcome, expected) << code;
  }
}

TEST(GrpcReplies, RetryInfo) {
  const std::string details = encode_base64(rpc_status("full", 2, 250'000'000));
  const Attempt exhausted = read_grpc_reply(grpc("8", details), "http://c");
  EXPECT_EQ(exhausted.outcome, Outcome::kRetry);
  EXPECT_EQ(exhausted.retry_after, milliseconds(2250));
  EXPECT_EQ(exhausted.message, "http://c answered gRPC 8 RESOURCE_EXHAUSTED ('too much!\\x1b')");
  const Attempt unavailable = read_grpc_reply(grpc("14", details), "http://c");
  EXPECT_EQ(unavailable.retry_after, milliseconds(2250));
  EXPECT_EQ(read_grpc_reply(grpc("14"), "http://c").retry_after, std::nullopt);
}

TEST(GrpcReplies, RetryInfoOutOfRangeIsBounded) {
  EXPECT_EQ(parse_rpc_status(rpc_status("", INT64_MAX, INT32_MAX)).retry_delay,
            milliseconds(86'400'999));
  EXPECT_EQ(parse_rpc_status(rpc_status("", INT64_MIN, INT32_MIN)).retry_delay, milliseconds(0));
}

TEST(GrpcReplies, PartialSuccess) {
  HttpReply reply = grpc("0");
  reply.body = frame(partial_success(2, "no"));
  const Attempt attempt = read_grpc_reply(reply, "http://c");
  EXPECT_EQ(attempt.outcome, Outcome::kDone);
  EXPECT_EQ(attempt.failed, 2u);
}

TEST(GrpcReplies, OfAServerThatSpeaksNoGrpc) {
  EXPECT_EQ(read_grpc_reply(http(404), "http://c").outcome, Outcome::kPermanent);
  EXPECT_EQ(read_grpc_reply(http(200), "http://c").outcome, Outcome::kPermanent);
  EXPECT_EQ(read_grpc_reply(http(503), "http://c").outcome, Outcome::kRetry);
  EXPECT_EQ(read_grpc_reply(grpc("0x"), "http://c").outcome, Outcome::kPermanent);
  EXPECT_EQ(read_grpc_reply(grpc("99999999999999999999999"), "http://c").outcome,
            Outcome::kPermanent);
}

// Every cut and every changed byte: no crash, no read outside (the sanitizers watch), and never
// more than was there.
TEST(GrpcReplies, DamagedDetailsAreSurvived) {
  const std::string bytes = rpc_status("full", 2, 0);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_LE(parse_rpc_status(std::string(bytes, 0, cut)).message.size(), 4u);
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(value);
      EXPECT_LE(parse_rpc_status(damaged).message.size(), bytes.size());
    }
  }
}

TEST(Base64, Decodes) {
  EXPECT_EQ(decode_base64("Zm9vYmFy"), "foobar");
  EXPECT_EQ(decode_base64("Zm9vYg=="), "foob");
  EXPECT_EQ(decode_base64("Zm9vYg"), "foob");
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("Zm9v*YmFy"), "foo");
}

}  // namespace
}  // namespace tacit::exporters
