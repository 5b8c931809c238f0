// SPDX-License-Identifier: Apache-2.0
#include "cupti/tracer.h"

#include "cupti/monotonic.h"

namespace tacit::cupti {
namespace {

// What CUPTI may take of the device's memory in one context: 10 x 3 MiB. Its own limit is 250.
constexpr size_t kDeviceBufferBytes = size_t{3} << 20;
constexpr size_t kDeviceBuffers = 10;
constexpr size_t kDeviceBuffersAtFirst = 2;

}  // namespace

void Tracer::start(const Settings& settings) {
  if (started_ || settings.off) return;
  started_ = true;
  budget_ppm_ = settings.budget_ppm;
  patience_ns_ = settings.patience_ns;
  if (!outbox_.map() || !collector_.map()) return fail_for_good(0);
  courier_.open(settings.file);
  uint32_t version = 0;
  if (!driver_is_mapped() || !load_cupti(settings.library, cupti_) ||
      cupti_.get_version(&version) != kSuccess || version < kOldestVersion ||
      version > kNewestVersion) {
    figures_.cupti_version.store(version, std::memory_order_relaxed);
    set_state(GPU_TRACER_UNSUPPORTED);
    courier_.announce();
    return;
  }
  figures_.cupti_version.store(version, std::memory_order_relaxed);
  if (subscribe()) return;  // and wait for a context
  courier_.announce();
  if (state() == GPU_TRACER_YIELDED) start_thread();  // to try again
}

void Tracer::fail_for_good(int error) {
  figures_.error.store(error, std::memory_order_relaxed);
  set_state(GPU_TRACER_FAILED);
}

bool Tracer::subscribe() {
  const int result = cupti_.subscribe(&subscriber_, callbacks_.call, this);
  if (result == kSuccess) {
    subscribed_ = true;
    figures_.error.store(0, std::memory_order_relaxed);
    prepare();
    if (state() == GPU_TRACER_FAILED) stand_down(GPU_TRACER_FAILED);
    return subscribed_;
  }
  if (result == kMultipleSubscribers) {
    figures_.error.store(result, std::memory_order_relaxed);
    set_state(GPU_TRACER_YIELDED);
  } else {
    fail_for_good(result);
  }
  return false;
}

// What CUPTI wants to know before a context and before anything is enabled.
void Tracer::prepare() {
  cupti_.enable_callback(1, subscriber_, kDomainState, kStateFatalError);
  cupti_.enable_callback(1, subscriber_, kDomainResource, kResourceContextCreated);
  const struct {
    uint32_t attribute;
    size_t value;
  } sizes[] = {{kAttributeDeviceBufferSize, kDeviceBufferBytes},
               {kAttributeDeviceBufferPoolLimit, kDeviceBuffers},
               {kAttributeDeviceBufferPreallocate, kDeviceBuffersAtFirst}};
  for (auto [attribute, value] : sizes) {
    size_t bytes = sizeof(value);
    cupti_.set_attribute(attribute, &bytes, &value);  // an older CUPTI may not know it
  }
  uint8_t zeroed = 1;
  size_t bytes = sizeof(zeroed);
  cupti_.set_attribute(kAttributeZeroedBuffer, &bytes, &zeroed);
  if (timestamps_registered_) return;
  // Once in a process: each time again, some records come with stamps of another clock.
  timestamps_registered_ = true;
  const int result = cupti_.register_timestamp(&monotonic_ns);
  if (result != kSuccess) fail_for_good(result);  // times of an unknown clock are worse than none
}

// On the application's thread, inside its creation of a context: the context's first launch shall
// be seen. Nobody else configures CUPTI yet.
void Tracer::first_context() {
  if (context_seen_.exchange(true)) return;
  begin();
  start_thread();
}

bool Tracer::register_buffers() {
  const int result = cupti_.register_callbacks(callbacks_.request, callbacks_.completed);
  if (result != kSuccess) fail_for_good(result);
  return result == kSuccess;
}

void Tracer::begin() {
  const uint64_t now_ns = monotonic_ns();
  if (!register_buffers()) return;
  governor_ = Governor(budget_ppm_, now_ns);
  begun_ = true;
  configure(wanted_now(now_ns));
  if (kernels_on_) return set_state(governor_.level());
  // Refused, for want of rights say. This may be inside a callback, where nobody unsubscribes: the
  // thread will.
  const int error = figures_.error.load(std::memory_order_relaxed);
  configure({});
  begun_ = false;
  fail_for_good(error);
}

void Tracer::stand_down(gpu_tracer_state reason) {
  if (begun_ && !taken_over_) configure({});
  begun_ = false;
  launch_calls_on_ = copy_calls_on_ = reset_calls_on_ = false;  // they end with the subscription
  if (subscribed_) cupti_.unsubscribe(subscriber_);
  subscribed_ = false;
  set_state(reason);
}

Tracer::Wanted Tracer::wanted_now(uint64_t now_ns) const {
  const gpu_tracer_state level = governor_.level();
  if (!governor_.traces(now_ns)) return {};
  return {.kernels = true,
          .copies = level == GPU_TRACER_ACTIVE,
          .graphs = prefers_graphs_ || level >= GPU_TRACER_GRAPHS};
}

void Tracer::configure(Wanted wanted) {
  const bool any = wanted.kernels;
  switch_kind(kActivityOverhead, overhead_on_, any);
  switch_kind(kActivityGraphTrace, graphs_on_, wanted.graphs);
  switch_kind(kActivityConcurrentKernel, kernels_on_, wanted.kernels);
  switch_kind(kActivityMemcpy, memcpy_on_, wanted.copies);
  switch_kind(kActivityMemcpy2, memcpy2_on_, wanted.copies);
  switch_kind(kActivityMemset, memset_on_, wanted.copies);
  switch_kind(kActivitySynchronization, sync_on_, wanted.copies);
  switch_calls(CallGroup::kLaunch, launch_calls_on_, any);
  switch_calls(CallGroup::kCopy, copy_calls_on_, wanted.copies);
  switch_calls(CallGroup::kReset, reset_calls_on_, any);
}

void Tracer::switch_kind(uint32_t kind, bool& is_on, bool on) {
  if (is_on == on) return;
  const int result = on ? cupti_.enable(kind) : cupti_.disable(kind);
  if (result == kSuccess)
    is_on = on;
  else
    figures_.error.store(result, std::memory_order_relaxed);
}

void Tracer::switch_calls(CallGroup group, bool& is_on, bool on) {
  if (is_on == on) return;
  is_on = on;
  // An id that this CUPTI does not know is refused, and so never comes.
  for (const TracedCall& call : kTracedCalls)
    if (call.group == group) cupti_.enable_callback(on, subscriber_, call.domain, call.id);
}

void Tracer::on_call(uint32_t domain, uint32_t id, const void* data) {
  if (gone_.load(std::memory_order_relaxed)) return;
  if (domain == kDomainRuntime || domain == kDomainDriver) {
    const auto* call = static_cast<const ApiCall*>(data);
    if (call->site != kApiEnter) return;
    collector_.note_launch(call->correlation);
    if (ends_context(domain, id) && may_call_cupti()) cupti_.flush_all(0);
    return;
  }
  if (domain == kDomainResource && id == kResourceContextCreated) return first_context();
  // CUPTI has ended itself: from now on not one call.
  if (domain == kDomainState && id == kStateFatalError) {
    cupti_ended_.store(true, std::memory_order_relaxed);
    fail_for_good(999);
    work_.wake();
  }
}

void Tracer::on_request(uint8_t** buffer, size_t* bytes, size_t* max_records) {
  collector_.request(buffer, bytes, max_records);
}

void Tracer::on_completed(void* context, uint32_t stream, uint8_t* buffer, size_t valid_bytes) {
  if (gone_.load(std::memory_order_relaxed)) return;
  if (!collector_.completed(context, stream, buffer, valid_bytes)) return;
  if (!is_own_thread()) return work_.wake();
  // This thread is the one that hands over, and it is inside a flush: nobody else makes room.
  if (outbox_.is_crowded()) courier_.deliver(false);
}

}  // namespace tacit::cupti
