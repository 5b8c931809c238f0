// SPDX-License-Identifier: Apache-2.0
// The library's one door: the driver calls InitializeInjection of the library that
// CUDA_INJECTION64_PATH names, in cuInit. Nothing thrown, nothing printed, and always
// "well": whatever goes wrong here is not the application's business.
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include <atomic>
#include <new>

#include "cupti/settings.h"
#include "cupti/tracer.h"

namespace tacit::cupti {
namespace {

// The one object of the process that C callbacks without an argument can find. Static memory, made
// by hand: a constructor or destructor of the library would run at times that are not ours.
alignas(Tracer) unsigned char tracer_memory[sizeof(Tracer)];
std::atomic<Tracer*> tracer{nullptr};
std::atomic<bool> called{false};

void on_call(void*, uint32_t domain, uint32_t id, const void* data) {
  if (Tracer* made = tracer.load(std::memory_order_acquire)) made->on_call(domain, id, data);
}

void on_request(uint8_t** buffer, size_t* bytes, size_t* max_records) {
  *buffer = nullptr;
  *bytes = *max_records = 0;
  if (Tracer* made = tracer.load(std::memory_order_acquire))
    made->on_request(buffer, bytes, max_records);
}

void on_completed(void* context, uint32_t stream, uint8_t* buffer, size_t, size_t valid_bytes) {
  if (Tracer* made = tracer.load(std::memory_order_acquire))
    made->on_completed(context, stream, buffer, valid_bytes);
}

void in_forked_child() {
  if (Tracer* made = tracer.load(std::memory_order_acquire)) made->forget();
}

void at_exit() {
  if (Tracer* made = tracer.load(std::memory_order_acquire)) made->finish();
}

// Who was named in CUDA_INJECTION64_PATH before us.
void start_next(const char* path) {
  if (path[0] == '\0') return;
  void* handle = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return;
  if (auto* initialize = reinterpret_cast<int (*)()>(::dlsym(handle, "InitializeInjection")))
    initialize();
}

void start() {
  // Static too: the stack of the thread that calls cuInit may be small.
  static Settings settings;
  settings.read_environment();
  start_next(settings.next);
  if (settings.off) return;
  auto* made = new (tracer_memory) Tracer({&on_call, &on_request, &on_completed});
  tracer.store(made, std::memory_order_release);
  ::pthread_atfork(nullptr, nullptr, &in_forked_child);
  ::atexit(&at_exit);
  made->start(settings);
}

}  // namespace
}  // namespace tacit::cupti

extern "C" __attribute__((visibility("default"))) int InitializeInjection() {
  if (!tacit::cupti::called.exchange(true)) tacit::cupti::start();
  return 1;
}
