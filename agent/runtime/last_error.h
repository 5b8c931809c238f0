// SPDX-License-Identifier: Apache-2.0
// How libcudart remembers a failure for cudaGetLastError: one small function that stores the code in the
// thread's state, called on the way of each failure and on no other. A probe on such a call costs
// nothing as long as nothing fails. Found by what the code does, not by version. Reads code alone.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "agent/runtime/elf_image.h"

namespace tacit::runtime {

// The function (state, code) that stores where cudaPeekAtLastError reads, as `failing` uses it. Both
// are addresses of exported functions; `failing`: of any that can fail.
std::optional<uint64_t> find_error_setter(const ElfImage& image, uint64_t peek_at_last_error,
                                          uint64_t failing);

// Calls of that function, remembered by the function that they are in.
class SetterCalls {
 public:
  SetterCalls(const ElfImage& image, uint64_t setter) : image_(image), setter_(setter) {}

  // In `function` and in those that it calls directly: the second argument is the code. Only
  // emulated ones; addresses, sorted.
  std::vector<uint64_t> of(uint64_t function);

 private:
  struct Seen {
    std::vector<uint64_t> callees, setter_calls;
  };
  const Seen& seen(uint64_t function);

  const ElfImage& image_;
  uint64_t setter_;
  std::map<uint64_t, Seen> seen_;
  size_t instructions_ = 0;  // decoded so far: files are hostile
};

}  // namespace tacit::runtime
