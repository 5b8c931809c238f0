// SPDX-License-Identifier: Apache-2.0
#include "exporters/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/exporters/scripted_delivery.h"

namespace tacit::exporters {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

class DeliveryTest : public testing::Test {
 protected:
  std::unique_ptr<Delivery> make(RetryPolicy policy = {}) {
    return std::make_unique<Delivery>("otlp-spans", "spans", policy, stop_,
                                      std::make_unique<PlayedEnvironment>(played_));
  }
  void expect_counts(const Delivery& delivery, uint64_t exported, uint64_t failed,
                     uint64_t retries) {
    EXPECT_EQ(delivery.counts().exported, exported);
    EXPECT_EQ(delivery.counts().failed, failed);
    EXPECT_EQ(delivery.counts().retries, retries);
  }

  Played played_;
  ScriptedSink sink_;
  StopSignal stop_;
};

TEST_F(DeliveryTest, CountsWhatIsTaken) {
  const auto delivery = make();
  delivery->deliver(sink_, {"a", 7});
  delivery->deliver(sink_, {"b", 5});
  expect_counts(*delivery, 12, 0, 0);
  EXPECT_THAT(sink_.sent, ElementsAre("a", "b"));
  EXPECT_THAT(played_.lines, ElementsAre());
}

TEST_F(DeliveryTest, BacksOffExponentiallyUpToTheLongestWait) {
  sink_.script = {again(), again(), again(), again(), again(), again()};
  const auto delivery = make();
  delivery->deliver(sink_, {"a", 7});
  expect_counts(*delivery, 7, 0, 6);
  EXPECT_THAT(played_.sleeps_ms, ElementsAre(1000, 1500, 2250, 3375, 5000, 5000));
  EXPECT_THAT(sink_.sent, ElementsAre("a", "a", "a", "a", "a", "a", "a"));
  EXPECT_THAT(played_.lines, ElementsAre("otlp-spans: busy; trying again"));
}

TEST_F(DeliveryTest, JitterStaysWithinItsPart) {
  sink_.script = {again(), again()};
  played_.chance = 0;
  const auto delivery = make();
  delivery->deliver(sink_, {"a", 1});
  EXPECT_THAT(played_.sleeps_ms, ElementsAre(800, 1200));
}

TEST_F(DeliveryTest, WaitsAsLongAsTheDestinationAsks) {
  sink_.script = {again(seconds(7)), again(milliseconds(250))};
  const auto delivery = make();
  delivery->deliver(sink_, {"a", 3});
  expect_counts(*delivery, 3, 0, 2);
  EXPECT_THAT(played_.sleeps_ms, ElementsAre(7000, 250));
}

TEST_F(DeliveryTest, LeavesTheDestinationAloneEvenAfterGivingUp) {
  RetryPolicy policy;
  policy.give_up_after = seconds(5);
  sink_.script = {again(seconds(10))};
  const auto delivery = make(policy);
  delivery->deliver(sink_, {"a", 3});
  expect_counts(*delivery, 0, 3, 0);
  EXPECT_THAT(played_.sleeps_ms, ElementsAre());
  EXPECT_THAT(played_.lines, ElementsAre("otlp-spans: 3 spans lost: busy; no more tries"));
  delivery->deliver(sink_, {"b", 4});
  expect_counts(*delivery, 4, 3, 0);
  EXPECT_THAT(played_.sleeps_ms, ElementsAre(10'000));
  EXPECT_THAT(sink_.sent, ElementsAre("a", "b"));
}

TEST_F(DeliveryTest, GivesUpAfterTheWholeTime) {
  RetryPolicy policy;
  policy.give_up_after = seconds(5);
  sink_.script = {again(), again(), again(), again(), again()};
  const auto delivery = make(policy);
  delivery->deliver(sink_, {"a", 9});
  expect_counts(*delivery, 0, 9, 3);  // at 0, 1, 2.5 and 4.75 s; the next would be at 8.1 s
  EXPECT_THAT(played_.sleeps_ms, ElementsAre(1000, 1500, 2250));
}

TEST_F(DeliveryTest, PermanentErrorsAreNotTriedAgain) {
  sink_.script = {refused("http://c answered HTTP 400")};
  const auto delivery = make();
  delivery->deliver(sink_, {"a", 512});
  expect_counts(*delivery, 0, 512, 0);
  EXPECT_THAT(played_.lines, ElementsAre("otlp-spans: 512 spans lost: http://c answered HTTP 400"));
}

TEST_F(DeliveryTest, PartOfABatchRejected) {
  sink_.script = {done(3, "a part"), done(99, "more than all"), done(0, "a warning")};
  const auto delivery = make();
  delivery->deliver(sink_, {"a", 10});
  expect_counts(*delivery, 7, 3, 0);
  delivery->deliver(sink_, {"b", 10});
  expect_counts(*delivery, 7, 13, 0);
  delivery->deliver(sink_, {"c", 10});
  expect_counts(*delivery, 17, 13, 0);
}

TEST_F(DeliveryTest, OneLogLineInThirtySeconds) {
  sink_.script = {refused("1"), refused("2"), refused("3"), refused("4"), refused("5")};
  const auto delivery = make();
  for (int i = 0; i < 3; ++i) delivery->deliver(sink_, {"a", 1});
  played_.now += seconds(30);
  delivery->deliver(sink_, {"a", 1});
  played_.now += seconds(30);
  delivery->deliver(sink_, {"a", 1});
  EXPECT_THAT(played_.lines,
              ElementsAre("otlp-spans: 1 spans lost: 1",
                          "otlp-spans: 1 spans lost: 4 (2 more such lines were kept back)",
                          "otlp-spans: 1 spans lost: 5"));
}

TEST_F(DeliveryTest, StopCutsABackOffShortForALastTry) {
  sink_.script = {again()};
  played_.on_sleep = [this] { stop_.stop_by(played_.now + seconds(5)); };
  const auto delivery = make();
  delivery->deliver(sink_, {"a", 4});
  expect_counts(*delivery, 4, 0, 1);
  EXPECT_THAT(played_.sleeps_ms, ElementsAre(1000));
}

TEST_F(DeliveryTest, StopKeepsAWaitThatWasAskedForIfThereIsTime) {
  sink_.script = {again(seconds(3))};
  played_.on_sleep = [this] { stop_.stop_by(played_.now + seconds(5)); };
  const auto delivery = make();
  delivery->deliver(sink_, {"a", 4});
  expect_counts(*delivery, 4, 0, 1);
  EXPECT_THAT(played_.sleeps_ms, ElementsAre(3000, 3000));  // the first one was interrupted
}

TEST_F(DeliveryTest, StopGivesUpAWaitThatWasAskedForIfThereIsNoTime) {
  sink_.script = {again(seconds(30))};
  played_.on_sleep = [this] { stop_.stop_by(played_.now + seconds(5)); };
  const auto delivery = make();
  delivery->deliver(sink_, {"a", 4});
  expect_counts(*delivery, 0, 4, 0);
  delivery->deliver(sink_, {"b", 6});  // the destination still wants to be left alone
  expect_counts(*delivery, 0, 10, 0);
  EXPECT_THAT(sink_.sent, ElementsAre("a"));
}

TEST_F(DeliveryTest, NothingIsTriedAfterTheDeadline) {
  stop_.stop_by(played_.now);
  const auto delivery = make();
  delivery->deliver(sink_, {"a", 4});
  expect_counts(*delivery, 0, 4, 0);
  EXPECT_THAT(sink_.sent, ElementsAre());
}

}  // namespace
}  // namespace tacit::exporters
