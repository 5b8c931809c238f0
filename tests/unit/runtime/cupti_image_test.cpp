// SPDX-License-Identifier: Apache-2.0
// The USDT tacit:gpu_batch, found in this very program and in spoilt copies of it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include "agent/runtime/known_image.h"
#include "tests/harness/gpu_blocks.h"

namespace tacit::runtime {
namespace {

constexpr Interests kKernels{.causes = false, .training = false, .cuda = false, .kernels = true};

class CuptiImageTest : public ::testing::Test {
 protected:
  CuptiImageTest() : path_(::testing::TempDir() + "tacit-cupti-" + std::to_string(::getpid())) {
    std::ifstream self("/proc/self/exe", std::ios::binary);
    std::ostringstream bytes;
    bytes << self.rdbuf();
    bytes_ = bytes.str();
    fire_block(nullptr, 0);  // nobody listens; it must be in the program
  }
  ~CuptiImageTest() override { std::remove(path_.c_str()); }

  KnownImage recognise_copy() {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes_;
    return recognise(path_, "libtacit_cupti.so", kKernels);
  }

  // Replaces the first `from` in the notes by `to`, of the same length.
  void replace(const std::string& from, const std::string& to) {
    const auto image = ElfImage::open("/proc/self/exe");
    const size_t at = bytes_.find(from, image->section(".note.stapsdt")->file_offset);
    ASSERT_NE(at, std::string::npos);
    bytes_.replace(at, to.size(), to);
  }

  std::string path_;
  std::string bytes_;
};

TEST_F(CuptiImageTest, NopAndCounter) {
  const auto known = recognise("/proc/self/exe", "program", kKernels);
  ASSERT_EQ(known.probes.size(), 1u);
  EXPECT_EQ(known.probes[0].program, "gpu_batch_handed_over");
  ASSERT_EQ(known.probes[0].points.size(), 1u);
  EXPECT_TRUE(known.refused.empty());
  const auto point = known.probes[0].points[0];
  EXPECT_EQ(bytes_[point.file_offset], '\x90');
  const auto image = ElfImage::open("/proc/self/exe");
  const std::array<std::string_view, 1> names = {"tacit_gpu_batch_semaphore"};
  const auto symbols = image->symbols(names);
  EXPECT_EQ(point.semaphore_offset, image->file_offset(symbols.at(std::string(names[0])).address));
  EXPECT_EQ(known.layout.kind, static_cast<uint32_t>(RUNTIME_UNKNOWN));
}

TEST_F(CuptiImageTest, NobodyLooksWhereKernelsAreNotWanted) {
  EXPECT_TRUE(recognise("/proc/self/exe", "program", {.kernels = false}).probes.empty());
  EXPECT_TRUE(may_be_known("libtacit_cupti.so", kKernels));
  EXPECT_FALSE(may_be_known("libtacit_cupti.so", {.kernels = false}));
  EXPECT_FALSE(may_be_known("libcupti.so.13", kKernels));
}

TEST_F(CuptiImageTest, OnlyAClassicNopIsProbed) {
  const auto at = recognise_copy().probes[0].points[0].file_offset;
  bytes_.replace(at, 5, std::string("\x0f\x1f\x44\x00\x00", 5));
  const auto known = recognise_copy();
  EXPECT_TRUE(known.probes.empty());
  ASSERT_EQ(known.refused.size(), 1u);
  EXPECT_EQ(known.refused[0], "kernels are not seen: its USDT is not a 1-byte nop");
}

TEST_F(CuptiImageTest, OtherArgumentsAreRefused) {
  replace("8@%rdi 8@%rsi", "8@%rsi 8@%rdi");
  const auto known = recognise_copy();
  EXPECT_TRUE(known.probes.empty());
  ASSERT_EQ(known.refused.size(), 1u);
  EXPECT_EQ(known.refused[0],
            "kernels are not seen: its USDT's arguments are not in the registers expected");
}

TEST_F(CuptiImageTest, OtherProbesAreNobodysBusiness) {
  replace("gpu_batch", "gpu_patch");
  const auto known = recognise_copy();
  EXPECT_TRUE(known.probes.empty());
  EXPECT_TRUE(known.refused.empty());
}

TEST_F(CuptiImageTest, SpoiltNotesAreHarmless) {
  const auto section = *ElfImage::open("/proc/self/exe")->section(".note.stapsdt");
  const std::string whole = bytes_;
  std::mt19937 random(3);
  size_t found = 0;
  for (int i = 0; i < 40; ++i) {
    bytes_ = whole;
    for (int k = 0; k <= i % 4; ++k)
      bytes_[section.file_offset + random() % section.size_bytes] = static_cast<char>(random());
    for (const auto& plan : recognise_copy().probes)
      for (const auto& point : plan.points) {
        EXPECT_EQ(bytes_.at(point.file_offset), '\x90');
        EXPECT_EQ(point.semaphore_offset % 2, 0u);
        ++found;
      }
  }
  EXPECT_LT(found, 40u);
}

}  // namespace
}  // namespace tacit::runtime
