// SPDX-License-Identifier: Apache-2.0
// A CUPTI without a GPU: CUPTI's exported names, one subscriber, activity buffers of its client, and
// records with the sizes of several versions. Delivers only what was subscribed and enabled, and
// aborts on what the real one punishes: a refused buffer before 12.9, a flush inside a buffer
// callback, any call after a fatal error or in a forked child. README.md lists the variables.
#define _GNU_SOURCE
#include "fake_cupti.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define OUT __attribute__((visibility("default")))
enum { OK = 0, INVALID_PARAMETER = 1, MAX_LIMIT = 12, MULTIPLE_SUBSCRIBERS = 39 };
enum { MEMCPY = 1, MEMSET = 2, CONCURRENT_KERNEL = 10, OVERHEAD = 17, MEMCPY2 = 22, SYNC = 38, GRAPH_TRACE = 51 };
enum { KINDS = 64, DOMAINS = 8, IDS = 1024, QUEUE = 4096 };

typedef void (*callback_function)(void*, uint32_t, uint32_t, const void*);
typedef void (*request_function)(uint8_t**, size_t*, size_t*);
typedef void (*completed_function)(void*, uint32_t, uint8_t*, size_t, size_t);

struct callback_data {  // CUpti_CallbackData
  uint32_t site;
  const char* function;
  const void* parameters;
  void* result;
  const char* symbol;
  void* context;
  uint32_t context_id;
  uint64_t* correlation_data;
  uint32_t correlation;
};
struct filled { uint8_t* data; size_t bytes, used; };

static struct {
  uint32_t api, kernel_bytes, memcpy_bytes, graph_bytes, sync_bytes, overhead_bytes;
  uint32_t drop_every, zero_every, reversed_every, early_every, fatal_after, late_ms, hang, hold, enable_result;
  uint64_t overhead_ns;
  pid_t pid;
  FILE* log;
  callback_function callback;
  void* user;
  bool enabled[DOMAINS][IDS];
  bool kinds[KINDS];
  request_function request;
  completed_function completed;
  uint64_t (*timestamp)(void);
  uint32_t registrations;
  bool zeroed, fatal;
  struct filled current;
  size_t dropped, kernels, records;
  uint64_t device_free_ns;
  pthread_mutex_t mutex;
  struct filled late[QUEUE];
  size_t late_head, late_tail;
  pthread_cond_t late_changed;
  bool late_thread;
} fake = {.mutex = PTHREAD_MUTEX_INITIALIZER, .late_changed = PTHREAD_COND_INITIALIZER};

static atomic_uint next_correlation;
static _Thread_local uint32_t depth, correlation;
static _Thread_local bool in_buffer_callback;

static void die(const char* why) {
  fprintf(stderr, "fake CUPTI: %s\n", why);
  abort();
}

