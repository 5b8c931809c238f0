// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/memory_map.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace tacit::runtime {
namespace {

TEST(MemoryMapTest, OneImagePerFileWithItsLowestMapping) {
  const auto images = parse_maps(
      "55a000000000-55a000001000 r--p 00000000 fe:01 1234                       /usr/bin/app\n"
      "55a000001000-55a000002000 r-xp 00001000 fe:01 1234                       /usr/bin/app\n"
      "55a000003000-55a000004000 rw-p 00003000 fe:01 1234                       /usr/bin/app\n"
      "7f0000000000-7f0000100000 rw-p 00000000 00:00 0 \n"
      "7f0000200000-7f0000201000 r--p 00000000 00:2a 99   /opt/a b/libx.so.1 (deleted)\n"
      "7f0000201000-7f0000202000 r-xp 00001000 00:2a 99   /opt/a b/libx.so.1 (deleted)\n"
      "7f0000300000-7f0000301000 r--p 00000000 fe:01 77   /usr/share/data.bin\n"
      "7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0    [vdso]\n");
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0].file, (FileIdentity{0xfe00000001, 1234}));
  EXPECT_EQ(images[0].path, "/usr/bin/app");
  EXPECT_EQ(images[0].name, "app");
  EXPECT_EQ(images[0].start, 0x55a000000000u);
  EXPECT_EQ(images[0].end, 0x55a000001000u);
  EXPECT_EQ(images[0].file_offset, 0u);
  EXPECT_EQ(images[1].path, "/opt/a b/libx.so.1 (deleted)");
  EXPECT_EQ(images[1].name, "libx.so.1");
}

TEST(MemoryMapTest, LinesOfAnotherFormAreLeftOut) {
  EXPECT_TRUE(parse_maps("").empty());
  EXPECT_TRUE(parse_maps("not a line\n\n1-2 r-xp\nzz-yy r-xp 0 0:0 1 /x\n").empty());
  EXPECT_TRUE(parse_maps("1000-2000 r-xp 00000000 fe:01 0 /no/inode\n").empty());
}

TEST(MemoryMapTest, TheTestItself) {
  const auto pid = static_cast<uint32_t>(::getpid());
  const auto images = mapped_images(pid);
  const auto self = std::find_if(images.begin(), images.end(), [](const MappedImage& image) {
    return image.name == "unit_runtime";
  });
  ASSERT_NE(self, images.end());
  EXPECT_EQ(::access(path_of(pid, *self).c_str(), R_OK), 0);
}

}  // namespace
}  // namespace tacit::runtime
