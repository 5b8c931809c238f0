// SPDX-License-Identifier: Apache-2.0
// Blocks of kernel records through the USDT of this very program: whole, at both sizes, from any
// address; what is no block is counted and harms nobody; one process's share of the ring is limited.
#include <sys/mman.h>
#include <time.h>

#include <map>
#include <string>

#include "tests/bpf/observed_child.h"
#include "tests/harness/gpu_blocks.h"

namespace tacit::bpf_test {
namespace {

class CuptiTest : public ObservedChild {
 protected:
  CuptiTest() { inspects_ = true; }

  std::map<std::string, uint64_t> losses() const {
    std::map<std::string, uint64_t> out;
    for (const auto& drop : probes_->drops())
      if (drop.count != 0) out[drop.reason] = drop.count;
    return out;
  }
};

gpu_block block_of(uint32_t records, uint64_t sequence) {
  gpu_block block;
  start_block(&block, sequence, 1);
  for (uint32_t i = 0; i < records; ++i)
    add_record(&block, GPU_RECORD_KERNEL, 0, 1000 + i, 2000 + i)->correlation = i;
  return block;
}

TEST_F(CuptiTest, BlocksOfEverySizeComeWhole) {
  run([] {
    if (tacit_gpu_batch_semaphore != 1) ::_exit(1);
    uint64_t sequence = 0;
    for (const uint32_t records : {0u, 1u, 16u, 17u, 127u, 128u}) {
      const gpu_block block = block_of(records, sequence++);
      fire_block(&block, block_bytes(&block));
    }
  });
  const auto batches = of<event::GpuBatch>();
  ASSERT_EQ(batches.size(), 6u);
  const size_t sizes[] = {0, 1, 16, 17, 127, 128};
  for (size_t i = 0; i < batches.size(); ++i) {
    EXPECT_EQ(batches[i].raw->header.pid, static_cast<uint32_t>(child_));
    EXPECT_EQ(batches[i].raw->header.tid, static_cast<uint32_t>(child_));
    EXPECT_EQ(batches[i].block->sequence, i);
    EXPECT_EQ(batches[i].raw->lost_slots, 0u);
    ASSERT_EQ(batches[i].slots.size(), sizes[i]);
    for (uint32_t k = 0; k < sizes[i]; ++k) {
      EXPECT_EQ(batches[i].slots[k].correlation, k);
      EXPECT_EQ(batches[i].slots[k].start_ns, 1000u + k);
    }
  }
  EXPECT_TRUE(losses().empty());
  EXPECT_EQ(tacit_gpu_batch_semaphore, 0);  // of this process, which nobody observes
}

TEST_F(CuptiTest, AnyAddressDoes) {
  run([] {
    const gpu_block block = block_of(1, 0);
    // At an odd address, and up to the last byte of a page behind which there is nothing.
    auto* pages = static_cast<char*>(::mmap(nullptr, 8192, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (pages == MAP_FAILED || ::munmap(pages + 4096, 4096) != 0) ::_exit(1);
    for (char* at : {pages + 1, pages + 4096 - block_bytes(&block)}) {
      std::memcpy(at, &block, block_bytes(&block));
      fire_block(at, block_bytes(&block));
    }
    fire_block(pages + 4096 - 64, 128);  // half of it is not there
  });
  EXPECT_EQ(of<event::GpuBatch>().size(), 2u);
  EXPECT_EQ(losses(), (std::map<std::string, uint64_t>{{"gpu_block", 1}}));
}

TEST_F(CuptiTest, WhatIsNoBlockIsCounted) {
  run([] {
    gpu_block block = block_of(2, 0);
    fire_block(nullptr, 64);
    fire_block(reinterpret_cast<void*>(0xffffffff81000000), 8256);  // of the kernel
    fire_block(reinterpret_cast<void*>(UINT64_MAX - 63), 64);
    for (const uint64_t bytes : {uint64_t{0}, uint64_t{63}, uint64_t{65}, uint64_t{8257},
                                 uint64_t{8320}, uint64_t{1} << 31, UINT64_MAX, UINT64_MAX - 63})
      fire_block(&block, bytes);
    fire_block(&block, 128);  // not as many slots as it says
    block.header.slots = 1u << 31;
    fire_block(&block, 192);
    block.header.slots = 2;
    block.header.magic ^= 1;
    fire_block(&block, 192);
  });
  EXPECT_TRUE(of<event::GpuBatch>().empty());
  EXPECT_EQ(losses(), (std::map<std::string, uint64_t>{{"gpu_block", 14}}));
}

TEST_F(CuptiTest, OneProcessIsLimitedAndItsLossesAreCounted) {
  constexpr uint64_t kBlocks = 20000;  // 166 MB at once, where 50 MB a second may pass
  run([] {
    gpu_block block = block_of(128, 0);
    for (uint64_t i = 0; i < kBlocks; ++i) {
      block.header.sequence = i;
      fire_block(&block, block_bytes(&block));
    }
    ::usleep(300'000);  // it may send again
    block.header.sequence = kBlocks;
    fire_block(&block, block_bytes(&block));
  });
  const auto batches = of<event::GpuBatch>();
  auto lost = losses();
  EXPECT_EQ(batches.size() + lost["gpu_rate"] + lost["ring_full_gpu"], kBlocks + 1);
  EXPECT_GT(lost["gpu_rate"], 0u);
  ASSERT_FALSE(batches.empty());
  EXPECT_EQ(batches.back().block->sequence, kBlocks);
  EXPECT_EQ(batches.back().raw->lost_slots, (kBlocks + 1 - batches.size()) * GPU_BATCH_SLOTS);
}

}  // namespace
}  // namespace tacit::bpf_test
