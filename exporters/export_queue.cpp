// SPDX-License-Identifier: Apache-2.0
#include "exporters/export_queue.h"

#include <algorithm>
#include <exception>
#include <iterator>

#include "exporters/export_thread.h"

namespace tacit::exporters {

ExportQueue::ExportQueue(Options options, std::unique_ptr<SpanSink> sink,
                         std::unique_ptr<DeliveryEnvironment> environment)
    : options_(std::move(options)),
      sink_(std::move(sink)),
      delivery_(options_.destination, "spans", options_.retry, stop_, std::move(environment)),
      thread_(start_export_thread(options_.destination, [this] { run(); })) {}

ExportQueue::~ExportQueue() { shutdown(std::chrono::milliseconds{0}); }

void ExportQueue::export_spans(std::vector<telemetry::Span> spans) {
  if (spans.empty()) return;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const size_t room = stopping_ ? 0 : options_.capacity - waiting_;
    const size_t taken = std::min(room, spans.size());
    dropped_ += spans.size() - taken;
    for (size_t i = 0; i < taken; ++i) {
      if (batches_.empty() || batches_.back().size() >= options_.batch_spans) {
        batches_.emplace_back().reserve(options_.batch_spans);
      }
      batches_.back().push_back(std::move(spans[i]));
    }
    // The thread sleeps in two places only: for a first span and for a full batch.
    const size_t before = waiting_;
    waiting_ += taken;
    wake = taken > 0 &&
           (before == 0 || (before < options_.batch_spans && waiting_ >= options_.batch_spans));
  }
  if (wake) changed_.notify_one();
}

void ExportQueue::shutdown(std::chrono::milliseconds deadline) {
  stop_.stop_by(std::chrono::steady_clock::now() + deadline);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

telemetry::ExporterStats ExportQueue::stats() const {
  telemetry::ExporterStats stats;
  stats.destination = options_.destination;
  stats.exported = delivery_.counts().exported;
  stats.failed = delivery_.counts().failed;
  stats.retries = delivery_.counts().retries;
  stats.queue_capacity = options_.capacity;
  const std::lock_guard lock(mutex_);
  stats.dropped = dropped_;
  stats.queue_items = waiting_;
  return stats;
}

void ExportQueue::run() {
  for (Batch batch = next_batch(); !batch.empty(); batch = next_batch()) {
    if (stop_.expired()) {
      delivery_.give_up(batch.size(), "the agent is stopping and the time to send has run out");
    } else {
      send(std::move(batch));
    }
  }
}

ExportQueue::Batch ExportQueue::next_batch() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || waiting_ > 0; });
  changed_.wait_for(lock, options_.schedule,
                    [this] { return stopping_ || waiting_ >= options_.batch_spans; });
  if (batches_.empty()) return {};
  Batch batch = std::move(batches_.front());
  batches_.pop_front();
  waiting_ -= batch.size();
  return batch;
}

void ExportQueue::send(Batch batch) {
  const uint64_t all = batch.size();
  uint64_t handed_on = 0;
  std::string why = "they could not be encoded";
  try {
    for (const Payload& payload : sink_->encode(std::move(batch))) {
      handed_on += payload.items;
      delivery_.deliver(*sink_, payload);
    }
  } catch (const std::exception& error) {  // out of memory is all that is left
    why = error.what();
  }
  if (handed_on < all) delivery_.give_up(all - handed_on, why);
}

}  // namespace tacit::exporters
