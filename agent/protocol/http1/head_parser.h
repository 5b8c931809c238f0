// SPDX-License-Identifier: Apache-2.0
// The header fields of a head (RFC 9112 section 5) as views into the caller's bytes. Loop thread.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tacit::protocol::http1 {

// Header names to keep beside those that the agent itself reads. The list (lower-case) stays with
// the caller and must outlive this.
class KeptNames {
 public:
  static constexpr size_t kMaxNameBytes = 63;  // longer ones never match
  explicit KeptNames(const std::vector<std::string>& names);

  // The index of `name` (any case), -1 where it is not kept.
  int find(std::string_view name) const {
    return name.size() <= kMaxNameBytes && (sizes_ >> name.size() & 1) ? search(name) : -1;
  }
  // False: no field that anybody wants has a name that begins so. Most lines of most heads.
  bool may_begin_with(char c) const { return initials_ >> (c & 31) & 1; }
  const std::string& operator[](int index) const { return (*names_)[static_cast<size_t>(index)]; }

 private:
  int search(std::string_view name) const;
  const std::vector<std::string>* names_;
  uint64_t sizes_ = 0;     // bit n: a name of n bytes exists
  uint32_t initials_ = 0;  // bit c % 32: a name that begins with c exists, in either case
};

// What a head says. Reused from head to head; the views die with the caller's bytes.
struct HeadFields {
  static constexpr size_t kMaxTracestates = 4;
  static constexpr size_t kMaxKept = 32;

  std::string_view host;
  std::string_view user_agent;
  std::string_view traceparent;
  uint32_t traceparents = 0;  // more than one is as good as none (W3C Trace Context 3.2.2)
  std::array<std::string_view, kMaxTracestates> tracestates;  // to be joined by commas (3.3.1)
  uint32_t tracestate_count = 0;
  bool has_length = false;
  bool bad_length = false;  // no number, or numbers that contradict each other
  uint64_t length = 0;
  bool has_transfer_encoding = false;
  bool chunked = false;  // the last coding of the last Transfer-Encoding
  bool expect_continue = false;
  bool upgrade = false;
  bool folded = false;  // some value runs over several lines (obs-fold)
  std::vector<std::pair<int, std::string_view>> kept;  // index into KeptNames

  void clear();
};

// Finds the end of a head that arrives in pieces; looks at every byte once.
class HeadEnd {
 public:
  explicit HeadEnd(size_t begin = 0) : line_begin_(begin), searched_(begin) {}
  // The number of bytes up to and with the empty line; 0: not there yet. `text` only grows.
  size_t find(std::string_view text);

 private:
  size_t line_begin_;
  size_t searched_;
};

// Reads the field lines at the front of `text` (the start line is cut off) up to the empty line.
// Returns the bytes they take, with the empty line; 0: the empty line is not there.
size_t parse_fields(std::string_view text, const KeptNames& keep, HeadFields& fields);

// Copies at most `limit` bytes of a value; a fold becomes one space.
void assign_value(std::string& to, std::string_view value, bool folded, size_t limit);

}  // namespace tacit::protocol::http1
