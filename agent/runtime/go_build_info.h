// SPDX-License-Identifier: Apache-2.0
// Which Go made an executable: the build information that every binary carries, stripped or not
// (debug/buildinfo). Two forms: since Go 1.18 the text itself, before that pointers to it.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "agent/runtime/elf_image.h"

namespace tacit::runtime {

struct GoVersion {
  std::string text;  // "go1.22.3", "devel go1.27-0123456"; printable, at most 128 bytes
  int major = 0;     // 0: the text names no release
  int minor = 0;
};

// nullopt: no Go binary.
std::optional<GoVersion> find_go_version(const ElfImage& image);

// "go1.22", "go1.22.3", "go1.22rc1", "go1.22.3 X:boringcrypto".
GoVersion parse_go_version(std::string_view text);

}  // namespace tacit::runtime
