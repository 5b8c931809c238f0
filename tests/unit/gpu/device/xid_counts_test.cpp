// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/xid_counts.h"

#include <gtest/gtest.h>

namespace tacit::gpu {
namespace {

TEST(XidCounts, CodesAreBoundedAndNoEventIsLost) {
  XidCounts counts;
  for (uint64_t code = 0; code < 1000; ++code) counts.add("GPU-1", code);
  counts.add("GPU-1", 5);
  const auto all = counts.read();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].second.counts.size(), XidCounts::kMaxCodes);
  EXPECT_EQ(all[0].second.other, 1000u - XidCounts::kMaxCodes);
  EXPECT_EQ(all[0].second.counts[5].second, 2u);
  EXPECT_EQ(all[0].second.last, 5u);
}

TEST(XidCounts, AWatchedDeviceHasNone) {
  XidCounts counts;
  counts.watch("GPU-1");
  const auto all = counts.read();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all[0].second.counts.empty());
  EXPECT_FALSE(all[0].second.last);
}

}  // namespace
}  // namespace tacit::gpu
