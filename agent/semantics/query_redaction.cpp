// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/query_redaction.h"

#include <algorithm>
#include <array>

namespace tacit::semantics {
namespace {

// Lower case. The first rows are those of the url.full and url.query conventions.
constexpr std::array<std::string_view, 40> kSecretKeys = {
    "awsaccesskeyid", "signature", "sig", "x-goog-signature",
    "x-amz-signature", "x-amz-credential", "x-amz-security-token", "x-goog-credential",
    "token", "access_token", "id_token", "refresh_token",
    "auth_token", "bearer", "csrf_token", "accesstoken",
    "refreshtoken", "idtoken", "password", "passwd",
    "pwd", "passphrase", "secret", "client_secret",
    "clientsecret", "api_key", "apikey", "api-key",
    "x-api-key", "key", "access_key", "private_key",
    "code", "session", "sessionid", "session_id",
    "auth", "authorization", "jwt", "credentials",
};

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Percent-decoded once, as servers do, and lower case.
std::string decode_key(std::string_view key) {
  std::string out;
  for (size_t i = 0; i < key.size(); ++i) {
    char c = key[i];
    if (c == '%' && i + 2 < key.size() && hex_value(key[i + 1]) >= 0 &&
        hex_value(key[i + 2]) >= 0) {
      c = static_cast<char>(hex_value(key[i + 1]) * 16 + hex_value(key[i + 2]));
      i += 2;
    }
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    out += c;
  }
  return out;
}

bool is_secret_word(std::string_view word) {
  return std::find(kSecretKeys.begin(), kSecretKeys.end(), word) != kSecretKeys.end();
}

}  // namespace

bool is_secret_query_key(std::string_view key) {
  const std::string decoded = decode_key(key);
  std::string_view rest = decoded;
  constexpr std::string_view kSeparators = "[]. +\t";
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of(kSeparators), rest.size());
    if (is_secret_word(rest.substr(0, end))) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

std::string redact_query(std::string_view query) {
  std::string out;
  out.reserve(query.size());
  size_t at = 0;
  while (at < query.size()) {
    // ';' separates pairs for some servers: a secret must not hide behind it.
    const size_t end = std::min(query.find_first_of("&;", at), query.size());
    const std::string_view pair = query.substr(at, end - at);
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && is_secret_query_key(pair.substr(0, equals))) {
      out += pair.substr(0, equals + 1);
      out += "REDACTED";
    } else {
      out += pair;
    }
    if (end < query.size()) out += query[end];
    at = end + 1;
  }
  return out;
}

}  // namespace tacit::semantics
