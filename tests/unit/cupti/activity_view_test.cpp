// SPDX-License-Identifier: Apache-2.0
#include "cupti/activity_view.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "cupti/cupti_abi.h"

namespace tacit::cupti {
namespace {

// A record of CUPTI's size for some version; what is not set is not for us.
class Record {
 public:
  Record(uint32_t kind, size_t bytes) : memory_(bytes, 0xa5) { put(0, kind); }
  template <typename T>
  Record& put(size_t at, T value) {
    std::memcpy(memory_.data() + at, &value, sizeof(value));
    return *this;
  }
  ActivityView view() const { return view_activity(memory_.data()); }

 private:
  std::vector<uint8_t> memory_;
};

class KernelOfEverySize : public testing::TestWithParam<size_t> {};

TEST_P(KernelOfEverySize, IsReadAlike) {
  const char* name = "_Z4gemmv";
  const auto view = Record(kActivityConcurrentKernel, GetParam())
                        .put<uint64_t>(16, 1000).put<uint64_t>(24, 1500).put<uint32_t>(40, 3)
                        .put<uint32_t>(44, 9).put<uint32_t>(48, 13).put<uint32_t>(92, 77)
                        .put(104, name).put<uint32_t>(156, 5).view();
  EXPECT_EQ(view.kind, ViewKind::kRecord);
  EXPECT_EQ(view.record.kind, GPU_RECORD_KERNEL);
  EXPECT_EQ(view.record.detail, 0);
  EXPECT_EQ(view.record.device, 3);
  EXPECT_EQ(view.record.context, 9u);
  EXPECT_EQ(view.record.stream, 13u);
  EXPECT_EQ(view.record.correlation, 77u);
  EXPECT_EQ(view.record.start_ns, 1000u);
  EXPECT_EQ(view.record.end_ns, 1500u);
  EXPECT_EQ(view.record.graph, 5u);
  EXPECT_EQ(view.record.bytes, 0u);
  EXPECT_EQ(view.record.launch_ns, 0u);
  EXPECT_EQ(view.name, name);
}

INSTANTIATE_TEST_SUITE_P(Versions, KernelOfEverySize,
                         testing::Values(160, 168, 176, 200, 208, 216, 224, 232, 248));

TEST(ActivityView, CopyHasDirectionAndBytes) {
  for (size_t bytes : {88, 96, 112}) {
    const auto view = Record(kActivityMemcpy, bytes)
                          .put<uint8_t>(4, 2).put<uint64_t>(8, 4096).put<uint64_t>(16, 10)
                          .put<uint64_t>(24, 20).put<uint32_t>(32, 1).put<uint32_t>(36, 2)
                          .put<uint32_t>(40, 3).put<uint32_t>(44, 4).put<uint32_t>(72, 0).view();
    EXPECT_EQ(view.record.kind, GPU_RECORD_COPY);
    EXPECT_EQ(view.record.detail, GPU_COPY_DEVICE_TO_HOST);
    EXPECT_EQ(view.record.bytes, 4096u);
    EXPECT_EQ(view.record.device, 1);
    EXPECT_EQ(view.record.context, 2u);
    EXPECT_EQ(view.record.stream, 3u);
    EXPECT_EQ(view.record.correlation, 4u);
    EXPECT_EQ(view.record.graph, 0u);
    EXPECT_EQ(view.name, nullptr);
  }
}

TEST(ActivityView, CopyBetweenDevices) {
  const auto view = Record(kActivityMemcpy2, 104)
                        .put<uint8_t>(4, 10).put<uint64_t>(8, 5).put<uint64_t>(16, 10)
                        .put<uint64_t>(24, 20).put<uint32_t>(32, 1).put<uint32_t>(36, 2)
                        .put<uint32_t>(40, 3).put<uint32_t>(60, 4).put<uint32_t>(80, 6).view();
  EXPECT_EQ(view.record.kind, GPU_RECORD_COPY);
  EXPECT_EQ(view.record.detail, GPU_COPY_PEER_TO_PEER);
  EXPECT_EQ(view.record.correlation, 4u);
  EXPECT_EQ(view.record.graph, 6u);
}

TEST(ActivityView, Memset) {
  const auto view = Record(kActivityMemset, 88)
                        .put<uint64_t>(8, 64).put<uint64_t>(16, 10).put<uint64_t>(24, 20)
                        .put<uint32_t>(32, 1).put<uint32_t>(36, 2).put<uint32_t>(40, 3)
                        .put<uint32_t>(44, 4).put<uint32_t>(72, 0).view();
  EXPECT_EQ(view.record.kind, GPU_RECORD_SET);
  EXPECT_EQ(view.record.bytes, 64u);
  EXPECT_EQ(view.record.correlation, 4u);
}

TEST(ActivityView, SynchronizationNamesNoDevice) {
  for (size_t bytes : {40, 56}) {
    const auto view = Record(kActivitySynchronization, bytes)
                          .put<uint32_t>(4, 3).put<uint64_t>(8, 10).put<uint64_t>(16, 20)
                          .put<uint32_t>(24, 4).put<uint32_t>(28, 2).put<uint32_t>(32, 3).view();
    EXPECT_EQ(view.record.kind, GPU_RECORD_SYNC);
    EXPECT_EQ(view.record.detail, 3);
    EXPECT_EQ(view.record.device, GPU_DEVICE_UNKNOWN);
    EXPECT_EQ(view.record.context, 2u);
    EXPECT_EQ(view.record.stream, 3u);
    EXPECT_EQ(view.record.correlation, 4u);
  }
}

TEST(ActivityView, GraphLaunch) {
  for (size_t bytes : {48, 56}) {
    const auto view = Record(kActivityGraphTrace, bytes)
                          .put<uint32_t>(4, 4).put<uint64_t>(8, 10).put<uint64_t>(16, 20)
                          .put<uint32_t>(24, 1).put<uint32_t>(28, 6).put<uint32_t>(32, 2)
                          .put<uint32_t>(36, 3).view();
    EXPECT_EQ(view.record.kind, GPU_RECORD_GRAPH);
    EXPECT_EQ(view.record.device, 1);
    EXPECT_EQ(view.record.graph, 6u);
    EXPECT_EQ(view.record.correlation, 4u);
  }
}

TEST(ActivityView, OnlyTheTracingsOwnOverheadCounts) {
  const auto overhead = [](uint32_t kind, uint64_t start_ns, uint64_t end_ns) {
    return Record(kActivityOverhead, 40).put(4, kind).put(24, start_ns).put(32, end_ns).view();
  };
  EXPECT_EQ(overhead(kOverheadBufferFlush, 10, 25).kind, ViewKind::kOverhead);
  EXPECT_EQ(overhead(kOverheadBufferFlush, 10, 25).overhead_ns, 15u);
  EXPECT_EQ(overhead(kOverheadInstrumentation, 10, 25).overhead_ns, 15u);
  EXPECT_EQ(overhead(kOverheadResource, 10, 25).overhead_ns, 15u);
  EXPECT_EQ(overhead(1, 10, 25).overhead_ns, 0u) << "the driver's compiler";
  EXPECT_EQ(overhead(5u << 16, 10, 25).overhead_ns, 0u) << "lazy loading";
  EXPECT_EQ(overhead(kOverheadResource, 25, 10).overhead_ns, 0u);
}

TEST(ActivityView, OtherKindsAreNotForUs) {
  EXPECT_EQ(Record(4, 48).view().kind, ViewKind::kNone);
  EXPECT_EQ(Record(0xffffffff, 48).view().kind, ViewKind::kNone);
}

TEST(ActivityView, ADeviceThatIsNoOrdinalIsUnknown) {
  EXPECT_EQ(Record(kActivityGraphTrace, 48).put<uint32_t>(24, 0x10000).view().record.device,
            GPU_DEVICE_UNKNOWN);
}

TEST(Times, Possible) {
  EXPECT_TRUE(times_are_possible(10, 10, 0));
  EXPECT_TRUE(times_are_possible(10, 11, 10));
  EXPECT_FALSE(times_are_possible(0, 0, 0));
  EXPECT_FALSE(times_are_possible(0, 5, 0));
  EXPECT_FALSE(times_are_possible(10, 0, 0));
  EXPECT_FALSE(times_are_possible(10, 9, 0));
  EXPECT_FALSE(times_are_possible(10, 11, 11));
}

}  // namespace
}  // namespace tacit::cupti
