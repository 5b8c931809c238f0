// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/error_type.h"

#include <array>
#include <cstring>

namespace tacit::semantics {
namespace {

using protocol::Outcome;

constexpr auto kStatusTexts = [] {
  std::array<char, 900 * 3> texts{};
  for (int i = 0; i < 900; ++i) {
    texts[i * 3] = static_cast<char>('0' + (i + 100) / 100);
    texts[i * 3 + 1] = static_cast<char>('0' + (i + 100) / 10 % 10);
    texts[i * 3 + 2] = static_cast<char>('0' + (i + 100) % 10);
  }
  return texts;
}();

}  // namespace

std::string_view status_code_text(int status) {
  if (status < 100 || status > 999) return {};
  return {kStatusTexts.data() + (status - 100) * 3, 3};
}

std::string_view errno_name(int error_number) {
  if (error_number == 0) return {};
  const char* name = ::strerrorname_np(error_number);
  return name ? std::string_view(name) : std::string_view("_OTHER");
}

std::string_view error_type(const protocol::HttpExchange& exchange, telemetry::SpanKind kind) {
  // A status that says what went wrong says more than how the bytes ended afterwards.
  const int threshold = kind == telemetry::SpanKind::kClient ? 400 : 500;
  if (exchange.status >= threshold) return status_code_text(exchange.status);
  switch (exchange.outcome) {
    case Outcome::kComplete:
    case Outcome::kUnknown:
      return {};
    case Outcome::kReset: {
      const std::string_view name = errno_name(exchange.error_number);
      return name.empty() ? std::string_view("reset") : name;
    }
    default:
      return outcome_name(exchange.outcome);
  }
}

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kComplete:
      return "complete";
    case Outcome::kUnknown:
      return "unknown";
    case Outcome::kNoResponse:
      return "no_response";
    case Outcome::kReset:
      return "reset";
    case Outcome::kClientAborted:
      return "client_aborted";
    case Outcome::kTruncated:
      return "truncated";
    case Outcome::kProtocolError:
      return "protocol_error";
  }
  return "unknown";
}

}  // namespace tacit::semantics
