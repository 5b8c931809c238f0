// SPDX-License-Identifier: Apache-2.0
#include "agent/protocol/http1/head_parser.h"

#include <algorithm>
#include <cstring>

namespace tacit::protocol::http1 {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// `wanted` is lower-case and as long as `text`.
bool equals_lower(std::string_view text, std::string_view wanted) {
  for (size_t i = 0; i < wanted.size(); ++i)
    if (lower(text[i]) != wanted[i]) return false;
  return true;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool parse_number(std::string_view text, uint64_t& number) {
  if (text.empty() || text.size() > 18) return false;  // 10^18 - 1 fits, and nobody sends more
  number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return true;
}

// RFC 9112 section 6.3: a list of equal numbers is one number, anything else is invalid.
void take_length(std::string_view value, HeadFields& fields) {
  while (true) {
    const size_t comma = value.find(',');
    uint64_t number = 0;
    if (!parse_number(trim(value.substr(0, comma)), number) ||
        (fields.has_length && number != fields.length)) {
      fields.bad_length = true;
    }
    fields.has_length = true;
    fields.length = number;
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

void take_transfer_encoding(std::string_view value, HeadFields& fields) {
  fields.has_transfer_encoding = true;
  const size_t comma = value.rfind(',');
  if (comma != std::string_view::npos) value = trim(value.substr(comma + 1));
  fields.chunked = value.size() == 7 && equals_lower(value, "chunked");
}

void take_traceparent(std::string_view value, HeadFields& fields) {
  fields.traceparent = value;
  ++fields.traceparents;
}

void take_tracestate(std::string_view value, HeadFields& fields) {
  if (fields.tracestate_count == HeadFields::kMaxTracestates) return;
  fields.tracestates[fields.tracestate_count++] = value;
}

void take_field(std::string_view name, std::string_view value, HeadFields& fields) {
  switch (name.size()) {
    case 4:
      if (equals_lower(name, "host") && fields.host.empty()) fields.host = value;
      break;
    case 6:
      if (equals_lower(name, "expect"))
        fields.expect_continue = value.size() == 12 && equals_lower(value, "100-continue");
      break;
    case 7:
      if (equals_lower(name, "upgrade")) fields.upgrade = true;
      break;
    case 10:
      if (equals_lower(name, "user-agent") && fields.user_agent.empty()) fields.user_agent = value;
      if (equals_lower(name, "tracestate")) take_tracestate(value, fields);
      break;
    case 11:
      if (equals_lower(name, "traceparent")) take_traceparent(value, fields);
      break;
    case 14:
      if (equals_lower(name, "content-length")) take_length(value, fields);
      break;
    case 17:
      if (equals_lower(name, "transfer-encoding")) take_transfer_encoding(value, fields);
      break;
    default:
      break;
  }
}

// The index of the '\n' that ends the field line which begins at `begin`, continuation lines
// (obs-fold) included; npos: it is not there, or the next line's first byte is not.
size_t field_end(std::string_view text, size_t begin, bool& folded) {
  size_t from = begin;
  while (true) {
    const size_t end = text.find('\n', from);
    if (end == std::string_view::npos || end + 1 == text.size()) return std::string_view::npos;
    if (text[end + 1] != ' ' && text[end + 1] != '\t') return end;
    folded = true;
    from = end + 1;
  }
}

}  // namespace

KeptNames::KeptNames(const std::vector<std::string>& names) : names_(&names) {
  for (const char c : std::string_view("hucte")) initials_ |= 1U << (c & 31);  // take_field()
  for (const std::string& name : names) {
    if (name.empty() || name.size() > kMaxNameBytes) continue;
    sizes_ |= uint64_t{1} << name.size();
    initials_ |= 1U << (name.front() & 31);
  }
}

int KeptNames::search(std::string_view name) const {
  for (size_t i = 0; i < names_->size(); ++i) {
    const std::string& kept = (*names_)[i];
    if (kept.size() == name.size() && equals_lower(name, kept)) return static_cast<int>(i);
  }
  return -1;
}

void HeadFields::clear() {
  host = user_agent = traceparent = {};
  traceparents = tracestate_count = 0;
  has_length = bad_length = has_transfer_encoding = chunked = false;
  expect_continue = upgrade = folded = false;
  length = 0;
  kept.clear();
}

size_t HeadEnd::find(std::string_view text) {
  while (true) {
    const size_t end = text.find('\n', searched_);
    if (end == std::string_view::npos) {
      searched_ = text.size();
      return 0;
    }
    const size_t line = end - line_begin_;
    searched_ = end + 1;
    if (line == 0 || (line == 1 && text[line_begin_] == '\r')) return end + 1;
    line_begin_ = end + 1;
  }
}

size_t parse_fields(std::string_view text, const KeptNames& keep, HeadFields& fields) {
  fields.clear();
  size_t begin = 0;
  while (begin < text.size()) {
    if (text[begin] == '\n') return begin + 1;
    if (text[begin] == '\r' && begin + 1 < text.size() && text[begin + 1] == '\n') return begin + 2;
    const size_t end = field_end(text, begin, fields.folded);
    if (end == std::string_view::npos) return 0;
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (!keep.may_begin_with(line.front())) continue;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    take_field(name, value, fields);
    const int kept = keep.find(name);
    if (kept >= 0 && fields.kept.size() < HeadFields::kMaxKept)
      fields.kept.emplace_back(kept, value);
  }
  return 0;
}

void assign_value(std::string& to, std::string_view value, bool folded, size_t limit) {
  if (!folded || value.find('\n') == std::string_view::npos) {
    to.assign(value.substr(0, limit));
    return;
  }
  to.clear();
  for (size_t i = 0; i < value.size() && to.size() < limit; ++i) {
    if (!is_blank(value[i])) {
      to += value[i];
      continue;
    }
    const size_t begin = i;
    while (is_blank(value[i + 1])) ++i;  // trimmed: a byte that is not blank follows
    const std::string_view blanks = value.substr(begin, i + 1 - begin);
    if (blanks.find('\n') == std::string_view::npos) {
      to.append(blanks.substr(0, limit - to.size()));
    } else {
      to += ' ';
    }
  }
}

}  // namespace tacit::protocol::http1
