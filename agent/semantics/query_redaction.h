// SPDX-License-Identifier: Apache-2.0
// Query strings leave only on request, and without the secrets that are known by their key.
#pragma once
#include <string>
#include <string_view>

namespace tacit::semantics {

// True for a key whose value is a secret by convention: the four that OpenTelemetry's url.query
// names, and the usual words (token, password, api_key, …). The key may be percent-encoded; case
// and array or object notation (`user[password]`, `auth.token`) do not hide it.
bool is_secret_query_key(std::string_view key);

// The query with each secret's value replaced by REDACTED; all else byte for byte.
std::string redact_query(std::string_view query);

}  // namespace tacit::semantics
