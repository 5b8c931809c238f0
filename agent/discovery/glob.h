// SPDX-License-Identifier: Apache-2.0
// Globs of selectors: `*` is any run of characters, '/' included, `?` any one; everything else is
// itself. The whole text must match. Never more than pattern × text steps. Pure.
#pragma once
#include <string_view>

namespace tacit::discovery {

bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace tacit::discovery
