// SPDX-License-Identifier: Apache-2.0
// The files whose code a process has mapped (/proc/PID/maps, proc_pid_maps(5)). The process may go
// or change at any moment, and a path in it may be anything.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tacit::runtime {

struct FileIdentity {
  uint64_t device = 0;  // major << 32 | minor
  uint64_t inode = 0;
  auto operator<=>(const FileIdentity&) const = default;
};

struct MappedImage {
  FileIdentity file;
  std::string path;           // as the process names it; may end in " (deleted)"
  std::string name;           // last part of the path, without " (deleted)"
  uint64_t start = 0;         // of its lowest mapping
  uint64_t end = 0;           // of that mapping
  uint64_t file_offset = 0;   // of that mapping
};

// Images with at least one executable mapping, in order of address. At most 4 MiB of text is read.
std::vector<MappedImage> mapped_images(uint32_t pid);
std::vector<MappedImage> parse_maps(std::string_view text);

// A path by which the agent can open the file: works for deleted files and other mount namespaces.
std::string path_of(uint32_t pid, const MappedImage& image);

}  // namespace tacit::runtime
