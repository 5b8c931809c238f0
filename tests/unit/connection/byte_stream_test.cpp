// SPDX-License-Identifier: Apache-2.0
#include "agent/connection/byte_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace tacit::connection {
namespace {

Transfer make(uint32_t begin, std::string_view text) {
  Transfer t;
  t.end = begin + static_cast<uint32_t>(text.size());
  t.length = static_cast<uint32_t>(text.size());
  t.bytes = std::as_bytes(std::span(text.data(), text.size()));
  return t;
}

std::string text_of(const Transfer& t) {
  return {reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()};
}

TEST(ByteStream, TellsInOrderAheadAndStaleApart) {
  ByteStream stream;
  EXPECT_FALSE(stream.started());
  stream.start_at(100);
  EXPECT_TRUE(stream.started());
  Transfer in_order = make(100, "abc");
  Transfer ahead = make(101, "abc");
  Transfer stale = make(97, "abc");
  EXPECT_EQ(stream.place(in_order), Place::kInOrder);
  EXPECT_EQ(stream.place(ahead), Place::kAhead);
  EXPECT_EQ(stream.place(stale), Place::kStale);
  EXPECT_EQ(stream.distance_to(101), 1);
  EXPECT_EQ(stream.distance_to(97), -3);
}

TEST(ByteStream, CutsAnOverlapToWhatIsNew) {
  ByteStream stream;
  stream.start_at(100);
  Transfer t = make(98, "abcdef");
  EXPECT_EQ(stream.place(t), Place::kInOrder);
  EXPECT_EQ(text_of(t), "cdef");
  EXPECT_EQ(t.begin(), 100u);
  EXPECT_EQ(t.end, 104u);
}

TEST(ByteStream, WhatWasInsertedLiesInFrontAndIsCutFirst) {
  ByteStream stream;
  stream.start_at(100);
  Transfer t = make(105, "abc");
  t.inserted = 5;
  EXPECT_EQ(t.begin(), 100u);
  EXPECT_EQ(stream.place(t), Place::kInOrder);
  EXPECT_EQ(t.inserted, 5u);

  stream.start_at(103);
  EXPECT_EQ(stream.place(t), Place::kInOrder);
  EXPECT_EQ(t.inserted, 2u);
  EXPECT_EQ(text_of(t), "abc");

  stream.start_at(106);
  EXPECT_EQ(stream.place(t), Place::kInOrder);
  EXPECT_EQ(t.inserted, 0u);
  EXPECT_EQ(text_of(t), "bc");
  EXPECT_EQ(t.begin(), 106u);

  stream.start_at(108);
  t.inserted = 3;
  EXPECT_EQ(stream.place(t), Place::kStale);
}

TEST(ByteStream, CutsBytesThatWereNotCapturedToo) {
  Transfer t = make(0, "ab");
  t.length = 10;
  t.end = 10;
  drop_front(t, 5);
  EXPECT_EQ(t.begin(), 5u);
  EXPECT_EQ(t.length, 5u);
  EXPECT_EQ(text_of(t), "");
}

TEST(ByteStream, CountsAcrossTheWrap) {
  ByteStream stream;
  stream.start_at(0xFFFFFFFE);
  Transfer t = make(0xFFFFFFFE, "abcd");
  EXPECT_EQ(stream.place(t), Place::kInOrder);
  stream.advance(4);
  EXPECT_EQ(stream.expected(), 2u);
  EXPECT_EQ(stream.distance_to(5), 3);
  EXPECT_EQ(stream.distance_to(0xFFFFFFFE), -4);
}

TEST(ByteStream, ALongSkippedBodyIsAheadNotBehind) {
  ByteStream stream;
  stream.start_at(0);
  EXPECT_EQ(stream.distance_to(3'000'000'000), 3'000'000'000);
  EXPECT_EQ(stream.distance_to(0u - ByteStream::kMaxLateBytes), -16777216);
  EXPECT_EQ(stream.distance_to(0u - ByteStream::kMaxLateBytes - 1), 4278190079);
}

TEST(ByteStream, GivesHeldTransfersBackInOrderWithTheirOwnBytes) {
  ByteStream stream;
  stream.start_at(0xFFFFFFF0);
  {
    std::string second = "second", first = "first";
    ASSERT_TRUE(stream.hold(make(4, second)));
    ASSERT_TRUE(stream.hold(make(0xFFFFFFF8, first)));
  }
  EXPECT_TRUE(stream.holding());
  EXPECT_EQ(stream.held_bytes(), 11u);
  ASSERT_NE(stream.first_held(), nullptr);
  EXPECT_EQ(stream.first_held()->begin(), 0xFFFFFFF8u);
  auto a = stream.take_first();
  EXPECT_EQ(stream.held_bytes(), 6u);
  auto b = stream.take_first();
  ASSERT_TRUE(a && b);
  EXPECT_EQ(text_of(a->transfer()), "first");
  EXPECT_EQ(text_of(b->transfer()), "second");
  EXPECT_FALSE(stream.take_first());
  EXPECT_EQ(stream.first_held(), nullptr);
  EXPECT_EQ(stream.held_bytes(), 0u);
}

TEST(ByteStream, HoldsNoMoreThanItsBounds) {
  ByteStream bytes;
  bytes.start_at(0);
  const std::string half(ByteStream::kMaxHeldBytes / 2, 'x');
  EXPECT_TRUE(bytes.hold(make(1, half)));
  EXPECT_TRUE(bytes.hold(make(100'000, half)));
  EXPECT_FALSE(bytes.hold(make(200'000, "x")));
  EXPECT_EQ(bytes.held_bytes(), 65536u);
  bytes.drop_held();
  EXPECT_FALSE(bytes.holding());
  EXPECT_EQ(bytes.held_bytes(), 0u);

  ByteStream count;
  count.start_at(0);
  for (uint32_t i = 0; i < ByteStream::kMaxHeldTransfers; ++i)
    EXPECT_TRUE(count.hold(make(1 + 2 * i, "x")));
  EXPECT_FALSE(count.hold(make(1000, "x")));
}

}  // namespace
}  // namespace tacit::connection
