/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the calls of CUDA and NCCL that it reads, one command a line; answers each line with the sum of
 * the results. Commands: "load DIRECTORY" (cuda_calls_late), "launch N", "driver_launch N", "thunk N", "graph N",
 * "copy KIND BYTES N", "set BYTES N", "driver_set COUNT N", "malloc BYTES", "managed BYTES", "host BYTES", "create BYTES",
 * "driver_malloc BYTES", "free" / "release" / "free_host" (the newest that is not freed), "free_at ADDRESS",
 * "fail CODE" (the driver's next call), "wait_us N", "sync N", "driver_sync N", "init", "reduce COUNT TYPE COMM N",
 * "gather ...", "root_reduce ...", "bcast ...", "send ..."; communicators made here, by numbers 0, 1, ... : "join RANKS
 * ID RANK", "join_config ...", "join_scalable ...", "split NUMBER COLOUR", "destroy NUMBER", "abort NUMBER", "collective
 * NUMBER TYPE N", "all_to_one NUMBER N" (sends); "threads N COMMAND", "fork COMMAND", "time N COMMAND",
 * "quit". */
#define _GNU_SOURCE
#include "fake_cuda.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FUNCTIONS(X)                                                                                  \
  X(fake_next_result) X(fake_wait_us) X(cuInit) X(cuLaunchKernel) X(cuMemAlloc_v2) X(cuMemCreate)     \
  X(cuMemRelease) X(cuMemFree_v2) X(cuMemsetD32Async) X(cuCtxSynchronize) X(cudaLaunchKernel)         \
  X(__cudaLaunchKernel) X(cudaGraphLaunch) X(cudaMalloc) X(cudaMallocManaged) X(cudaHostAlloc)        \
  X(cudaFree) X(cudaFreeHost) X(cudaMemcpyAsync) X(cudaMemsetAsync) X(cudaStreamSynchronize)          \
  X(cudaDeviceSynchronize) X(cudaGetLastError) X(ncclAllReduce) X(ncclAllGather) X(ncclReduce)        \
  X(ncclBcast) X(ncclSend) X(ncclCommInitRank) X(ncclCommInitRankConfig) X(ncclCommInitRankScalable)    \
  X(ncclCommSplit) X(ncclCommDestroy) X(ncclCommAbort)

#define POINTER(name) static __typeof__(name) *p_##name;
FUNCTIONS(POINTER)

static void *memory[4096];
static int newest;
static void *communicators[64];
static int made_communicators;
static int command(char *line);

static void load(const char *directory) {
#ifdef LATE
  const char *names[] = {"libcuda.so.1", "libcudart.so.13", "libnccl.so.2"};
  char path[4096];
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
    if (!dlopen(path, RTLD_NOW | RTLD_GLOBAL)) {
      fprintf(stderr, "%s\n", dlerror());
      exit(2);
    }
  }
#define FIND(name) p_##name = (__typeof__(name) *)dlsym(RTLD_DEFAULT, #name);
#else
#define FIND(name) p_##name = name;
#endif
  FUNCTIONS(FIND)
}

static int one(const char *what, long a, long b, long c) {
  dim3 size = {1, 1, 1};
  void *stream = NULL, *anything = (void *)0x1000, *comm = (void *)c;
  if (!strcmp(what, "launch")) return p_cudaLaunchKernel(anything, size, size, NULL, 0, stream);
  if (!strcmp(what, "thunk")) return p___cudaLaunchKernel(anything, size, size, NULL, 0, stream);
  if (!strcmp(what, "driver_launch"))
    return p_cuLaunchKernel(anything, 1, 1, 1, 1, 1, 1, 0, stream, NULL, NULL);
  if (!strcmp(what, "graph")) return p_cudaGraphLaunch(anything, stream);
  if (!strcmp(what, "copy")) return p_cudaMemcpyAsync(anything, anything, b, a, stream);
  if (!strcmp(what, "set")) return p_cudaMemsetAsync(anything, 0, a, stream);
  if (!strcmp(what, "driver_set")) return p_cuMemsetD32Async(0x1000, 0, a, stream);
  if (!strcmp(what, "sync")) return p_cudaStreamSynchronize(stream);
  if (!strcmp(what, "device_sync")) return p_cudaDeviceSynchronize();
  if (!strcmp(what, "driver_sync")) return p_cuCtxSynchronize();
  if (!strcmp(what, "init")) return p_cuInit(0);
  if (!strcmp(what, "last_error")) return p_cudaGetLastError();
  if (!strcmp(what, "reduce")) return p_ncclAllReduce(anything, anything, a, b, 0, comm, stream);
  if (!strcmp(what, "gather")) return p_ncclAllGather(anything, anything, a, b, comm, stream);
  if (!strcmp(what, "root_reduce")) return p_ncclReduce(anything, anything, a, b, 0, 0, comm, stream);
  if (!strcmp(what, "bcast")) return p_ncclBcast(anything, a, b, 0, comm, stream);
  if (!strcmp(what, "collective"))
    return p_ncclAllReduce(anything, anything, 1, b, 0, communicators[a % 64], stream);
  if (!strcmp(what, "all_to_one")) return p_ncclSend(anything, 1, 7, 0, communicators[a % 64], stream);
  if (!strcmp(what, "send")) return p_ncclSend(anything, a, b, 0, comm, stream);
  fprintf(stderr, "no such command: %s\n", what);
  exit(2);
}

