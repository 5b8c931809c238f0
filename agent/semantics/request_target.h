// SPDX-License-Identifier: Apache-2.0
// The parts of a request-target (RFC 9112 section 3.2) and of an authority (RFC 3986 section 3.2).
// Views into the text given; nothing is decoded. Any bytes are accepted.
#pragma once
#include <cstdint>
#include <string_view>

namespace tacit::semantics {

enum class TargetForm : uint8_t {
  kOrigin,     // /path?query
  kAbsolute,   // http://host/path?query
  kAuthority,  // host:port, of CONNECT
  kAsterisk,   // *, of OPTIONS
  kOther,      // none of these: shown, never understood
};

struct RequestTarget {
  TargetForm form = TargetForm::kOther;
  std::string_view scheme;     // absolute form only, as sent
  std::string_view authority;  // absolute and authority form, user-info included
  std::string_view path;       // "/" where the absolute form has none
  std::string_view query;      // after '?', without a fragment
  bool has_query = false;
};

RequestTarget parse_target(std::string_view method, std::string_view target);

struct Authority {
  std::string_view host;  // without user-info and without the brackets of an IPv6 literal
  uint16_t port = 0;      // 0: none given
  bool has_user_info = false;
};

// An authority that is no plausible one (control or non-ASCII bytes, blanks, over 255 bytes, a port
// that is none) yields an empty host: better unnamed than a name that somebody forged.
Authority parse_authority(std::string_view text);

}  // namespace tacit::semantics
