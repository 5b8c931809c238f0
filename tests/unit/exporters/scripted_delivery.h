// SPDX-License-Identifier: Apache-2.0
// A played clock and a destination that answers by a script.
#pragma once
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "exporters/delivery.h"
#include "exporters/destination.h"

namespace tacit::exporters {

inline Attempt done(uint64_t failed = 0, std::string message = "") {
  return {Attempt::Outcome::kDone, failed, std::nullopt, std::move(message)};
}
inline Attempt again(std::optional<std::chrono::milliseconds> retry_after = {}) {
  return {Attempt::Outcome::kRetry, 0, retry_after, "busy"};
}
inline Attempt refused(std::string why = "refused") {
  return {Attempt::Outcome::kPermanent, 0, std::nullopt, std::move(why)};
}

// What happened, kept outside the environment, which the delivery owns.
struct Played {
  StopSignal::TimePoint now{std::chrono::hours(1)};
  double chance = 0.5;  // the middle: no jitter
  std::vector<int64_t> sleeps_ms;
  std::vector<std::string> lines;
  std::function<void()> on_sleep;
};

class PlayedEnvironment : public DeliveryEnvironment {
 public:
  explicit PlayedEnvironment(Played& played) : played_(played) {}
  StopSignal::TimePoint now() const override { return played_.now; }
  void sleep(std::chrono::milliseconds time, const StopSignal& stop) override {
    played_.sleeps_ms.push_back(time.count());
    const bool stopped_before = stop.stopped();
    if (played_.on_sleep) played_.on_sleep();
    if (stopped_before || !stop.stopped()) played_.now += time;
  }
  double random() override { return played_.chance; }
  void warn(const std::string& line) override { played_.lines.push_back(line); }

 private:
  Played& played_;
};

class ScriptedSink : public Sink {
 public:
  std::deque<Attempt> script;  // when it ends: done
  std::vector<std::string> sent;

  Attempt send(const Payload& payload, const StopSignal&) override {
    sent.push_back(payload.body);
    if (script.empty()) return done();
    Attempt next = script.front();
    script.pop_front();
    return next;
  }
};

}  // namespace tacit::exporters
