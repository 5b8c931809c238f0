// SPDX-License-Identifier: Apache-2.0
// A bounded queue and one thread in front of one destination. Spans come in on the loop thread,
// which waits for nothing but a short lock; they leave in batches on the export thread.
//
// Every span handed in is counted exactly once: exported, failed or dropped. What finds the queue
// full, or comes after shutdown(), is dropped (the newest); capacity does not include the one batch
// that is being sent.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/telemetry/exporter.h"
#include "exporters/delivery.h"
#include "exporters/destination.h"
#include "exporters/stop_signal.h"

namespace tacit::exporters {

class ExportQueue : public telemetry::SpanExporter {
 public:
  struct Options {
    std::string destination;  // the stats' label
    size_t capacity = 8'192;  // spans
    size_t batch_spans = 512;
    std::chrono::milliseconds schedule{1'000};  // a batch that is not full waits this long
    RetryPolicy retry;
  };

  ExportQueue(
      Options options, std::unique_ptr<SpanSink> sink,
      std::unique_ptr<DeliveryEnvironment> environment = std::make_unique<DeliveryEnvironment>());
  ~ExportQueue() override;

  void export_spans(std::vector<telemetry::Span> spans) override;
  void shutdown(std::chrono::milliseconds deadline) override;
  telemetry::ExporterStats stats() const override;

 private:
  using Batch = std::vector<telemetry::Span>;

  void run();
  Batch next_batch();  // empty: stopped and nothing waits
  void send(Batch batch);

  const Options options_;
  const std::unique_ptr<SpanSink> sink_;
  StopSignal stop_;
  Delivery delivery_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> batches_;  // all but the last are full
  size_t waiting_ = 0;         // spans in batches_
  uint64_t dropped_ = 0;
  bool stopping_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace tacit::exporters
