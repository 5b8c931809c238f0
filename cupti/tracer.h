// SPDX-License-Identifier: Apache-2.0
// The tracer of one process: when CUPTI is subscribed, what is enabled, and its own thread, which
// flushes, hands over and keeps to the budget. Made once, in static memory, and never destroyed:
// CUPTI's threads may call back until the process is gone.
//
// Threads: start() and finish() run on the application's, the callbacks on any; before the first
// context the tracer has no thread, and from then on only its own reconfigures CUPTI.
#pragma once
#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "cupti/collector.h"
#include "cupti/courier.h"
#include "cupti/cupti_library.h"
#include "cupti/figures.h"
#include "cupti/governor.h"
#include "cupti/outbox.h"
#include "cupti/settings.h"
#include "cupti/wakeup.h"

namespace tacit::cupti {

class Tracer {
 public:
  // What CUPTI calls; they go to this process's tracer.
  struct Callbacks {
    CallbackFunction call;
    RequestFunction request;
    CompletedFunction completed;
  };
  explicit Tracer(Callbacks callbacks) : callbacks_(callbacks) {}

  // Subscribes, where there is a CUPTI and it is free. No thread yet, and nothing is recorded.
  void start(const Settings& settings);
  // At exit: what CUPTI still has is flushed and handed over; waits kExitPatience_ns at most.
  void finish();
  // In a forked child, where CUDA does not work: from now on nothing is done.
  void forget() { gone_.store(true, std::memory_order_relaxed); }

  void on_call(uint32_t domain, uint32_t id, const void* data);
  void on_request(uint8_t** buffer, size_t* bytes, size_t* max_records);
  void on_completed(void* context, uint32_t stream, uint8_t* buffer, size_t valid_bytes);

 private:
  static constexpr uint64_t kTick_ns = 250'000'000;
  static constexpr uint64_t kFlush_ns = 500'000'000;
  static constexpr uint64_t kExitPatience_ns = 2'000'000'000;

  struct Wanted {
    bool kernels = false, copies = false, graphs = false;
  };
  void set_state(gpu_tracer_state state) {
    figures_.state.store(state, std::memory_order_release);
  }
  gpu_tracer_state state() const {
    return static_cast<gpu_tracer_state>(figures_.state.load(std::memory_order_acquire));
  }
  bool may_call_cupti() const {
    return !gone_.load(std::memory_order_relaxed) && !cupti_ended_.load(std::memory_order_relaxed);
  }
  void fail_for_good(int error);

  // Subscription and settings (tracer.cpp).
  bool subscribe();
  void prepare();
  void first_context();
  bool register_buffers();
  void begin();
  void stand_down(gpu_tracer_state state);
  void configure(Wanted wanted);
  void switch_kind(uint32_t kind, bool& is_on, bool on);
  void switch_calls(CallGroup group, bool& is_on, bool on);
  Wanted wanted_now(uint64_t now_ns) const;

  // The tracer's own thread (tracer_thread.cpp).
  void start_thread();
  static void* run_thread(void* tracer);
  bool is_own_thread() const;
  void work();
  void follow_consumer(uint64_t now_ns);
  void resume();
  void each_second(uint64_t now_ns);
  void govern(uint64_t now_ns);
  void prefer_graphs();
  void watch_for_takeover();
  void last_words();

  const Callbacks callbacks_;
  CuptiFunctions cupti_;
  Figures figures_;
  Outbox outbox_;
  Collector collector_{figures_, outbox_, cupti_};
  Courier courier_{figures_, outbox_};
  Governor governor_{0, 0};
  uint32_t budget_ppm_ = 0;
  uint64_t patience_ns_ = 0;  // until the next try after YIELDED; without a listener until standing by
  Wakeup work_;
  Wakeup finished_;
  std::atomic<bool> gone_{false};      // forked child, or after exit: callbacks do nothing
  std::atomic<bool> cupti_ended_{false};  // after its fatal error
  std::atomic<bool> stop_{false};
  std::atomic<bool> context_seen_{false};
  std::atomic<bool> has_thread_{false};
  std::atomic<bool> thread_done_{false};
  std::atomic<pthread_t> own_thread_{0};
  bool started_ = false;

  // Of who configures CUPTI.
  Subscriber subscriber_ = nullptr;
  bool subscribed_ = false;
  bool timestamps_registered_ = false;
  bool begun_ = false;  // buffers are registered and kinds enabled
  bool taken_over_ = false;
  bool prefers_graphs_ = false;
  bool kernels_on_ = false, memcpy_on_ = false, memcpy2_on_ = false, memset_on_ = false,
       sync_on_ = false, graphs_on_ = false, overhead_on_ = false;
  bool launch_calls_on_ = false, copy_calls_on_ = false, reset_calls_on_ = false;

  // Of the thread.
  uint64_t next_flush_ns_ = 0;
  uint64_t next_second_ns_ = 0;
  uint64_t retry_ns_ = 0;
  uint64_t wanted_ns_ = 0;  // when somebody was last attached
  uint64_t buffers_before_ = 0, calls_before_ = 0;
  uint64_t graph_kernels_before_ = 0, other_kernels_before_ = 0;
  uint32_t graph_seconds_ = 0;
};

}  // namespace tacit::cupti
