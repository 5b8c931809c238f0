// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/route_segment.h"

#include <algorithm>

namespace tacit::semantics {
namespace {

constexpr size_t kMaxStaticBytes = 64;
constexpr size_t kMinHashBytes = 8;
constexpr size_t kMinMixedBytes = 8;    // the last part of a prefixed id: cus_NffrFeUfNV2Hib
constexpr size_t kMinTokenBytes = 16;   // upper, lower and at least two digits
constexpr size_t kMinCodeBytes = 20;    // one case only (ULID, cuid): at least four digits
constexpr std::string_view kPartSeparators = "-_:~";

// Extensions that name a format, so that it stays visible: the list is closed, or a client could
// make up routes with it.
constexpr std::array<std::string_view, 30> kExtensions = {
    "html", "htm",  "json", "xml", "csv", "txt",  "pdf",  "png",   "jpg", "jpeg",
    "gif",  "svg",  "webp", "ico", "js",  "mjs",  "css",  "map",   "mp3", "mp4",
    "zip",  "gz",   "tar",  "ts",  "md",  "yaml", "woff", "woff2", "wasm", "m3u8"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_hex_letter(char c) { return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

struct Counts {
  size_t digits = 0;
  size_t lower = 0;
  size_t upper = 0;
  size_t hex_letters = 0;
  size_t other = 0;    // anything that is no letter or digit
  bool illegal = false;  // RFC 3986 allows it in no path
  bool hints = false;    // % = , @ +

  size_t letters() const { return lower + upper; }
};

Counts count(std::string_view text) {
  Counts counts;
  for (const char c : text) {
    if (is_digit(c)) {
      ++counts.digits;
    } else if (is_lower(c)) {
      ++counts.lower;
    } else if (is_upper(c)) {
      ++counts.upper;
    } else {
      ++counts.other;
      if (c <= ' ' || c > '~' || std::string_view("{}\"<>\\^`|").find(c) != std::string_view::npos)
        counts.illegal = true;
      if (c == '%' || c == '=' || c == ',' || c == '@' || c == '+') counts.hints = true;
    }
    if (is_hex_letter(c)) ++counts.hex_letters;
  }
  return counts;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_hash(std::string_view text, const Counts& counts) {
  return text.size() >= kMinHashBytes && counts.digits > 0 && counts.hex_letters > 0 &&
         counts.digits + counts.hex_letters == text.size();
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_digit(text[i]) && !is_hex_letter(text[i])) return false;
  }
  return true;
}

bool is_date(std::string_view text) {
  const auto digits = [&](size_t at, size_t n) { return all_digits(text.substr(at, n)); };
  if (text.size() < 7 || !digits(0, 4) || text[4] != '-' || !digits(5, 2)) return false;
  if (text.size() == 7) return true;
  if (text.size() < 10 || text[7] != '-' || !digits(8, 2)) return false;
  return text.size() == 10 || text[10] == 'T' || text[10] == 't';
}

bool is_ipv4(std::string_view text) {
  int parts = 0;
  while (true) {
    const size_t end = std::min(text.find('.'), text.size());
    if (end > 3 || !all_digits(text.substr(0, end))) return false;
    ++parts;
    if (end == text.size()) return parts == 4;
    text.remove_prefix(end + 1);
  }
}

// v1, v2.1, v1beta1, v3-alpha
bool is_version(std::string_view text) {
  if (text.size() < 2 || text.size() > 12 || (text[0] != 'v' && text[0] != 'V')) return false;
  if (!is_digit(text[1])) return false;
  return std::all_of(text.begin() + 1, text.end(), [](char c) {
    return is_digit(c) || is_lower(c) || c == '.' || c == '-';
  });
}

bool is_email(std::string_view text) {
  size_t at = text.find('@');
  size_t width = 1;
  if (at == std::string_view::npos) {
    at = text.find("%40");
    width = 3;
  }
  return at != std::string_view::npos && at > 0 &&
         text.find('.', at + width) != std::string_view::npos;
}

// user-42, op_training_20251111_123456, cus_NffrFeUfNV2Hib: the last part is the value.
bool is_prefixed_id(std::string_view text) {
  const size_t cut = text.find_last_of(kPartSeparators);
  if (cut == std::string_view::npos || cut == 0 || cut + 1 == text.size()) return false;
  const std::string_view first = text.substr(0, text.find_first_of(kPartSeparators));
  const std::string_view last = text.substr(cut + 1);
  if (first.empty()) return false;
  if (!is_lower(first[0]) && !is_upper(first[0]) && !all_digits(first)) return false;
  if (all_digits(last)) return true;
  const Counts counts = count(last);
  return counts.other == 0 && last.size() >= kMinMixedBytes && counts.digits > 0 &&
         (counts.letters() + counts.digits == last.size());
}

bool is_token(std::string_view text, const Counts& counts) {
  if (counts.hints && text.find('%') != std::string_view::npos) return false;
  if (text.size() >= kMinTokenBytes && counts.digits >= 2 && counts.lower > 0 && counts.upper > 0 &&
      counts.other * 8 <= text.size()) {
    return true;
  }
  return text.size() >= kMinCodeBytes && counts.other == 0 && counts.digits >= 4 &&
         counts.letters() > 0;
}

std::string_view placeholder(std::string_view text, const Counts& counts) {
  if (counts.illegal) return kValuePlaceholder;
  if (counts.digits > 0) {
    if (counts.digits == text.size()) return "{id}";
    if (text[0] == '-' && counts.digits + 1 == text.size()) return "{id}";
    if (is_uuid(text)) return "{uuid}";
    if (is_hash(text, counts)) return "{hash}";
    if (is_date(text)) return "{date}";
    if (is_ipv4(text)) return "{ip}";
    if (is_version(text)) return {};
  }
  if (is_email(text)) return "{email}";
  if (counts.digits > 0) {
    if (is_prefixed_id(text)) return "{id}";
    if (is_token(text, counts)) return "{id}";
  }
  return text.size() > kMaxStaticBytes ? kValuePlaceholder : std::string_view();
}

std::string_view known_extension(std::string_view text) {
  const size_t dot = text.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  const std::string_view extension = text.substr(dot + 1);
  const bool known =
      std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
  return known ? text.substr(dot) : std::string_view();
}

}  // namespace

Segment classify_segment(std::string_view segment, SegmentScratch& scratch) {
  segment = segment.substr(0, segment.find(';'));
  Counts counts = count(segment);
  if (counts.other == 0 && counts.digits == 0 && segment.size() <= kMaxStaticBytes) {
    const bool value_like = counts.lower == 0 && counts.upper >= 2;
    return {value_like ? SegmentKind::kValueLike : SegmentKind::kStatic, segment};
  }
  const std::string_view extension =
      counts.other > 0 ? known_extension(segment) : std::string_view();
  const std::string_view stem = segment.substr(0, segment.size() - extension.size());
  if (!extension.empty()) counts = count(stem);
  const std::string_view found = is_email(segment) ? placeholder(segment, count(segment))
                                                   : placeholder(stem, counts);
  if (found.empty()) {
    const bool value_like = counts.hints || (counts.lower == 0 && counts.upper >= 2);
    return {value_like ? SegmentKind::kValueLike : SegmentKind::kStatic, segment};
  }
  if (extension.empty() || found == "{email}") return {SegmentKind::kPlaceholder, found};
  char* end = std::copy(found.begin(), found.end(), scratch.begin());
  end = std::copy(extension.begin(), extension.end(), end);
  return {SegmentKind::kPlaceholder,
          {scratch.data(), static_cast<size_t>(end - scratch.data())}};
}

}  // namespace tacit::semantics