static uint64_t number(const char* name, uint64_t otherwise) {
  const char* text = getenv(name);
  return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

#ifndef FAKE_API
#define FAKE_API 130001
#endif

__attribute__((constructor)) static void begin(void) {
  fake.api = number("FAKE_CUPTI_API", FAKE_API);
  const bool new_major = fake.api >= 130000;
  fake.kernel_bytes = number("FAKE_CUPTI_KERNEL_BYTES",
                             fake.api >= 130500 ? 248 : new_major ? 216 : 208);
  fake.memcpy_bytes = fake.api >= 130500 ? 112 : new_major ? 96 : 88;
  fake.graph_bytes = new_major ? 56 : 48;
  fake.sync_bytes = new_major ? 56 : 40;
  fake.overhead_bytes = new_major ? 56 : 40;
  fake.drop_every = number("FAKE_CUPTI_DROP_EVERY", 0);
  fake.zero_every = number("FAKE_CUPTI_ZERO_EVERY", 0);
  fake.reversed_every = number("FAKE_CUPTI_REVERSED_EVERY", 0);
  fake.early_every = number("FAKE_CUPTI_EARLY_EVERY", 0);
  fake.fatal_after = number("FAKE_CUPTI_FATAL_AFTER", 0);
  fake.late_ms = number("FAKE_CUPTI_LATE_MS", 0);
  fake.hang = number("FAKE_CUPTI_HANG_AT_EXIT", 0);
  fake.enable_result = number("FAKE_CUPTI_ENABLE_RESULT", 0);
  fake.hold = number("FAKE_CUPTI_HOLD", 0);
  fake.overhead_ns = number("FAKE_CUPTI_OVERHEAD_NS", 0);
  fake.pid = getpid();
  next_correlation = number("FAKE_CUPTI_FIRST_CORRELATION", 1);
  const char* log = getenv("FAKE_CUPTI_LOG");
  if (log != NULL) fake.log = fopen(log, "ae");
}

// Every public call comes through here: in the log, and never when it must not be.
static void called(const char* format, ...) {
  if (fake.fatal) die("called after a fatal error");
  if (getpid() != fake.pid) die("called in a forked child");
  if (fake.log == NULL) return;
  char line[200];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  fprintf(fake.log, "%s\n", line);
  fflush(fake.log);
}

static uint64_t now_ns(void) {
  if (fake.timestamp != NULL) return fake.timestamp();
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// ---- Buffers ----

static size_t size_of_kind(uint32_t kind) {
  switch (kind) {
    case CONCURRENT_KERNEL: return fake.kernel_bytes;
    case MEMCPY: return fake.memcpy_bytes;
    case MEMCPY2: return 104;
    case MEMSET: return 88;
    case SYNC: return fake.sync_bytes;
    case GRAPH_TRACE: return fake.graph_bytes;
    case OVERHEAD: return fake.overhead_bytes;
    default: return 0;
  }
}

static void deliver(struct filled buffer) {
  in_buffer_callback = true;
  fake.completed(NULL, 0, buffer.data, buffer.bytes, buffer.used);
  in_buffer_callback = false;
}

static void* deliver_late(void* unused) {
  (void)unused;
  pthread_mutex_lock(&fake.mutex);
  for (;;) {
    while (fake.late_head == fake.late_tail) pthread_cond_wait(&fake.late_changed, &fake.mutex);
    struct filled buffer = fake.late[fake.late_head % QUEUE];
    pthread_mutex_unlock(&fake.mutex);
    usleep(fake.late_ms * 1000);
    deliver(buffer);
    pthread_mutex_lock(&fake.mutex);
    ++fake.late_head;
    pthread_cond_broadcast(&fake.late_changed);
  }
  return NULL;
}

// With the mutex held, which is let go for the client's callback.
static void complete_current(void) {
  struct filled buffer = fake.current;
  fake.current = (struct filled){0};
  if (buffer.data == NULL) return;
  if (fake.hold) {
    if (fake.late_tail == QUEUE) die("too many held buffers");
    fake.late[fake.late_tail++] = buffer;
    return;
  }
  if (fake.late_ms != 0) {
    if (!fake.late_thread) {
      pthread_t thread;
      fake.late_thread = pthread_create(&thread, NULL, deliver_late, NULL) == 0;
    }
    if (fake.late_tail - fake.late_head == QUEUE) die("too many late buffers");
    fake.late[fake.late_tail++ % QUEUE] = buffer;
    pthread_cond_broadcast(&fake.late_changed);
    return;
  }
  pthread_mutex_unlock(&fake.mutex);
  deliver(buffer);
  pthread_mutex_lock(&fake.mutex);
}

static bool have_room(size_t bytes) {
  if (fake.current.data != NULL && fake.current.used + bytes > fake.current.bytes)
    complete_current();
  if (fake.current.data != NULL) return true;
  size_t max_records = 0;
  fake.request(&fake.current.data, &fake.current.bytes, &max_records);
  if (fake.current.data == NULL) {
    if (fake.api < 28) die("a buffer request was refused before CUDA 12.9");
    return false;
  }
  if (((uintptr_t)fake.current.data & 7) != 0 || fake.current.bytes < 1024) die("a bad buffer");
  if (fake.zeroed)
    for (size_t at = 0; at < fake.current.bytes; ++at)
      if (fake.current.data[at] != 0) die("the buffer was to be zeroed");
  return true;
}

static void put32(uint8_t* record, size_t at, uint32_t value) { memcpy(record + at, &value, 4); }
static void put64(uint8_t* record, size_t at, uint64_t value) { memcpy(record + at, &value, 8); }

// A record filled with what nobody should read, but for its kind; NULL: dropped.
static uint8_t* new_record(uint32_t kind, uint8_t* memory) {
  memset(memory, 0xa5, size_of_kind(kind));
  put32(memory, 0, kind);
  return memory;
}

static void write_record(const uint8_t* record, uint32_t kind) {
  const size_t bytes = size_of_kind(kind);
  pthread_mutex_lock(&fake.mutex);
  ++fake.records;
  if (fake.drop_every != 0 && fake.records % fake.drop_every == 0) {
    ++fake.dropped;
  } else if (!have_room(bytes)) {
    ++fake.dropped;
  } else {
    memcpy(fake.current.data + fake.current.used, record, bytes);
    fake.current.used += bytes;
  }
  pthread_mutex_unlock(&fake.mutex);
}

// ---- What the fake driver tells ----

static bool wants(uint32_t kind) {
  return fake.kinds[kind] && fake.request != NULL && !fake.fatal && getpid() == fake.pid;
}

static void api_callback(uint32_t domain, uint32_t id, uint32_t site) {
  if (fake.callback == NULL || !fake.enabled[domain][id] || fake.fatal) return;
  struct callback_data data = {.site = site, .context_id = 1, .correlation = correlation};
  fake.callback(fake.user, domain, id, &data);
}

static uint32_t enter(uint32_t domain, uint32_t id) {
  if (depth++ == 0) {
    correlation = atomic_fetch_add(&next_correlation, 1);
    if (correlation == 0) correlation = atomic_fetch_add(&next_correlation, 1);
  }
  api_callback(domain, id, 0);
  return correlation;
}

static void leave(uint32_t domain, uint32_t id) {
  api_callback(domain, id, 1);
  --depth;
}

static void context_created(uint32_t context) {
  struct { void* context; void* stream; void* reserved; } data = {(void*)(uintptr_t)context, NULL, NULL};
  if (fake.callback != NULL && fake.enabled[3][1]) fake.callback(fake.user, 3, 1, &data);
}

// When the next work of the device begins and ends.
static void run(uint64_t duration_ns, uint64_t* start, uint64_t* end) {
  const uint64_t ready = now_ns() + 2000;
  pthread_mutex_lock(&fake.mutex);
  *start = fake.device_free_ns > ready ? fake.device_free_ns : ready;
  *end = fake.device_free_ns = *start + duration_ns;
  pthread_mutex_unlock(&fake.mutex);
}

static void spoil(uint64_t* start, uint64_t* end) {
  const size_t count = ++fake.kernels;
  // The real one: after the k-th registration again, k records with stamps of another clock.
  if (fake.registrations > 1 && count < fake.registrations) *start -= 100000000000000;
  if (fake.zero_every != 0 && count % fake.zero_every == 0) *start = *end = 0;
  if (fake.reversed_every != 0 && count % fake.reversed_every == 0) *end = *start - 1;
  if (fake.early_every != 0 && count % fake.early_every == 0) *start -= 10000000000;
}

static void kernel_record(const char* name, uint32_t context, uint32_t stream, uint32_t graph,
                          uint64_t start, uint64_t end) {
  uint8_t memory[256];
  uint8_t* record = new_record(CONCURRENT_KERNEL, memory);
  put64(record, 16, start);
  put64(record, 24, end);
  put32(record, 40, 0);
  put32(record, 44, context);
  put32(record, 48, stream);
  put32(record, 92, correlation);
  put64(record, 104, (uintptr_t)name);
  put64(record, 144, graph);
  put32(record, 156, graph);
  write_record(record, CONCURRENT_KERNEL);
}

static void overhead_record(void) {
  if (fake.overhead_ns == 0 || !wants(OVERHEAD)) return;
  uint8_t memory[64];
  uint8_t* record = new_record(OVERHEAD, memory);
  put32(record, 4, 1u << 16);
  put64(record, 24, now_ns() - fake.overhead_ns);
  put64(record, 32, now_ns());
  write_record(record, OVERHEAD);
}

static void kernel(const char* name, uint32_t context, uint32_t stream, uint64_t duration_ns) {
  if (!wants(CONCURRENT_KERNEL)) return;
  uint64_t start, end;
  run(duration_ns, &start, &end);
  spoil(&start, &end);
  kernel_record(name, context, stream, 0, start, end);
  overhead_record();
  if (fake.fatal_after != 0 && fake.kernels == fake.fatal_after) {
    const bool tells = fake.callback != NULL && fake.enabled[6][1];
    fake.fatal = true;
    if (tells) fake.callback(fake.user, 6, 1, NULL);
  }
}

static void copy(uint8_t kind, uint64_t bytes, uint32_t context, uint32_t stream) {
  if (!wants(MEMCPY)) return;
  uint8_t memory[256];
  uint8_t* record = new_record(MEMCPY, memory);
  uint64_t start, end;
  run(1 + bytes / 16, &start, &end);
  record[4] = kind;
  put64(record, 8, bytes);
  put64(record, 16, start);
  put64(record, 24, end);
  put32(record, 32, 0);
  put32(record, 36, context);
  put32(record, 40, stream);
  put32(record, 44, correlation);
  put32(record, 72, 0);
  write_record(record, MEMCPY);
}

static void set(uint64_t bytes, uint32_t context, uint32_t stream) {
  if (!wants(MEMSET)) return;
  uint8_t memory[256];
  uint8_t* record = new_record(MEMSET, memory);
  uint64_t start, end;
  run(1 + bytes / 64, &start, &end);
  put64(record, 8, bytes);
  put64(record, 16, start);
  put64(record, 24, end);
  put32(record, 32, 0);
  put32(record, 36, context);
  put32(record, 40, stream);
  put32(record, 44, correlation);
  put32(record, 72, 0);
  write_record(record, MEMSET);
}

static void synchronize(uint32_t type, uint32_t context, uint32_t stream) {
  if (!wants(SYNC)) return;
  uint8_t memory[256];
  uint8_t* record = new_record(SYNC, memory);
  const uint64_t start = now_ns();
  put32(record, 4, type);
  put64(record, 8, start);
  put64(record, 16, start + 500);
  put32(record, 24, correlation);
  put32(record, 28, context);
  put32(record, 32, stream);
  write_record(record, SYNC);
}

static void graph(uint32_t id, const char* name, uint32_t nodes, uint32_t context, uint32_t stream) {
  uint64_t start, end;
  if (wants(GRAPH_TRACE)) {
    uint8_t memory[64];
    uint8_t* record = new_record(GRAPH_TRACE, memory);
    run(1000ull * nodes, &start, &end);
    put32(record, 4, correlation);
    put64(record, 8, start);
    put64(record, 16, end);
    put32(record, 24, 0);
    put32(record, 28, id);
    put32(record, 32, context);
    put32(record, 36, stream);
    write_record(record, GRAPH_TRACE);
  } else if (wants(CONCURRENT_KERNEL)) {
    for (uint32_t node = 0; node < nodes; ++node) {
      run(1000, &start, &end);
      kernel_record(name, context, stream, id, start, end);
    }
  }
}

OUT const struct fake_cupti fake_cupti_driver_side = {enter, leave, context_created, kernel, copy, set, synchronize, graph};

// ---- CUPTI's own names ----

OUT int cuptiGetVersion(uint32_t* version) {
  called("cuptiGetVersion");
  *version = fake.api;
  return OK;
}

OUT int cuptiSubscribe(void** subscriber, callback_function callback, void* user) {
  const int result = fake.callback != NULL ? MULTIPLE_SUBSCRIBERS : OK;
  called("cuptiSubscribe = %d", result);
  if (result != OK) return result;
  memset(fake.enabled, 0, sizeof(fake.enabled));
  fake.user = user;
  fake.callback = callback;
  *subscriber = &fake;
  return OK;
}

OUT int cuptiUnsubscribe(void* subscriber) {
  called("cuptiUnsubscribe");
  if (subscriber != &fake || fake.callback == NULL) return INVALID_PARAMETER;
  fake.callback = NULL;
  memset(fake.enabled, 0, sizeof(fake.enabled));
  return OK;
}

OUT int cuptiEnableCallback(uint32_t enable, void* subscriber, uint32_t domain, uint32_t id) {
  const bool known = domain < DOMAINS && id < IDS && !(domain == 2 && id >= 505 && fake.api < 130000);
  called("cuptiEnableCallback %u %u %u", enable, domain, id);
  if (subscriber != &fake || !known) return INVALID_PARAMETER;
  fake.enabled[domain][id] = enable != 0;
  return OK;
}

OUT int cuptiActivityRegisterCallbacks(request_function request, completed_function completed) {
  called("cuptiActivityRegisterCallbacks");
  fake.request = request;
  fake.completed = completed;
  return OK;
}

OUT int cuptiActivityRegisterTimestampCallback(uint64_t (*timestamp)(void)) {
  called("cuptiActivityRegisterTimestampCallback");
  for (int kind = 0; kind < KINDS; ++kind)
    if (fake.kinds[kind]) die("the clock was changed while a kind is enabled");
  fake.timestamp = timestamp;
  ++fake.registrations;
  return OK;
}

OUT int cuptiActivityEnable(uint32_t kind) {
  called("cuptiActivityEnable %u", kind);
  if (kind >= KINDS || size_of_kind(kind) == 0) return 21;
  if (kind == CONCURRENT_KERNEL && fake.enable_result != 0) return (int)fake.enable_result;
  fake.kinds[kind] = true;
  return OK;
}

OUT int cuptiActivityDisable(uint32_t kind) {
  called("cuptiActivityDisable %u", kind);
  if (kind >= KINDS) return 21;
  fake.kinds[kind] = false;
  return OK;
}

OUT int cuptiActivitySetAttribute(uint32_t attribute, size_t* bytes, void* value) {
  uint64_t number_set = 0;
  memcpy(&number_set, value, *bytes);
  called("cuptiActivitySetAttribute %u %llu", attribute, (unsigned long long)number_set);
  if (attribute == 5) fake.zeroed = number_set != 0;
  return OK;
}

OUT int cuptiActivityFlushAll(uint32_t flags) {
  called("cuptiActivityFlushAll %u", flags);
  if (in_buffer_callback) die("flushed inside a buffer callback");
  if (flags != 0 && fake.hang) pause();
  pthread_mutex_lock(&fake.mutex);
  if (!fake.hold || flags != 0) complete_current();
  for (; fake.hold && fake.late_head != fake.late_tail; ++fake.late_head) {
    if (flags == 0) break;
    pthread_mutex_unlock(&fake.mutex);
    deliver(fake.late[fake.late_head]);
    pthread_mutex_lock(&fake.mutex);
  }
  while (!fake.hold && flags != 0 && fake.late_head != fake.late_tail)
    pthread_cond_wait(&fake.late_changed, &fake.mutex);
  pthread_mutex_unlock(&fake.mutex);
  return OK;
}

OUT int cuptiActivityGetNextRecord(uint8_t* buffer, size_t valid_bytes, void** record) {
  size_t at = 0;
  if (*record != NULL) {
    uint32_t kind;
    memcpy(&kind, *record, 4);
    at = (size_t)((uint8_t*)*record - buffer) + size_of_kind(kind);
  }
  if (at >= valid_bytes) return MAX_LIMIT;
  *record = buffer + at;
  return OK;
}

OUT int cuptiActivityGetNumDroppedRecords(void* context, uint32_t stream, size_t* dropped) {
  (void)context;
  (void)stream;
  pthread_mutex_lock(&fake.mutex);
  *dropped = fake.dropped;
  fake.dropped = 0;
  pthread_mutex_unlock(&fake.mutex);
  return OK;
}
