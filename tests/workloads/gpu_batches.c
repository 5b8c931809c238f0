/* SPDX-License-Identifier: Apache-2.0 */
/* Hands over made-up blocks of kernel records, as the injected library would.
 *   gpu_batches story            a short run whose every figure is known (test_gpu_kernels.py)
 *   gpu_batches pace RATE SECS   RATE records a second in full blocks; prints how many
 *   gpu_batches flood SECS       as fast as it goes; prints how many
 *   gpu_batches cost             prints the least time of a hand-over, ns a record
 *   gpu_batches forged           blocks that are none, and records that cannot be
 *   gpu_batches serve COUNT      an HTTP server that has the device do 3 ms of work for each request
 * Waits for somebody to listen first. Built with -I of the repository. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/gpu_blocks.h"

#define MS 1000000ull
static struct gpu_block block;
static uint64_t sequence;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t time_ns) {
  struct timespec t = {(time_t)(time_ns / 1000000000), (long)(time_ns % 1000000000)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void begin(void) { start_block(&block, sequence++, now_ns()); }
static void hand_over(void) { fire_block(&block, block_bytes(&block)); }

static void fill(uint64_t base) {
  begin();
  for (int i = 0; i < GPU_BATCH_SLOTS; i++) {
    uint64_t start = base + (uint64_t)i * 10000;
    struct gpu_record *record = add_record(&block, GPU_RECORD_KERNEL, start - 5000, start, start + 6000);
    record->name = 1 + i % 8;
    record->tid = (uint32_t)syscall(SYS_gettid);
  }
}

static void names(void) {
  begin();
  add_name(&block, 1, "ampere_bf16_s16816gemm_bf16_128x128_ldg8_f2f_stages_32x5_tn");
  add_name(&block, 2, "_Z39fmha_cutlassF_f16_aligned_64x64_rf_sm50v");
  add_name(&block, 3, "triton_poi_fused_add_relu_0");
  add_name(&block, 4, "_Z35ncclDevKernel_Reduce_Sum_u8_RING_LL24ncclDevKernelArgsStorageILm4096EE");
  hand_over();
}

/* Device 0: gemm 10 ms and attention 10 ms half at once, elementwise 5 ms apart: 20 ms busy. */
static void story(void) {
  uint64_t t = now_ns() - 100 * MS;
  names();
  begin();
  add_record(&block, GPU_RECORD_KERNEL, t - 2 * MS, t, t + 10 * MS)->name = 1;
  add_record(&block, GPU_RECORD_KERNEL, t - 2 * MS, t + 30 * MS, t + 35 * MS)->name = 3;
  hand_over();
  begin(); /* late, and of another stream */
  add_record(&block, GPU_RECORD_KERNEL, 0, t + 5 * MS, t + 15 * MS)->name = 2;
  struct gpu_record *copy = add_record(&block, GPU_RECORD_COPY, t, t + 16 * MS, t + 17 * MS);
  copy->detail = GPU_COPY_HOST_TO_DEVICE;
  copy->bytes = 1 << 20;
  copy = add_record(&block, GPU_RECORD_COPY, t, t + 17 * MS, t + 19 * MS);
  copy->detail = GPU_COPY_DEVICE_TO_HOST;
  copy->bytes = 3000;
  add_record(&block, GPU_RECORD_SET, t, t + 20 * MS, t + 21 * MS)->bytes = 4096;
  add_record(&block, GPU_RECORD_SYNC, 0, t + 20 * MS, t + 60 * MS);
  struct gpu_record *graph = add_record(&block, GPU_RECORD_GRAPH, t, t + 50 * MS, t + 57 * MS);
  graph->device = 1;
  block.header.dropped = 7;
  block.header.invalid = 3;
  block.header.overhead_ns = 250 * MS;
  block.header.state = GPU_TRACER_NO_COPIES;
  hand_over();
  sequence += 2; /* two blocks that never come */
  begin();
  hand_over();
}

static void pace(uint64_t rate, uint64_t seconds) {
  uint64_t blocks = rate * seconds / GPU_BATCH_SLOTS, start = now_ns();
  names();
  for (uint64_t i = 0; i < blocks; i++) {
    uint64_t due = start + i * GPU_BATCH_SLOTS * 1000000000 / rate;
    sleep_until(due);
    fill(due - 10 * MS);
    hand_over();
  }
  printf("sent %llu records in %llu blocks\n", (unsigned long long)(blocks * GPU_BATCH_SLOTS),
         (unsigned long long)blocks);
}

static void flood(uint64_t seconds) {
  uint64_t end = now_ns() + seconds * 1000000000, blocks = 0;
  while (now_ns() < end) {
    fill(now_ns() - 10 * MS);
    for (int i = 0; i < 100; i++, blocks++) {
      block.header.sequence = sequence++;
      hand_over();
    }
  }
  printf("sent %llu records in %llu blocks\n", (unsigned long long)(blocks * GPU_BATCH_SLOTS),
         (unsigned long long)blocks);
}

