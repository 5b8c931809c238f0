// SPDX-License-Identifier: Apache-2.0
#include "exporters/delivery.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>

#include "agent/base/log.h"

namespace tacit::exporters {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One line per destination in this time, so that a lasting fault does not fill the log.
constexpr seconds kWarningPause{30};
// The longest silence a destination may ask for; also keeps a hostile figure from overflowing.
constexpr milliseconds kLongestRetryAfter{3'600'000};

}  // namespace

StopSignal::TimePoint DeliveryEnvironment::now() const { return std::chrono::steady_clock::now(); }

void DeliveryEnvironment::sleep(milliseconds time, const StopSignal& stop) {
  if (stop.stopped() || stop.fd() < 0) {
    std::this_thread::sleep_for(time);
    return;
  }
  pollfd waiting{stop.fd(), POLLIN, 0};
  (void)::poll(&waiting, 1, static_cast<int>(std::min(time, kLongestRetryAfter).count()));
}

double DeliveryEnvironment::random() {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

void DeliveryEnvironment::warn(const std::string& line) { log::warn(line); }

Delivery::Delivery(std::string destination, std::string noun, RetryPolicy policy,
                   const StopSignal& stop, std::unique_ptr<DeliveryEnvironment> environment)
    : destination_(std::move(destination)),
      noun_(std::move(noun)),
      policy_(policy),
      stop_(stop),
      environment_(std::move(environment)) {}

void Delivery::deliver(Sink& sink, const Payload& payload) {
  if (!wait_until_allowed()) return give_up(payload.items, "the agent is stopping");
  const auto start = environment_->now();
  for (unsigned tries = 1;; ++tries) {
    Attempt attempt = sink.send(payload, stop_);
    if (attempt.outcome == Attempt::Outcome::kDone) {
      const uint64_t failed = std::min(attempt.failed, payload.items);
      counts_.exported += payload.items - failed;
      if (failed > 0) {
        give_up(failed, attempt.message);
      } else if (!attempt.message.empty()) {
        warn(attempt.message);
      }
      return;
    }
    if (attempt.outcome == Attempt::Outcome::kPermanent) {
      return give_up(payload.items, attempt.message);
    }
    const bool asked_for = attempt.retry_after.has_value();
    const milliseconds delay =
        asked_for ? std::clamp(*attempt.retry_after, milliseconds{0}, kLongestRetryAfter)
                  : back_off(tries);
    if (asked_for) not_before_ = environment_->now() + delay;
    if (environment_->now() + delay - start > policy_.give_up_after) {
      return give_up(payload.items, attempt.message + "; no more tries");
    }
    warn(attempt.message + "; trying again");
    if (!wait(delay, asked_for)) {
      return give_up(payload.items, attempt.message + "; the agent is stopping");
    }
    ++counts_.retries;
  }
}

void Delivery::give_up(uint64_t items, const std::string& why) {
  if (items == 0) return;
  counts_.failed += items;
  warn(fmt::format("{} {} lost: {}", items, noun_, why));
}

// False: the wait would not end before the deadline. A stop that comes during our own back-off
// ends it, for a last try; a wait that the destination asked for is kept.
bool Delivery::wait(milliseconds delay, bool asked_for) {
  const auto end = environment_->now() + delay;
  for (;;) {
    const auto now = environment_->now();
    if (now >= end) return !stop_.deadline() || now < *stop_.deadline();
    const auto deadline = stop_.deadline();
    if (deadline && end > *deadline) return false;
    environment_->sleep(std::chrono::ceil<milliseconds>(end - now), stop_);
    if (!deadline && stop_.stopped() && !asked_for) return true;
  }
}

bool Delivery::wait_until_allowed() {
  const auto left = std::chrono::ceil<milliseconds>(not_before_ - environment_->now());
  if (not_before_ == StopSignal::TimePoint{} || left.count() <= 0) {
    const auto deadline = stop_.deadline();
    return !deadline || environment_->now() < *deadline;
  }
  return wait(left, true);
}

milliseconds Delivery::back_off(unsigned tries) {
  const double exact = static_cast<double>(policy_.first.count()) *
                       std::pow(policy_.factor, std::min(tries - 1, 64u));
  const double bounded = std::min(exact, static_cast<double>(policy_.longest.count()));
  const double spread = 1 + policy_.jitter * (2 * environment_->random() - 1);
  return milliseconds(std::llround(bounded * spread));
}

void Delivery::warn(const std::string& line) {
  const auto now = environment_->now();
  if (warned_ && now - last_warning_ < kWarningPause) {
    ++unsaid_;
    return;
  }
  const std::string more =
      unsaid_ > 0 ? fmt::format(" ({} more such lines were kept back)", unsaid_) : "";
  environment_->warn(destination_ + ": " + line + more);
  warned_ = true;
  last_warning_ = now;
  unsaid_ = 0;
}

}  // namespace tacit::exporters
