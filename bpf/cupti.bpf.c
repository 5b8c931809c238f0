/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Blocks of kernel records that the injected library hands over (events/gpu_batch.h), attached to its
 * USDT tacit:gpu_batch in each followed process (agent/runtime/cupti_image.cpp). The block's address
 * and length are the target's word: nothing is read beyond the largest block, and one process cannot
 * fill the ring that others' events need. */
#include "bpf/events/gpu_batch.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/maps/followed_processes.h"
#include "bpf/maps/gpu_senders.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Half-filled blocks are what a quiet program hands over several times a second. */
#define SMALL_BLOCK_BYTES (17 * GPU_SLOT_BYTES)
#define LARGE_BLOCK_BYTES ((1 + GPU_BATCH_SLOTS) * GPU_SLOT_BYTES)

/* Of the ring, for one process: full blocks of 770,000 records a second (where more is handed over,
 * tracing costs the target too much anyway), and in a burst half of what all processes together may
 * leave in a ring of the default size. */
#define NS_PER_BYTE 20
#define BURST_BYTES (2 << 20)

/* The USDT's arguments "8@%rdi 8@%rsi". */
#if defined(__TARGET_ARCH_x86)
#define BLOCK_ADDRESS(regs) ((regs)->di)
#define BLOCK_BYTES(regs) ((regs)->si)
#else /* nothing is attached there yet */
#define BLOCK_ADDRESS(regs) 0
#define BLOCK_BYTES(regs) 0
#endif

static __always_inline struct gpu_sender *sender_of(__u32 pid) {
  struct gpu_sender *sender = bpf_map_lookup_elem(&gpu_senders, &pid);
  if (sender) return sender;
  struct gpu_sender fresh = {};
  bpf_map_update_elem(&gpu_senders, &pid, &fresh, BPF_NOEXIST);
  return bpf_map_lookup_elem(&gpu_senders, &pid);
}

/* Threads of one process may come at once: what is added is exact, and idle time is given once. */
static __always_inline bool may_send(struct gpu_sender *sender, __u64 ring_bytes) {
  __u64 now = bpf_ktime_get_ns(), cost = ring_bytes * NS_PER_BYTE;
  __u64 paid = sender->paid_until_ns;
  if (paid < now) __sync_val_compare_and_swap(&sender->paid_until_ns, paid, now);
  paid = __sync_fetch_and_add(&sender->paid_until_ns, cost);
  if (paid <= now + (__u64)BURST_BYTES * NS_PER_BYTE) return true;
  __sync_fetch_and_add(&sender->paid_until_ns, -cost);
  return false;
}

/* Half of the ring stays for everything else. */
static __always_inline bool ring_has_room(void) {
  return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) <
         bpf_ringbuf_query(&events, BPF_RB_RING_SIZE) / 2;
}

static __always_inline void lose(struct gpu_sender *sender, __u64 bytes, __u32 reason) {
  __sync_fetch_and_add(&sender->lost_slots, bytes / GPU_SLOT_BYTES - 1);
  count_drop(reason);
}

static __always_inline bool is_block(const struct gpu_batch_header *header, __u64 bytes) {
  return header->magic == GPU_BATCH_MAGIC &&
         ((__u64)header->slots + 1) * GPU_SLOT_BYTES == bytes;
}

/* `room`: constant. */
static __always_inline void hand_over(struct gpu_sender *sender, __u64 address, __u64 bytes,
                                      const __u64 room) {
  struct gpu_batch_event *event =
      ring_has_room() ? bpf_ringbuf_reserve(&events, sizeof(*event) + room, 0) : NULL;
  if (!event) return lose(sender, bytes, DROP_RING_FULL_GPU);
  struct gpu_batch_header *block = (struct gpu_batch_header *)(event + 1);
  if (bytes > room || bpf_probe_read_user(block, bytes, (void *)address) ||
      !is_block(block, bytes)) {
    bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
    return count_drop(DROP_GPU_BLOCK);
  }
  fill_header(&event->header, EVENT_GPU_BATCH);
  event->bytes = bytes;
  event->lost_slots = sender->lost_slots;
  bpf_ringbuf_submit(event, wake_flags());
}

SEC("uprobe")
int gpu_batch_handed_over(struct pt_regs *regs) {
  __u64 address = BLOCK_ADDRESS(regs), bytes = BLOCK_BYTES(regs);
  __u32 pid = bpf_get_current_pid_tgid() >> 32;
  if (!is_followed(pid)) return 0;
  struct gpu_sender *sender = sender_of(pid);
  if (!sender) {
    count_drop(DROP_GPU_RATE);
    return 0;
  }
  if (bytes < GPU_SLOT_BYTES || bytes > LARGE_BLOCK_BYTES || bytes % GPU_SLOT_BYTES) {
    count_drop(DROP_GPU_BLOCK);
    return 0;
  }
  bool small = bytes <= SMALL_BLOCK_BYTES;
  if (!may_send(sender, small ? SMALL_BLOCK_BYTES : LARGE_BLOCK_BYTES)) {
    lose(sender, bytes, DROP_GPU_RATE);
    return 0;
  }
  if (small)
    hand_over(sender, address, bytes, SMALL_BLOCK_BYTES);
  else
    hand_over(sender, address, bytes, LARGE_BLOCK_BYTES);
  return 0;
}