static int allocate(const char *what, size_t bytes) {
  int i = __sync_fetch_and_add(&newest, 1) % 4096, code;
  if (!strcmp(what, "malloc")) code = p_cudaMalloc(&memory[i], bytes);
  else if (!strcmp(what, "managed")) code = p_cudaMallocManaged(&memory[i], bytes, 1);
  else if (!strcmp(what, "host")) code = p_cudaHostAlloc(&memory[i], bytes, 0);
  else if (!strcmp(what, "driver_malloc")) code = p_cuMemAlloc_v2((uint64_t *)&memory[i], bytes);
  else code = p_cuMemCreate((uint64_t *)&memory[i], bytes, NULL, 0);
  if (code) __sync_fetch_and_sub(&newest, 1);
  return code;
}

static ncclUniqueId unique_id(long number) {
  ncclUniqueId id = {"made for"};
  memcpy(id.internal + 120, &number, sizeof(number)); /* its last bytes count, too */
  return id;
}

static int join_group(const char *what, long ranks, long number, long rank) {
  void **made = &communicators[made_communicators++ % 64];
  ncclUniqueId id = unique_id(number);
  if (!strcmp(what, "join")) return p_ncclCommInitRank(made, ranks, id, rank);
  if (!strcmp(what, "join_config")) return p_ncclCommInitRankConfig(made, ranks, id, rank, NULL);
  return p_ncclCommInitRankScalable(made, ranks, rank, 1, &id, NULL);
}

static int give_back(const char *what) {
  void *pointer = memory[(newest - 1) % 4096];
  int code = !strcmp(what, "free")      ? p_cudaFree(pointer)
             : !strcmp(what, "release") ? p_cuMemRelease((uint64_t)pointer)
                                        : p_cudaFreeHost(pointer);
  if (!code) newest--;
  return code;
}

static void *run_thread(void *line) {
  char copy[256];
  snprintf(copy, sizeof(copy), "%s", (char *)line);
  return (void *)(long)command(copy);
}

static int run_threads(int count, char *line) {
  pthread_t threads[64];
  long sum = 0;
  for (int i = 0; i < count && i < 64; i++) pthread_create(&threads[i], NULL, run_thread, line);
  for (int i = 0; i < count && i < 64; i++) {
    void *code;
    pthread_join(threads[i], &code);
    sum += (long)code;
  }
  return sum;
}

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e9 + now.tv_nsec;
}

/* Least time of several runs, so that other work on the machine is left out. */
static int measure(int runs, char *line) {
  double least = 1e18;
  char copy[256];
  for (int i = 0; i < runs; i++) {
    snprintf(copy, sizeof(copy), "%s", line);
    double begin = now_ns();
    command(copy);
    double took = now_ns() - begin;
    if (took < least) least = took;
  }
  return (int)least;
}

static int command(char *line) {
  char what[32] = "", text[256] = "";
  long n[4] = {0, 0, 0, 0};
  int at = 0, sum = 0;
  sscanf(line, "%31s %n", what, &at);
  char *rest = line + at;
  int numbers = sscanf(rest, "%ld %ld %ld %ld", &n[0], &n[1], &n[2], &n[3]);
  if (!strcmp(what, "load")) return sscanf(rest, "%255s", text), load(text), 0;
  if (!strcmp(what, "fail")) return p_fake_next_result(n[0]), 0;
  if (!strcmp(what, "wait_us")) return p_fake_wait_us(n[0]), 0;
  if (!strcmp(what, "malloc") || !strcmp(what, "managed") || !strcmp(what, "host") ||
      !strcmp(what, "create") || !strcmp(what, "driver_malloc"))
    return allocate(what, n[0]);
  if (!strcmp(what, "free") || !strcmp(what, "release") || !strcmp(what, "free_host"))
    return give_back(what);
  if (!strncmp(what, "join", 4)) return join_group(what, n[0], n[1], n[2]);
  if (!strcmp(what, "split"))
    return p_ncclCommSplit(communicators[n[0] % 64], n[1], 0, &communicators[made_communicators++ % 64], NULL);
  if (!strcmp(what, "destroy")) return p_ncclCommDestroy(communicators[n[0] % 64]);
  if (!strcmp(what, "abort")) return p_ncclCommAbort(communicators[n[0] % 64]);
  if (!strcmp(what, "free_at")) return p_cudaFree((void *)n[0]);
  if (!strcmp(what, "threads") || !strcmp(what, "time")) {
    sscanf(rest, "%*d %n", &at);
    return !strcmp(what, "time") ? measure(n[0], rest + at) : run_threads(n[0], rest + at);
  }
  if (!strcmp(what, "fork")) {
    pid_t child = fork();
    if (child == 0) {
      usleep(300000); /* until somebody looked into it */
      _exit(command(rest) & 0x7f);
    }
    int status = 0;
    printf("pid %d\n", child);
    fflush(stdout);
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  }
  if (!strcmp(what, "cycle")) { /* allocate and free, n[1] times */
    for (long i = 0; i < n[1]; i++) {
      void *pointer = NULL;
      sum += p_cudaMalloc(&pointer, n[0]);
      sum += p_cudaFree(pointer);
    }
    return sum;
  }
  long times = numbers > 0 ? n[numbers - 1] : 1;
  for (long i = 0; i < times; i++) sum += one(what, n[0], n[1], n[2]);
  return sum;
}

int main(void) {
  char line[512];
#ifndef LATE
  load("");
#endif
  printf("ready\n");
  fflush(stdout);
  while (fgets(line, sizeof(line), stdin) && strncmp(line, "quit", 4)) {
    printf("%d\n", command(line));
    fflush(stdout);
  }
  return 0;
}
