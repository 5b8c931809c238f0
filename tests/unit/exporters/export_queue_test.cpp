// SPDX-License-Identifier: Apache-2.0
#include "exporters/export_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <semaphore>

#include "tests/unit/exporters/samples.h"
#include "tests/unit/exporters/scripted_delivery.h"

namespace tacit::exporters {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

// Keeps what it is sent; the tests look at it after shutdown(), which joins the thread.
struct Received {
  std::vector<size_t> batches;
  std::vector<std::string> names;
  std::deque<Attempt> script;
};

class KeepingSink : public SpanSink {
 public:
  explicit KeepingSink(Received& received) : received_(received) {}
  std::vector<Payload> encode(std::vector<telemetry::Span> spans) override {
    received_.batches.push_back(spans.size());
    for (const auto& span : spans) received_.names.push_back(span.name);
    return {{"", spans.size()}};
  }
  Attempt send(const Payload&, const StopSignal&) override {
    if (received_.script.empty()) return done();
    Attempt next = received_.script.front();
    received_.script.pop_front();
    return next;
  }

 private:
  Received& received_;
};

// Says when it was reached, then waits to be let go.
class GatedSink : public KeepingSink {
 public:
  GatedSink(Received& received, std::latch& reached, std::latch& gate)
      : KeepingSink(received), reached_(reached), gate_(gate) {}
  Attempt send(const Payload& payload, const StopSignal& stop) override {
    if (!passed_) {
      passed_ = true;
      reached_.count_down();
      gate_.wait();
    }
    return KeepingSink::send(payload, stop);
  }

 private:
  std::latch& reached_;
  std::latch& gate_;
  bool passed_ = false;
};

ExportQueue::Options options(size_t capacity, size_t batch) {
  ExportQueue::Options options;
  options.destination = "test";
  options.capacity = capacity;
  options.batch_spans = batch;
  options.schedule = seconds(3600);  // only a full batch or the shutdown sends
  return options;
}

TEST(ExportQueue, SendsFullBatchesInOrder) {
  Received received;
  ExportQueue queue(options(8192, 512), std::make_unique<KeepingSink>(received));
  queue.export_spans(named_spans(1300));
  queue.shutdown(seconds(60));
  EXPECT_THAT(received.batches, ElementsAre(512, 512, 276));
  ASSERT_EQ(received.names.size(), 1300u);
  for (size_t i = 0; i < 1300; ++i) EXPECT_EQ(received.names[i], "s" + std::to_string(i));
  const auto stats = queue.stats();
  EXPECT_EQ(stats.destination, "test");
  EXPECT_EQ(stats.exported, 1300u);
  EXPECT_EQ(stats.failed, 0u);
  EXPECT_EQ(stats.dropped, 0u);
  EXPECT_EQ(stats.queue_items, 0u);
  EXPECT_EQ(stats.queue_capacity, 8192u);
}

TEST(ExportQueue, DropsTheNewestWhenFullAndCountsThem) {
  Received received;
  std::latch reached(1), gate(1);
  ExportQueue queue(options(10, 4), std::make_unique<GatedSink>(received, reached, gate));
  queue.export_spans(named_spans(4, "first"));
  reached.wait();  // a batch of 4 is being sent; the queue is empty
  queue.export_spans(named_spans(7, "second"));
  queue.export_spans(named_spans(18, "third"));
  auto stats = queue.stats();
  EXPECT_EQ(stats.queue_items, 10u);
  EXPECT_EQ(stats.dropped, 15u);
  gate.count_down();
  queue.shutdown(seconds(60));
  stats = queue.stats();
  EXPECT_EQ(stats.exported, 14u);
  EXPECT_EQ(stats.failed, 0u);
  EXPECT_EQ(stats.dropped, 15u);
  EXPECT_THAT(received.batches, ElementsAre(4, 4, 4, 2));
  EXPECT_THAT(received.names, ElementsAre("first0", "first1", "first2", "first3", "second0",
                                          "second1", "second2", "second3", "second4", "second5",
                                          "second6", "third0", "third1", "third2"));
}

TEST(ExportQueue, WhatComesAfterShutdownIsDropped) {
  Received received;
  ExportQueue queue(options(10, 4), std::make_unique<KeepingSink>(received));
  queue.shutdown(seconds(60));
  queue.export_spans(named_spans(3));
  EXPECT_EQ(queue.stats().dropped, 3u);
  EXPECT_EQ(queue.stats().exported, 0u);
}

// Holds on until the deadline, as a destination that does not answer.
class SilentSink : public KeepingSink {
 public:
  SilentSink(Received& received, std::latch& reached) : KeepingSink(received), reached_(reached) {}
  Attempt send(const Payload&, const StopSignal& stop) override {
    reached_.count_down();
    while (!stop.expired()) std::this_thread::yield();
    return again();
  }

 private:
  std::latch& reached_;
};

TEST(ExportQueue, WhatIsLeftAtTheDeadlineIsFailed) {
  Received received;
  std::latch reached(1);
  ExportQueue queue(options(100, 4), std::make_unique<SilentSink>(received, reached));
  queue.export_spans(named_spans(4));
  reached.wait();
  queue.export_spans(named_spans(33));
  queue.shutdown(std::chrono::milliseconds(20));
  EXPECT_EQ(queue.stats().failed, 37u);
  EXPECT_EQ(queue.stats().exported, 0u);
  EXPECT_EQ(queue.stats().dropped, 0u);
  EXPECT_EQ(queue.stats().queue_items, 0u);
  EXPECT_THAT(received.batches, ElementsAre(4));
}

class ForgetfulSink : public SpanSink {
 public:
  std::vector<Payload> encode(std::vector<telemetry::Span> spans) override {
    if (spans.size() > 2) throw std::bad_alloc();
    return {{"", 1}};
  }
  Attempt send(const Payload&, const StopSignal&) override { return done(); }
};

TEST(ExportQueue, SpansThatTheEncoderLosesAreFailed) {
  ExportQueue queue(options(100, 3), std::make_unique<ForgetfulSink>());
  queue.export_spans(named_spans(5));  // batches of 3 and 2
  queue.shutdown(seconds(60));
  EXPECT_EQ(queue.stats().exported, 1u);
  EXPECT_EQ(queue.stats().failed, 4u);
}

TEST(ExportQueue, EverySpanIsCountedOnceUnderLoad) {
  Received received;
  for (int i = 0; i < 1000; ++i) {
    received.script.push_back(i % 3 == 0 ? refused() : i % 3 == 1 ? done(5, "part") : done());
  }
  Played played;
  ExportQueue queue(options(300, 64), std::make_unique<KeepingSink>(received),
                    std::make_unique<PlayedEnvironment>(played));
  std::vector<std::thread> producers;
  for (int p = 0; p < 4; ++p) {
    producers.emplace_back([&queue] {
      for (int i = 0; i < 500; ++i) queue.export_spans(named_spans(10));
    });
  }
  for (auto& producer : producers) producer.join();
  queue.shutdown(seconds(60));
  const auto stats = queue.stats();
  EXPECT_EQ(stats.exported + stats.failed + stats.dropped, 20'000u);
  EXPECT_EQ(stats.exported + stats.failed, received.names.size());
  EXPECT_EQ(stats.queue_items, 0u);
}

}  // namespace
}  // namespace tacit::exporters
