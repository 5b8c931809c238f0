// SPDX-License-Identifier: Apache-2.0
#include "agent/protocol/http1/body.h"

#include <gtest/gtest.h>

#include <string>

namespace tacit::protocol::http1 {
namespace {

constexpr std::string_view kChunks =
    "4;name=\"a;b\"\r\nWiki\r\n05\r\npedia\r\nA \r\n0123456789\r\n000\r\nT: v\r\nU: w\r\n\r\n";

TEST(Body, CountsALength) {
  Body body;
  body.start(Body::Kind::kLength, 5);
  EXPECT_EQ(body.consume("abc"), 3u);
  EXPECT_FALSE(body.done());
  EXPECT_EQ(body.known_span(), 2u);
  EXPECT_EQ(body.consume("defg"), 2u);
  EXPECT_TRUE(body.done());
  EXPECT_EQ(body.data_bytes(), 5u);
  body.start(Body::Kind::kLength, 0);
  EXPECT_TRUE(body.done());
  body.start(Body::Kind::kNone);
  EXPECT_TRUE(body.done());
}

TEST(Body, CountsChunksWithoutTheirFraming) {
  Body body;
  body.start(Body::Kind::kChunked);
  EXPECT_EQ(body.consume(std::string(kChunks) + "HTTP/1.1"), kChunks.size());
  EXPECT_TRUE(body.done());
  EXPECT_EQ(body.data_bytes(), 19u);
}

TEST(Body, CountsChunksSplitAnywhere) {
  for (size_t cut = 0; cut <= kChunks.size(); ++cut) {
    Body body;
    body.start(Body::Kind::kChunked);
    EXPECT_EQ(body.consume(kChunks.substr(0, cut)), cut);
    EXPECT_EQ(body.done(), cut == kChunks.size()) << cut;
    EXPECT_EQ(body.consume(kChunks.substr(cut)), kChunks.size() - cut);
    EXPECT_TRUE(body.done()) << cut;
    EXPECT_EQ(body.data_bytes(), 19u) << cut;
  }
}

TEST(Body, ToleratesBareLineFeeds) {
  Body body;
  body.start(Body::Kind::kChunked);
  const std::string_view text = "3\nabc\n0\n\n";
  EXPECT_EQ(body.consume(text), text.size());
  EXPECT_TRUE(body.done());
  EXPECT_EQ(body.data_bytes(), 3u);
}

TEST(Body, RefusesFramingThatIsNone) {
  for (const std::string_view text : {"x\r\n", "\r\n", ";a\r\n", "3\r\nabcX", "3\r\nabc\rX",
                                      "0\r\n\rX", "10000000000000000\r\n", "-1\r\n", "3g\r\n"}) {
    Body body;
    body.start(Body::Kind::kChunked);
    body.consume(text);
    EXPECT_TRUE(body.failed()) << text;
    EXPECT_FALSE(body.done()) << text;
  }
}

TEST(Body, TakesTheLargestChunkSize) {
  Body body;
  body.start(Body::Kind::kChunked);
  body.consume("7fffffffffffffff\r\n");
  EXPECT_FALSE(body.failed());
  EXPECT_EQ(body.known_span(), 0x7fffffffffffffffu);
}

TEST(Body, LetsBytesOfAKnownSpanPassUnseen) {
  Body body;
  body.start(Body::Kind::kLength, 10);
  EXPECT_EQ(body.skip(4), 4u);
  EXPECT_EQ(body.skip(100), 6u);
  EXPECT_TRUE(body.done());
  EXPECT_EQ(body.data_bytes(), 10u);

  body.start(Body::Kind::kChunked);
  EXPECT_EQ(body.skip(1), 0u);
  body.consume("a\r\n01");
  EXPECT_EQ(body.known_span(), 8u);
  EXPECT_EQ(body.skip(9), 8u);
  EXPECT_EQ(body.skip(1), 0u);
  EXPECT_EQ(body.consume("\r\n0\r\n\r\n"), 7u);
  EXPECT_TRUE(body.done());
  EXPECT_EQ(body.data_bytes(), 10u);
}

TEST(Body, EndsWithTheStreamOnlyWhereThatIsItsEnd) {
  Body body;
  body.start(Body::Kind::kUntilClose);
  EXPECT_EQ(body.consume("abc"), 3u);
  EXPECT_EQ(body.skip(7), 7u);
  EXPECT_FALSE(body.done());
  EXPECT_TRUE(body.end_of_stream());
  EXPECT_EQ(body.data_bytes(), 10u);
  body.start(Body::Kind::kLength, 3);
  EXPECT_FALSE(body.end_of_stream());
  body.start(Body::Kind::kChunked);
  EXPECT_FALSE(body.end_of_stream());
}

}  // namespace
}  // namespace tacit::protocol::http1
