// SPDX-License-Identifier: Apache-2.0
// Sends payloads to one destination: tries, waits, tries again or gives up, and counts every item
// exactly once as exported or failed. Lives on the export thread; the counts are read anywhere.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "exporters/destination.h"
#include "exporters/stop_signal.h"

namespace tacit::exporters {

// OTLP asks for exponential back-off with jitter and leaves the figures open; these are the ones of
// OpenTelemetry's SDKs (first, factor, longest) and of its Collector (give up).
struct RetryPolicy {
  std::chrono::milliseconds first{1'000};
  double factor = 1.5;
  std::chrono::milliseconds longest{5'000};
  double jitter = 0.2;                               // each wait is this part shorter or longer
  std::chrono::milliseconds give_up_after{300'000};  // since the payload's first try
};

// Time, chance and the log, so that tests can play them.
class DeliveryEnvironment {
 public:
  virtual ~DeliveryEnvironment() = default;
  virtual StopSignal::TimePoint now() const;
  // Sleeps; if `stop` was not yet given, its coming ends the sleep.
  virtual void sleep(std::chrono::milliseconds time, const StopSignal& stop);
  virtual double random();  // in [0, 1)
  virtual void warn(const std::string& line);
};

class Delivery {
 public:
  struct Counts {
    std::atomic<uint64_t> exported{0};
    std::atomic<uint64_t> failed{0};
    std::atomic<uint64_t> retries{0};
  };

  // `noun`: what an item is called in a log line, in the plural. `stop` outlives this.
  Delivery(std::string destination, std::string noun, RetryPolicy policy, const StopSignal& stop,
           std::unique_ptr<DeliveryEnvironment> environment);

  // Returns when every item of the payload is counted.
  void deliver(Sink& sink, const Payload& payload);
  // Counts items that were never tried.
  void give_up(uint64_t items, const std::string& why);

  const Counts& counts() const { return counts_; }

 private:
  bool wait(std::chrono::milliseconds delay, bool asked_for);
  bool wait_until_allowed();
  std::chrono::milliseconds back_off(unsigned tries);
  void warn(const std::string& line);

  const std::string destination_;
  const std::string noun_;
  const RetryPolicy policy_;
  const StopSignal& stop_;
  const std::unique_ptr<DeliveryEnvironment> environment_;
  Counts counts_;
  StopSignal::TimePoint not_before_{};  // the destination asked to be left alone until then
  StopSignal::TimePoint last_warning_{};
  bool warned_ = false;
  uint64_t unsaid_ = 0;  // log lines kept back since last_warning_
};

}  // namespace tacit::exporters
