// SPDX-License-Identifier: Apache-2.0
// The tracer's own thread: what it does each time it wakes, and how it ends.
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

#include "cupti/monotonic.h"
#include "cupti/tracer.h"

namespace tacit::cupti {
namespace {

constexpr size_t kStackBytes = size_t{1} << 20;  // CUPTI's own functions run on it
// Graph-level records for good, once this many seconds in a row had mostly kernels of graphs.
constexpr uint32_t kGraphSeconds = 10;
constexpr uint64_t kGraphKernels = 1000;
// So many calls and not one buffer: CUPTI's buffer callbacks are somebody else's now. A stream
// takes some thousand launches before it makes the host wait, so a long kernel is no such case.
constexpr uint64_t kCallsWithoutBuffer = 32768;

}  // namespace

void Tracer::start_thread() {
  if (has_thread_.exchange(true)) return;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // The application's signals are for the application's threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, &Tracer::run_thread, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error == 0) {
    pthread_detach(thread);
    return;
  }
  has_thread_.store(false);
  if (subscribed_) stand_down(GPU_TRACER_FAILED);
  set_state(GPU_TRACER_FAILED);
}

void* Tracer::run_thread(void* tracer) {
  ::prctl(PR_SET_NAME, "tacit-gpu", 0, 0, 0);
  static_cast<Tracer*>(tracer)->work();
  return nullptr;
}

bool Tracer::is_own_thread() const {
  return has_thread_.load(std::memory_order_acquire) &&
         pthread_equal(own_thread_.load(std::memory_order_relaxed), pthread_self()) != 0;
}

void Tracer::work() {
  own_thread_.store(pthread_self(), std::memory_order_relaxed);
  const uint64_t begun_ns = monotonic_ns();
  next_flush_ns_ = begun_ns + kFlush_ns;
  next_second_ns_ = begun_ns + kSecond_ns;
  retry_ns_ = begun_ns + patience_ns_;
  wanted_ns_ = begun_ns;
  while (!stop_.load(std::memory_order_acquire)) {
    const uint64_t now_ns = monotonic_ns();
    follow_consumer(now_ns);
    if (now_ns >= next_second_ns_) each_second(now_ns);
    const bool flush = now_ns >= next_flush_ns_;
    if (flush) {
      next_flush_ns_ = now_ns + kFlush_ns;
      if (begun_ && may_call_cupti()) cupti_.flush_all(0);
    }
    courier_.deliver(flush);
    courier_.announce();
    work_.wait(kTick_ns);
  }
  last_words();
  thread_done_.store(true, std::memory_order_release);
  finished_.wake();
}

// Nobody is attached: after a while nothing is recorded, and CUPTI is free for others.
void Tracer::follow_consumer(uint64_t now_ns) {
  if (courier_.is_wanted()) {
    wanted_ns_ = now_ns;
    if (state() == GPU_TRACER_WAITING && !begun_ && may_call_cupti()) resume();
    return;
  }
  if (!begun_ || now_ns - wanted_ns_ < patience_ns_ || !may_call_cupti()) return;
  stand_down(GPU_TRACER_WAITING);
  figures_.add(figures_.dropped, outbox_.clear());
}

void Tracer::resume() {
  context_seen_.store(true);  // whatever context comes, it is this thread that begins
  if (subscribe()) begin();
}

void Tracer::each_second(uint64_t now_ns) {
  next_second_ns_ = now_ns + kSecond_ns;
  if (!may_call_cupti()) return;
  if (state() == GPU_TRACER_FAILED && subscribed_) stand_down(GPU_TRACER_FAILED);
  if (state() == GPU_TRACER_YIELDED && !taken_over_ && now_ns >= retry_ns_) {
    retry_ns_ = now_ns + patience_ns_;
    if (courier_.is_wanted()) resume();
  }
  if (state() == GPU_TRACER_OFF) {
    if (courier_.is_wanted()) govern(now_ns);
  } else if (begun_) {
    prefer_graphs();
    watch_for_takeover();
    if (begun_) govern(now_ns);
  }
}

void Tracer::govern(uint64_t now_ns) {
  governor_.update(now_ns, figures_.overhead_ns.load(std::memory_order_relaxed));
  const gpu_tracer_state level = governor_.level();
  if (level == GPU_TRACER_OFF) {
    if (begun_) stand_down(GPU_TRACER_OFF);
    return;
  }
  if (!begun_) {  // OFF is over
    if (!subscribe() || !register_buffers()) return;
    begun_ = true;
  }
  const Wanted wanted = wanted_now(now_ns);
  configure(wanted);
  if (wanted.kernels && !kernels_on_) return stand_down(GPU_TRACER_FAILED);
  if (may_call_cupti()) set_state(level);
}

void Tracer::prefer_graphs() {
  const Collector::Counts counts = collector_.counts();
  const uint64_t of_graphs = counts.graph_kernels - graph_kernels_before_;
  const uint64_t others = counts.other_kernels - other_kernels_before_;
  graph_kernels_before_ = counts.graph_kernels;
  other_kernels_before_ = counts.other_kernels;
  const bool mostly = of_graphs >= kGraphKernels && of_graphs > others;
  graph_seconds_ = mostly ? graph_seconds_ + 1 : 0;
  if (graph_seconds_ >= kGraphSeconds) prefers_graphs_ = true;
}

void Tracer::watch_for_takeover() {
  const Collector::Counts counts = collector_.counts();
  if (counts.buffers != buffers_before_) {
    buffers_before_ = counts.buffers;
    calls_before_ = counts.calls;
    return;
  }
  if (counts.calls - calls_before_ < kCallsWithoutBuffer) return;
  // The kinds stay enabled: they are the other's too. Nothing tells when it ends, so no coming back.
  taken_over_ = true;
  stand_down(GPU_TRACER_YIELDED);
}

void Tracer::last_words() {
  if (begun_ && may_call_cupti()) cupti_.flush_all(kFlushForced);
  courier_.deliver(true);
  courier_.announce();
}

void Tracer::finish() {
  if (!started_ || gone_.load(std::memory_order_relaxed)) return;
  if (!has_thread_.load(std::memory_order_acquire)) {
    courier_.announce();  // why nothing came; nobody was attached yet when it was decided
    forget();
    return;
  }
  stop_.store(true, std::memory_order_release);
  work_.wake();
  const uint64_t until_ns = monotonic_ns() + kExitPatience_ns;
  while (!thread_done_.load(std::memory_order_acquire)) {
    const uint64_t now_ns = monotonic_ns();
    if (now_ns >= until_ns) break;
    finished_.wait(until_ns - now_ns);
  }
  forget();
}

}  // namespace tacit::cupti