/* Bursts below what one process may send at once; the best of them, as others run here too. */
static void cost(void) {
  uint64_t best = UINT64_MAX;
  fill(now_ns() - 10 * MS);
  for (int round = 0; round < 40; round++) {
    usleep(50000);
    uint64_t start = now_ns();
    for (int i = 0; i < 100; i++) {
      block.header.sequence = sequence++;
      hand_over();
    }
    uint64_t spent = now_ns() - start;
    if (spent < best) best = spent;
  }
  printf("cost %.1f ns\n", (double)best / 100 / GPU_BATCH_SLOTS);
}

/* 9 that are no blocks; then one block with 7 records of no use, a broken name and one good record. */
static void forged(void) {
  uint64_t t = now_ns();
  begin();
  fire_block(NULL, 64);
  fire_block((void *)0xdeadbeef000, 128);
  fire_block((void *)UINT64_MAX, 64);
  fire_block((void *)0xffffffff81000000, 8256);
  fire_block(&block, 0);
  fire_block(&block, 65);
  fire_block(&block, 1ull << 31);
  block.header.slots = 1u << 31;
  fire_block(&block, 64);
  block.header.slots = 0;
  block.header.magic = 0;
  fire_block(&block, 64);
  block.header.magic = GPU_BATCH_MAGIC;
  block.header.state = 1u << 31;
  add_record(&block, GPU_RECORD_KERNEL, 0, 0, 0);
  add_record(&block, GPU_RECORD_KERNEL, 0, t, t - 1);
  add_record(&block, GPU_RECORD_KERNEL, 0, t, t + 3600000 * MS);
  add_record(&block, GPU_RECORD_KERNEL, t, t - 1, t);
  add_record(&block, GPU_RECORD_KERNEL, 0, UINT64_MAX, UINT64_MAX);
  add_record(&block, 200, 0, t - MS, t);
  add_record(&block, 0, 0, t - MS, t);
  struct gpu_record *good = add_record(&block, GPU_RECORD_KERNEL, 0, t - 2 * MS, t);
  good->name = 0x80000000;
  good->tid = 1;
  good->stream = good->context = good->correlation = 0xffffffff;
  struct gpu_record *name = add_record(&block, GPU_RECORD_NAME, 0, 0, 0);
  name->name = 5;
  name->bytes = 1ull << 31;
  hand_over();
}

/* Two kernels, of 1 and 2 ms, and a copy; the records come when the request is long over. */
static void answer(int connection) {
  char request[4096];
  static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  if (read(connection, request, sizeof(request)) <= 0) exit(1);
  uint64_t launch = now_ns();
  if (write(connection, response, sizeof(response) - 1) < 0) exit(1);
  close(connection);
  usleep(200000);
  begin();
  for (int i = 1; i <= 2; i++) {
    uint64_t start = launch + (uint64_t)i * 10 * MS;
    struct gpu_record *kernel =
        add_record(&block, GPU_RECORD_KERNEL, launch, start, start + (uint64_t)i * MS);
    kernel->tid = (uint32_t)syscall(SYS_gettid);
  }
  struct gpu_record *copy = add_record(&block, GPU_RECORD_COPY, launch, launch + 5 * MS, launch + 6 * MS);
  copy->detail = GPU_COPY_HOST_TO_DEVICE;
  copy->bytes = 4096;
  copy->tid = (uint32_t)syscall(SYS_gettid);
  hand_over();
}

static void serve(int count) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 8) ||
      getsockname(listener, (struct sockaddr *)&address, &length))
    exit(1);
  begin();
  hand_over(); /* a sign of life */
  printf("listening %d %d\n", ntohs(address.sin_port), getpid());
  fflush(stdout);
  for (int i = 0; i < count; i++) answer(accept(listener, NULL, NULL));
}

int main(int argc, char **argv) {
  for (int i = 0; i < 1000 && tacit_gpu_batch_semaphore == 0; i++) usleep(10000);
  if (argc < 2 || tacit_gpu_batch_semaphore == 0) return 77;
  if (strcmp(argv[1], "story") == 0) story();
  if (strcmp(argv[1], "forged") == 0) forged();
  if (strcmp(argv[1], "pace") == 0 && argc > 3)
    pace(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
  if (strcmp(argv[1], "flood") == 0 && argc > 2) flood(strtoull(argv[2], NULL, 10));
  if (strcmp(argv[1], "cost") == 0) cost();
  if (strcmp(argv[1], "serve") == 0 && argc > 2) serve(atoi(argv[2]));
  fflush(stdout);
  if (argc > 1) sleep(2); /* so that a page read meanwhile has the living process, too */
  return 0;
}
