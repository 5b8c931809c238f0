/* SPDX-License-Identifier: Apache-2.0 */
/* The USDT tacit:gpu_batch as the injected library has it, for programs that hand over made-up blocks:
 * a 1-byte nop, arguments in the registers of a call, and a counter that tells who listens. C and C++;
 * include it in one file of a program. */
#pragma once
#include <stdint.h>
#include <string.h>

#include "bpf/events/gpu_batch.h"

#ifdef __cplusplus
extern "C" {
#endif
extern volatile unsigned short tacit_gpu_batch_semaphore;
__attribute__((section(".probes"), used)) volatile unsigned short tacit_gpu_batch_semaphore = 0;
#ifdef __cplusplus
}
#endif

__attribute__((noinline, unused)) static void fire_block(const void *address, uint64_t bytes) {
  __asm__ volatile(
      "990: nop\n"
      ".pushsection .note.stapsdt,\"\",\"note\"\n"
      ".balign 4\n"
      ".4byte 992f-991f, 994f-993f, 3\n"
      "991: .asciz \"stapsdt\"\n"
      "992: .balign 4\n"
      "993: .8byte 990b\n"
      ".8byte _.stapsdt.base\n"
      ".8byte tacit_gpu_batch_semaphore\n"
      ".asciz \"tacit\"\n"
      ".asciz \"gpu_batch\"\n"
      ".asciz \"8@%%rdi 8@%%rsi\"\n"
      "994: .balign 4\n"
      ".popsection\n"
      ".ifndef _.stapsdt.base\n"
      ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"
      ".weak _.stapsdt.base\n"
      ".hidden _.stapsdt.base\n"
      "_.stapsdt.base: .space 1\n"
      ".size _.stapsdt.base, 1\n"
      ".popsection\n"
      ".endif\n"
      :
      : "D"(address), "S"(bytes)
      : "memory");
}

/* One block under construction. */
struct gpu_block {
  struct gpu_batch_header header;
  struct gpu_record slots[GPU_BATCH_SLOTS];
};

static inline void start_block(struct gpu_block *block, uint64_t sequence, uint64_t time_ns) {
  memset(block, 0, sizeof(*block));
  block->header.magic = GPU_BATCH_MAGIC;
  block->header.sequence = sequence;
  block->header.time_ns = time_ns;
  block->header.state = GPU_TRACER_ACTIVE;
}

static inline uint64_t block_bytes(const struct gpu_block *block) {
  return (1 + (uint64_t)block->header.slots) * GPU_SLOT_BYTES;
}

static inline struct gpu_record *add_record(struct gpu_block *block, uint8_t kind, uint64_t launch_ns,
                                            uint64_t start_ns, uint64_t end_ns) {
  struct gpu_record *record = &block->slots[block->header.slots++];
  record->kind = kind;
  record->launch_ns = launch_ns;
  record->start_ns = start_ns;
  record->end_ns = end_ns;
  return record;
}

static inline void add_name(struct gpu_block *block, uint32_t number, const char *text) {
  struct gpu_record *record = &block->slots[block->header.slots++];
  uint64_t length = strlen(text), used = (length + GPU_SLOT_BYTES - 1) / GPU_SLOT_BYTES;
  record->kind = GPU_RECORD_NAME;
  record->name = number;
  record->bytes = length;
  memcpy(&block->slots[block->header.slots], text, length);
  block->header.slots += (uint32_t)used;
}
