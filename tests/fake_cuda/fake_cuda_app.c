// SPDX-License-Identifier: Apache-2.0
// A CUDA program of known counts. README.md lists its options. Prints "pid=… tid=…" at its beginning
// and "done" at its end.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake_cuda.h"

static struct {
  const char* cupti;
  unsigned long kernels, names, name_bytes, copies, sets, syncs, graphs, nodes, threads, rate,
      pause_ms, linger_ms, foreign_ms;
  int driver, idle, forks, quick, context_first, foreign_later;
} options = {.names = 4, .nodes = 8, .threads = 1};

static char (*names)[2048];

static void make_names(void) {
  names = calloc(options.names, sizeof(*names));
  for (unsigned long at = 0; at < options.names; ++at) {
    snprintf(names[at], sizeof(*names), "_Z9kernel_%03luPfS_i", at);
    for (size_t length = strlen(names[at]); length < options.name_bytes && length < 2047; ++length)
      names[at][length] = (char)('a' + length % 26);
  }
}

static void keep_rate(unsigned long done, const struct timespec* begun) {
  if (options.rate == 0) return;
  const unsigned long long due_ns = done * 1000000000ull / options.rate;
  struct timespec due = *begun;
  due.tv_sec += (time_t)(due_ns / 1000000000);
  due.tv_nsec += (long)(due_ns % 1000000000);
  if (due.tv_nsec >= 1000000000) ++due.tv_sec, due.tv_nsec -= 1000000000;
  if (done % 32 == 0) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static void* work(void* unused) {
  (void)unused;
  static char host[4096], device[4096];
  const struct fake_dim3 one = {1, 1, 1};
  struct fake_graph graph = {7, (uint32_t)options.nodes, names[0]};
  void* stream = (void*)7;
  struct timespec begun;
  clock_gettime(CLOCK_MONOTONIC, &begun);
  for (unsigned long at = 0; at < options.kernels; ++at) {
    const char* name = names[at % options.names];
    if (options.driver)
      cuLaunchKernel(name, 1, 1, 1, 1, 1, 1, 0, stream, NULL, NULL);
    else
      cudaLaunchKernel(name, one, one, NULL, 0, stream);
    keep_rate(at, &begun);
  }
  for (unsigned long at = 0; at < options.copies; ++at)
    cudaMemcpyAsync(device, host, 1024 + at, at % 2 == 0 ? 1 : 2, stream);
  for (unsigned long at = 0; at < options.sets; ++at) cudaMemsetAsync(device, 0, 64 + at, stream);
  for (unsigned long at = 0; at < options.syncs; ++at) cudaStreamSynchronize(stream);
  for (unsigned long at = 0; at < options.graphs; ++at) {
    cudaGraphLaunch(&graph, stream);
    keep_rate(at, &begun);
  }
  return NULL;
}

static void ignore(void* user, uint32_t domain, uint32_t id, const void* data) {
  (void)user, (void)domain, (void)id, (void)data;
}

// A profiler that was here first, for foreign_ms.
static void* foreign_subscriber;

static void* hold_subscription(void* library) {
  int (*unsubscribe)(void*) = (int (*)(void*))dlsym(library, "cuptiUnsubscribe");
  usleep((useconds_t)options.foreign_ms * 1000);
  unsubscribe(foreign_subscriber);
  return NULL;
}

static int subscribe(void* library) {
  typedef int (*subscribe_function)(void**, void (*)(void*, uint32_t, uint32_t, const void*), void*);
  return ((subscribe_function)dlsym(library, "cuptiSubscribe"))(&foreign_subscriber, ignore, NULL);
}

static void subscribe_first(void* library) {
  pthread_t thread;
  if (subscribe(library) != 0) exit(4);
  pthread_create(&thread, NULL, hold_subscription, library);
  pthread_detach(thread);
}

static void parse(int count, char** arguments) {
  const struct { const char* name; unsigned long* value; } numbers[] = {
      {"--kernels", &options.kernels}, {"--names", &options.names}, {"--name-bytes", &options.name_bytes},
      {"--copies", &options.copies}, {"--sets", &options.sets}, {"--syncs", &options.syncs},
      {"--graphs", &options.graphs}, {"--nodes", &options.nodes}, {"--threads", &options.threads},
      {"--rate", &options.rate}, {"--pause-ms", &options.pause_ms}, {"--linger-ms", &options.linger_ms},
      {"--foreign-ms", &options.foreign_ms}};
  const struct { const char* name; int* value; } flags[] = {
      {"--driver", &options.driver}, {"--idle", &options.idle}, {"--forks", &options.forks},
      {"--quick", &options.quick}, {"--foreign-later", &options.foreign_later}, {"--context-first", &options.context_first}};
  for (int at = 1; at < count; ++at) {
    int known = 0;
    for (size_t n = 0; n < sizeof(numbers) / sizeof(*numbers); ++n)
      if (strcmp(arguments[at], numbers[n].name) == 0 && at + 1 < count)
        *numbers[n].value = strtoul(arguments[++at], NULL, 10), known = 1;
    for (size_t n = 0; n < sizeof(flags) / sizeof(*flags) && !known; ++n)
      if (strcmp(arguments[at], flags[n].name) == 0) *flags[n].value = known = 1;
    if (!known && strcmp(arguments[at], "--cupti") == 0 && at + 1 < count)
      options.cupti = arguments[++at], known = 1;
    if (!known) {
      fprintf(stderr, "fake_cuda_app: what is %s?\n", arguments[at]);
      exit(2);
    }
  }
}

int main(int count, char** arguments) {
  parse(count, arguments);
  make_names();
  printf("pid=%d tid=%ld\n", getpid(), syscall(SYS_gettid));
  fflush(stdout);
  void* library = options.cupti != NULL ? dlopen(options.cupti, RTLD_NOW | RTLD_GLOBAL) : NULL;
  if (options.cupti != NULL && library == NULL) return fprintf(stderr, "%s\n", dlerror()), 2;
  if (options.foreign_ms != 0 && library != NULL) subscribe_first(library);
  cuInit(0);
  if (options.context_first) cudaSetDevice(0);
  if (options.pause_ms != 0) usleep((useconds_t)options.pause_ms * 1000);
  if (!options.idle) {
    pthread_t threads[64];
    for (unsigned long at = 1; at < options.threads && at < 64; ++at)
      pthread_create(&threads[at], NULL, work, NULL);
    work(NULL);
    for (unsigned long at = 1; at < options.threads && at < 64; ++at)
      pthread_join(threads[at], NULL);
  }
  if (options.forks) {
    const pid_t child = fork();
    if (child == 0) exit(0);  // runs what atexit knows
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) return fprintf(stderr, "the child ended with %d\n", status), 3;
  }
  if (options.linger_ms != 0) usleep((useconds_t)options.linger_ms * 1000);
  if (options.foreign_later && library != NULL) printf("foreign=%d\n", subscribe(library));
  printf("done\n");
  fflush(stdout);
  if (options.quick) _exit(0);
  return 0;
}
