// SPDX-License-Identifier: Apache-2.0
// Result<T>: how a room tells another that something failed. Exceptions do not cross rooms.
#pragma once
#include <expected>
#include <string>
#include <utility>

namespace tacit {

// One sentence for a person: what failed, why, and where it helps what to do.
struct Error {
  std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string message) {
  return std::unexpected(Error{std::move(message)});
}

}  // namespace tacit
