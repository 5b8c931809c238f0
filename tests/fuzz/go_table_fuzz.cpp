// SPDX-License-Identifier: Apache-2.0
// A Go program's line table as hostile bytes: the header, and then the tables where it says they are.
// Invariant: every range that is found lies in order.
#include <algorithm>
#include <cstdlib>

#include "agent/runtime/go_line_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tacit::runtime;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto header = parse_go_table_header(bytes);
  if (!header) return 0;
  const auto part = [&](uint64_t begin, uint64_t end) {
    begin = std::min<uint64_t>(begin, size);
    return bytes.subspan(begin, std::min<uint64_t>(end, size) - begin);
  };
  constexpr std::string_view kNames[] = {"main.a", "main.b", "runtime.systemstack", ""};
  const auto found = find_in_go_table(
      header->function_count, part(header->names_offset, header->names_end),
      part(header->functions_offset, size), kNames);
  for (const auto& [name, ranges] : found)
    for (const auto& range : ranges)
      if (range.begin >= range.end) std::abort();
  return 0;
}
