// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/span_outlet.h"

#include <utility>

namespace tacit::pipeline {
namespace {

constexpr size_t kSpansPerHandOut = 512;  // then exporters get theirs in mid-batch
// Some 16 MB.
constexpr size_t kMaxWaiting = 16384;

}  // namespace

SpanOutlet::SpanOutlet(trace::Correlator& correlator,
                       std::vector<telemetry::SpanExporter*> exporters)
    : correlator_(correlator), exporters_(std::move(exporters)) {}

bool SpanOutlet::is_unwanted(trace::Place& place, uint64_t now_ns) {
  if (!correlator_.settle(place, now_ns) || place.kept) return false;
  ++(place.left_to_sdk ? counters_.left_to_sdk : counters_.sampled_out);
  return true;
}

void SpanOutlet::add(telemetry::Span span, const trace::PlacePtr& place, uint64_t now_ns,
                     Complete complete) {
  if (!complete && correlator_.settle(*place, now_ns)) return release(std::move(span), *place);
  waiting_.push_back({std::move(span), place, std::move(complete)});
  if (waiting_.size() > kMaxWaiting) settle(now_ns, true);
}

void SpanOutlet::release(telemetry::Span span, const trace::Place& place) {
  if (!place.kept) {
    ++(place.left_to_sdk ? counters_.left_to_sdk : counters_.sampled_out);
    return;
  }
  trace::Correlator::apply(place, span);
  spans_.push_back(std::move(span));
  if (spans_.size() >= kSpansPerHandOut) hand_out();
}

bool SpanOutlet::is_ready(Waiting& each, uint64_t now_ns, bool force) {
  if (each.complete && each.complete(each.span, now_ns, force)) each.complete = nullptr;
  return correlator_.settle(*each.place, now_ns) && !each.complete;
}

void SpanOutlet::settle(uint64_t now_ns, bool force) {
  std::deque<Waiting> waiting = std::exchange(waiting_, {});
  for (Waiting& each : waiting) {
    if (is_ready(each, now_ns, force)) {
      release(std::move(each.span), *each.place);
    } else if (force) {
      ++counters_.unsettled;
      correlator_.settle(*each.place, now_ns, true);
      release(std::move(each.span), *each.place);
    } else {
      waiting_.push_back(std::move(each));
    }
  }
}

void SpanOutlet::hand_out() {
  if (spans_.empty()) return;
  for (size_t i = 0; i + 1 < exporters_.size(); ++i) exporters_[i]->export_spans(spans_);
  exporters_.back()->export_spans(std::exchange(spans_, {}));
}

}  // namespace tacit::pipeline
