/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CUDA's and NCCL's calls. The agent attaches these programs to instructions of the libraries that a
 * followed process maps (agent/runtime/cuda_image.cpp has the places and why). The runtime calls the
 * driver, and calls call each other: only the outermost counts. */
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/task.h"
#include "bpf/lib/value_place.h"
#include "bpf/maps/cuda.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* A call's own frames are smaller: what lies deeper than this is not inside it. */
#define MAX_CALL_STACK (256 << 10)
/* Code of one library lies closer together than this; CUDA's runtime has less than 1 MiB. */
#define MAX_LIBRARY_CODE (1 << 20)
#define CUDA_OUT_OF_MEMORY 2 /* cudaErrorMemoryAllocation, CUDA_ERROR_OUT_OF_MEMORY */
#define CUDA_NOT_READY 600   /* an answer of cudaEventQuery and its like, not a failure */
#define NCCL_IN_PROGRESS 7

static const struct cuda_totals kNoTotals = {};

static __always_inline struct cuda_totals *totals_of(__u32 pid) {
  struct cuda_totals *totals = bpf_map_lookup_elem(&cuda_totals, &pid);
  if (totals) return totals;
  bpf_map_update_elem(&cuda_totals, &pid, &kNoTotals, BPF_NOEXIST);
  totals = bpf_map_lookup_elem(&cuda_totals, &pid);
  if (!totals) count_drop(DROP_CUDA_TABLE);
  return totals;
}

static __always_inline struct cuda_thread *this_thread(void) {
  struct cuda_thread *thread = bpf_task_storage_get(&cuda_threads, bpf_get_current_task_btf(), NULL,
                                                    BPF_LOCAL_STORAGE_GET_F_CREATE);
  /* No memory; before 6.2 also: another thread was stopped on this CPU while it asked. */
  if (!thread) count_drop(DROP_CUDA_TABLE);
  return thread;
}

#if defined(__TARGET_ARCH_x86)
#define STACK_POINTER(regs) ((regs)->sp)
#define CODE_ADDRESS(regs) ((regs)->ip)
#define CPU_FLAGS(regs) ((regs)->flags)
#else /* nothing is attached there yet */
#define STACK_POINTER(regs) 0
#define CODE_ADDRESS(regs) 0
#define CPU_FLAGS(regs) 0
#endif

/* System V: rdi, rsi, rdx, rcx, r8, r9, then the stack. `frame`: where the return address lies. */
static __always_inline __u64 argument(struct pt_regs *regs, __u32 number, __u64 frame) {
  switch (number) {
    case 0: return place_register(regs, 7);
    case 1: return place_register(regs, 6);
    case 2: return place_register(regs, 2);
    case 3: return place_register(regs, 1);
    case 4: return place_register(regs, 8);
    case 5: return place_register(regs, 9);
    case CUDA_STACK_ARGUMENT: return read_word(frame + 8);
  }
  return 0;
}

/* Whether the thread is still in the call, seen from `stack_pointer`. */
static __always_inline bool is_inside(const struct cuda_frame *frame, __u64 stack_pointer) {
  return frame->stack_pointer > stack_pointer &&
         frame->stack_pointer - stack_pointer < MAX_CALL_STACK &&
         read_word(frame->stack_pointer) == frame->return_address;
}

/* Whether a call that will return to `caller` is made by the one that the thread is in: the runtime's of the
 * driver, one of NCCL's of another. What is left on the stack of a call that is over may look like
 * one that is not: so its maker must be that library, too. */
static __always_inline bool is_nested(const struct cuda_frame *outer, __u64 cookie,
                                      __u64 stack_pointer, __u64 caller) {
  if (!outer->stack_pointer) return false;
  if (!(cookie & CUDA_ENTRY_IS_NCCL) && (outer->is_driver || !(cookie & CUDA_ENTRY_IS_DRIVER)))
    return false;
  return caller - outer->code + MAX_LIBRARY_CODE < 2 * MAX_LIBRARY_CODE &&
         is_inside(outer, stack_pointer);
}

static __always_inline void raise_peak(__u64 *peak, __u64 held) {
  for (int i = 0; i < 8; i++) {
    __u64 before = *(volatile __u64 *)peak;
    if (held <= before || __sync_val_compare_and_swap(peak, before, held) == before) return;
  }
}

static __always_inline void remember_allocation(struct cuda_totals *totals, __u32 pid,
                                                const struct cuda_frame *frame, __u64 address,
                                                __u64 bytes, __u32 memory) {
  struct cuda_allocation_key key = {
      .pid = pid, .is_handle = frame->is_handle, .address = address};
  __u64 value = CUDA_ALLOCATION_BYTES(bytes) | (__u64)memory << CUDA_ALLOCATION_MEMORY_SHIFT;
  if (bpf_map_update_elem(&cuda_allocations, &key, &value, BPF_ANY)) {
    count_drop(DROP_CUDA_TABLE);
    __sync_fetch_and_add(&totals->untracked_allocations, 1);
    return;
  }
  __sync_fetch_and_add(&totals->held_allocations, 1);
  __u64 held = __sync_fetch_and_add(&totals->held_bytes[memory], CUDA_ALLOCATION_BYTES(bytes));
  raise_peak(&totals->peak_bytes[memory], held + CUDA_ALLOCATION_BYTES(bytes));
}

/* At the entry of a free: what it names may belong to somebody else before its end is seen. */
static __always_inline void take_allocation(struct cuda_frame *frame, __u32 pid) {
  struct cuda_allocation_key key = {
      .pid = pid, .is_handle = frame->is_handle, .address = frame->pointer};
  __u64 *value = bpf_map_lookup_elem(&cuda_allocations, &key);
  frame->bytes = 0;
  if (!value) return;
  __u64 taken = *value;
  /* Of two frees at once only one takes it. A taken one is never 0 bytes. */
  if (bpf_map_delete_elem(&cuda_allocations, &key) == 0) frame->bytes = taken;
}

static __always_inline void end_free(struct cuda_totals *totals, __u32 pid,
                                     const struct cuda_frame *frame, bool failed) {
  if (!frame->pointer) return; /* allowed, and frees nothing */
  if (!frame->bytes) {
    if (!failed) __sync_fetch_and_add(&totals->unknown_frees, 1);
    return;
  }
  __u64 bytes = CUDA_ALLOCATION_BYTES(frame->bytes);
  __u32 memory = frame->bytes >> CUDA_ALLOCATION_MEMORY_SHIFT;
  if (memory >= CUDA_MEMORY_COUNT) return;
  if (failed) { /* it is there still */
    struct cuda_allocation_key key = {
        .pid = pid, .is_handle = frame->is_handle, .address = frame->pointer};
    if (bpf_map_update_elem(&cuda_allocations, &key, &frame->bytes, BPF_ANY) == 0) return;
    count_drop(DROP_CUDA_TABLE);
    __sync_fetch_and_add(&totals->untracked_allocations, 1);
  } else {
    __sync_fetch_and_add(&totals->frees[memory], 1);
  }
  __sync_fetch_and_add(&totals->held_bytes[memory], -bytes);
  __sync_fetch_and_add(&totals->held_allocations, -1);
}

static __always_inline void end_allocation(struct cuda_totals *totals, __u32 pid,
                                           const struct cuda_frame *frame) {
  __u64 address = read_word(frame->pointer);
  __u32 memory = frame->detail;
  if (memory >= CUDA_MEMORY_COUNT) return;
  __sync_fetch_and_add(&totals->allocations[memory], 1);
  __sync_fetch_and_add(&totals->allocated_bytes[memory], frame->bytes);
  if (frame->bytes) remember_allocation(totals, pid, frame, address, frame->bytes, memory);
}

static __always_inline int report_failure(struct cuda_totals *totals, __u32 call, __s32 code, __u64 bytes,
                                     __u64 begin_ns, __u64 is_nccl) {
  struct cuda_failure_key key = {
      .pid = bpf_get_current_pid_tgid() >> 32, .call = call, .code = code};
  __u64 *count = bpf_map_lookup_elem(&cuda_failure_counts, &key), one = 1;
  if (count)
    __sync_fetch_and_add(count, 1);
  else if (bpf_map_update_elem(&cuda_failure_counts, &key, &one, BPF_NOEXIST)) {
    count = bpf_map_lookup_elem(&cuda_failure_counts, &key);
    if (count)
      __sync_fetch_and_add(count, 1);
    else
      count_drop(DROP_CUDA_TABLE);
  }
  if (totals) {
    __sync_fetch_and_add(&totals->failures, 1);
    if (code == CUDA_OUT_OF_MEMORY && !is_nccl) __sync_fetch_and_add(&totals->out_of_memory, 1);
  }
  struct cuda_failure_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_GPU);
    return 0;
  }
  fill_header(&event->header, EVENT_CUDA_FAILURE);
  event->by = current_task_ref();
  event->bytes = bytes;
  event->begin_ns = begin_ns;
  event->code = code;
  event->call = call;
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}

/* Bytes of one ncclDataType_t (nccl.h: int8, uint8, int32, uint32, int64, uint64, float16, float32,
 * float64, bfloat16, float8e4m3, float8e5m2); 0: not known. */
static __always_inline __u64 nccl_type_bytes(__u64 type) {
  switch ((__u32)type) {
    case 0: case 1: case 10: case 11: return 1;
    case 6: case 9: return 2;
    case 2: case 3: case 7: return 4;
    case 4: case 5: case 8: return 8;
  }
  return 0;
}

static const struct cuda_communicator kNoCommunicator = {};

static __always_inline struct cuda_communicator *communicator_of(__u32 pid, __u64 handle) {
  struct cuda_communicator_key key = {.pid = pid, .handle = handle};
  return bpf_map_lookup_elem(&cuda_communicators, &key);
}

/* In place of one with the same handle, whose end was not seen. */
static __always_inline struct cuda_communicator *add_communicator(struct cuda_totals *totals,
                                                                  __u32 pid, __u64 handle, __u64 flags) {
  struct cuda_communicator_key key = {.pid = pid, .handle = handle};
  bpf_map_update_elem(&cuda_communicators, &key, &kNoCommunicator, flags);
  struct cuda_communicator *made = bpf_map_lookup_elem(&cuda_communicators, &key);
  if (!made) count_drop(DROP_CUDA_TABLE);
  if (!made || made->created_ns) return made;
  made->number = __sync_fetch_and_add(&totals->communicators, 1);
  made->rank = -1;
  return made;
}

/* murmur3's last step: every bit of the word changes half of the sum's. */
static __always_inline __u64 mix(__u64 sum, __u64 word) {
  sum = (sum ^ word) * 0xff51afd7ed558ccdULL;
  sum = (sum ^ sum >> 33) * 0xc4ceb9fe1a85ec53ULL;
  return sum ^ sum >> 33;
}

#define UNIQUE_ID_WORDS 16 /* ncclUniqueId: 128 bytes, most of them random or an address (nccl.h) */

/* What names the group; 0: it cannot be read. */
static __always_inline __u64 group_of_id(__u64 address) {
  __u64 words[UNIQUE_ID_WORDS];
  if (bpf_probe_read_user(words, sizeof(words), (void *)address)) return 0;
  __u64 sum = 1;
  for (int i = 0; i < UNIQUE_ID_WORDS; i++) sum = mix(sum, words[i]);
  return sum;
}

/* All ranks split a communicator in the same order, and those that give one colour are together. */
static __always_inline __u64 group_of_part(struct cuda_communicator *parent, __u32 colour) {
  if (!parent || !parent->group) return 0;
  __u64 before = __sync_fetch_and_add(&parent->splits, 1);
  return mix(mix(parent->group, before), colour);
}

static __always_inline void begin_communicator(struct pt_regs *regs, struct cuda_frame *call,
                                               __u64 cookie, __u32 pid) {
  __u64 frame = call->stack_pointer;
  __u32 subject = CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_SUBJECT_SHIFT);
  __u64 kind = argument(regs, CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_KIND_SHIFT), frame);
  call->ranks = 0;
  call->rank = -1;
  if (call->action == CUDA_ACTION_SPLIT) {
    call->group = group_of_part(communicator_of(pid, argument(regs, subject, frame)), kind);
    return;
  }
  call->group = group_of_id(subject == CUDA_STACK_ARGUMENT ? frame + 8
                                                           : argument(regs, subject, frame));
  call->ranks = argument(regs, CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_SIZE_SHIFT), frame);
  call->rank = kind;
}

static __always_inline void end_communicator(struct cuda_totals *totals, __u32 pid,
                                             const struct cuda_frame *call) {
  __u64 handle = read_word(call->pointer);
  if (!handle) return; /* split without a colour */
  struct cuda_communicator *made = add_communicator(totals, pid, handle, BPF_ANY);
  if (!made) return;
  made->group = call->group;
  made->ranks = call->ranks;
  made->rank = call->rank;
  made->created_ns = bpf_ktime_get_ns();
}

static __always_inline void forget_communicator(__u32 pid, __u64 handle) {
  struct cuda_communicator_key key = {.pid = pid, .handle = handle};
  struct cuda_communicator *known = bpf_map_lookup_elem(&cuda_communicators, &key);
  if (!known) return;
  known->ended = 1;
  if (!known->group) bpf_map_delete_elem(&cuda_communicators, &key);
}

/* Its number. */
static __always_inline __u64 enqueue(struct cuda_totals *totals, __u32 pid, __u32 call, __u64 handle,
                                     __u64 now) {
  if (!handle) return CUDA_COMMUNICATOR_UNKNOWN; /* the call will be refused */
  struct cuda_communicator *known = communicator_of(pid, handle);
  if (!known) { /* made before anybody looked, or by a call that is not probed */
    known = add_communicator(totals, pid, handle, BPF_NOEXIST);
    if (!known) return CUDA_COMMUNICATOR_UNKNOWN;
    if (!known->created_ns) known->created_ns = now;
  }
  if (call == CUDA_CALL_ncclSend || call == CUDA_CALL_ncclRecv) return known->number;
  /* One communicator is used by one thread at a time, as NCCL demands. */
  known->times[known->operations & (CUDA_OPERATION_TIMES - 1)] = now >> CUDA_OPERATION_TIME_SHIFT;
  __sync_fetch_and_add(&known->operations, 1);
  return known->number;
}

static __always_inline void count_collective(__u32 pid, __u32 call, __u64 communicator,
                                             __u64 bytes, __u64 now) {
  struct cuda_collective_key key = {.pid = pid, .call = call, .communicator = communicator};
  struct cuda_collective_counts first = {.count = 1, .bytes = bytes, .last_ns = now};
  struct cuda_collective_counts *counts = bpf_map_lookup_elem(&cuda_collectives, &key);
  if (!counts) {
    if (bpf_map_update_elem(&cuda_collectives, &key, &first, BPF_NOEXIST) == 0) return;
    counts = bpf_map_lookup_elem(&cuda_collectives, &key);
    if (!counts) {
      count_drop(DROP_CUDA_TABLE);
      return;
    }
  }
  __sync_fetch_and_add(&counts->count, 1);
  __sync_fetch_and_add(&counts->bytes, bytes);
  counts->last_ns = now;
}

static __always_inline __u64 copied_bytes(struct pt_regs *regs, __u64 cookie, __u64 frame) {
  __u64 size = argument(regs, CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_SIZE_SHIFT), frame);
  __u32 times = CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_SUBJECT_SHIFT);
  return times == CUDA_NO_ARGUMENT ? size : size * argument(regs, times, frame);
}

static __always_inline __u64 count_copy(struct pt_regs *regs, struct cuda_totals *totals,
                                        __u64 cookie, __u64 frame) {
  __u32 kind = CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_KIND_SHIFT);
  __u32 direction = kind == CUDA_NO_ARGUMENT ? CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_DETAIL_SHIFT)
                                             : (__u32)argument(regs, kind, frame);
  __u64 bytes = copied_bytes(regs, cookie, frame);
  if (direction >= CUDA_DIRECTION_COUNT) return bytes; /* the call will be refused */
  __sync_fetch_and_add(&totals->copies[direction], 1);
  __sync_fetch_and_add(&totals->copied_bytes[direction], bytes);
  return bytes;
}

/* What is known when a call begins; returns the bytes that it is about. */
static __always_inline __u64 begin_action(struct pt_regs *regs, struct cuda_totals *totals,
                                          struct cuda_frame *call, __u64 cookie, __u32 pid) {
  __u64 frame = call->stack_pointer;
  switch (call->action) {
    case CUDA_ACTION_LAUNCH:
      __sync_fetch_and_add(&totals->launches, 1);
      totals->last_launch_ns = call->begin_ns;
      return 0;
    case CUDA_ACTION_GRAPH_LAUNCH:
      __sync_fetch_and_add(&totals->graph_launches, 1);
      totals->last_launch_ns = call->begin_ns;
      return 0;
    case CUDA_ACTION_COPY:
      totals->last_move_ns = call->begin_ns;
      return count_copy(regs, totals, cookie, frame);
    case CUDA_ACTION_SET: {
      __u64 bytes = copied_bytes(regs, cookie, frame) << call->detail;
      __sync_fetch_and_add(&totals->sets, 1);
      totals->last_move_ns = call->begin_ns;
      __sync_fetch_and_add(&totals->set_bytes, bytes);
      return bytes;
    }
    case CUDA_ACTION_WAIT:
      if (!call->has_exit) __sync_fetch_and_add(&totals->untimed_waits, 1);
      return 0;
    case CUDA_ACTION_COLLECTIVE: {
      __u64 count = argument(regs, CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_SIZE_SHIFT), frame);
      __u64 type = argument(regs, CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_KIND_SHIFT), frame);
      __u64 communicator = argument(regs, CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_SUBJECT_SHIFT), frame);
      __u64 bytes = count * nccl_type_bytes(type);
      call->pointer = communicator;
      communicator = enqueue(totals, pid, call->call, communicator, call->begin_ns);
      count_collective(pid, call->call, communicator, bytes, call->begin_ns);
      return bytes;
    }
    case CUDA_ACTION_COMMUNICATOR:
    case CUDA_ACTION_SPLIT: begin_communicator(regs, call, cookie, pid); return 0;
    case CUDA_ACTION_COMMUNICATOR_END:
      forget_communicator(
          pid, argument(regs, CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_SUBJECT_SHIFT), frame));
      return 0;
  }
  return 0;
}

SEC("uprobe")
int cuda_call_begins(struct pt_regs *regs) {
  __u64 cookie = bpf_get_attach_cookie((void *)regs);
  struct cuda_thread *thread = this_thread();
  if (!thread) return 0;
  struct cuda_frame *call = &thread->frames[cookie & CUDA_ENTRY_IS_NCCL ? 1 : 0];
  __u64 frame = STACK_POINTER(regs) + (cookie >> CUDA_ENTRY_DEPTH_SHIFT);
  __u64 caller = read_word(frame);
  if (is_nested(call, cookie, frame, caller)) return 0;
  __u32 pid = bpf_get_current_pid_tgid() >> 32;
  struct cuda_totals *totals = totals_of(pid);
  if (!totals) return 0;
  call->stack_pointer = frame;
  call->return_address = caller;
  call->code = CODE_ADDRESS(regs);
  call->is_driver = (cookie & CUDA_ENTRY_IS_DRIVER) != 0;
  call->begin_ns = bpf_ktime_get_ns();
  call->call = CUDA_ENTRY_CALL(cookie);
  call->action = (cookie >> CUDA_ENTRY_ACTION_SHIFT) & 0xf;
  call->detail = CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_DETAIL_SHIFT);
  call->is_handle = (cookie & CUDA_ENTRY_IS_HANDLE) != 0;
  call->has_exit = (cookie & CUDA_ENTRY_HAS_EXIT) != 0;
  call->pointer = argument(regs, CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_POINTER_SHIFT), frame);
  if (call->action == CUDA_ACTION_ALLOCATE)
    call->bytes = argument(regs, CUDA_ENTRY_FIELD(cookie, CUDA_ENTRY_SIZE_SHIFT), frame);
  else if (call->action == CUDA_ACTION_FREE)
    take_allocation(call, pid);
  else
    call->bytes = begin_action(regs, totals, call, cookie, pid);
  return 0;
}

/* x86's conditions in the order of their numbers' upper three bits; the lowest bit negates. */
static __always_inline bool is_taken(__u64 flags, __u32 condition) {
  bool carry = flags & 1, parity = flags & 4, zero = flags & 0x40, sign = flags & 0x80,
       overflow = flags & 0x800, holds = false;
  switch (condition >> 1) {
    case 0: holds = overflow; break;
    case 1: holds = carry; break;
    case 2: holds = zero; break;
    case 3: holds = carry || zero; break;
    case 4: holds = sign; break;
    case 5: holds = parity; break;
    case 6: holds = sign != overflow; break;
    case 7: holds = zero || sign != overflow; break;
  }
  return holds != (condition & 1);
}

static __always_inline bool is_on_the_way_out(struct pt_regs *regs, __u64 cookie) {
  if (!(cookie & (CUDA_EXIT_IF_TAKEN | CUDA_EXIT_IF_NOT_TAKEN))) return true;
  bool taken = is_taken(CPU_FLAGS(regs), (cookie >> CUDA_EXIT_CONDITION_SHIFT) & 0xf);
  return taken == ((cookie & CUDA_EXIT_IF_TAKEN) != 0);
}

static __always_inline bool is_failure(__s32 code, bool is_nccl) {
  return code != 0 && code != (is_nccl ? NCCL_IN_PROGRESS : CUDA_NOT_READY);
}

/* An instruction after which the call only returns. */
SEC("uprobe")
int cuda_call_ends(struct pt_regs *regs) {
  __u64 cookie = bpf_get_attach_cookie((void *)regs);
  if (!is_on_the_way_out(regs, cookie)) return 0;
  struct cuda_thread *thread = this_thread();
  if (!thread) return 0;
  bool is_nccl = (cookie & CUDA_EXIT_IS_NCCL) != 0;
  struct cuda_frame *call = &thread->frames[is_nccl ? 1 : 0];
  if (!call->stack_pointer || !call->has_exit ||
      call->call != ((cookie >> CUDA_EXIT_CALL_SHIFT) & 0xff))
    return 0;
  if (!is_inside(call, STACK_POINTER(regs) - 8)) return 0; /* another call's, not ours */
  call->stack_pointer = 0;
  __u32 pid = bpf_get_current_pid_tgid() >> 32;
  struct cuda_totals *totals = totals_of(pid);
  if (!totals) return 0;
  __s32 code = (__s32)value_at_place(regs, cookie);
  bool failed = is_failure(code, is_nccl);
  if (call->action == CUDA_ACTION_WAIT) {
    __sync_fetch_and_add(&totals->waits, 1);
    __sync_fetch_and_add(&totals->wait_ns, bpf_ktime_get_ns() - call->begin_ns);
  } else if (call->action == CUDA_ACTION_FREE) {
    end_free(totals, pid, call, failed);
    call->bytes = 0;
  } else if (call->action == CUDA_ACTION_ALLOCATE && !failed) {
    end_allocation(totals, pid, call);
  } else if ((call->action == CUDA_ACTION_COMMUNICATOR || call->action == CUDA_ACTION_SPLIT) &&
             !failed) {
    end_communicator(totals, pid, call);
  }
  if (!failed) return 0;
  if (call->action == CUDA_ACTION_COLLECTIVE) {
    struct cuda_communicator *known = communicator_of(pid, call->pointer);
    if (known) known->failed = 1;
  }
  return report_failure(totals, call->call, code, call->bytes, call->begin_ns, is_nccl);
}

/* The runtime remembers a failure of this call for cudaGetLastError: its code is the second argument of
 * the function that is about to be called. The cookie is the call's number. */
SEC("uprobe")
int cuda_call_failed(struct pt_regs *regs) {
  __u32 called = CUDA_ENTRY_CALL(bpf_get_attach_cookie((void *)regs));
  __s32 code = (__s32)place_register(regs, 6);
  if (!is_failure(code, false)) return 0;
  struct cuda_thread *thread = this_thread();
  if (!thread) return 0;
  struct cuda_frame *call = &thread->frames[0];
  bool inside = call->stack_pointer && is_inside(call, STACK_POINTER(regs));
  if (inside && call->has_exit) return 0; /* its end will tell */
  __u64 begin_ns = inside ? call->begin_ns : bpf_ktime_get_ns();
  return report_failure(totals_of(bpf_get_current_pid_tgid() >> 32), inside ? call->call : called,
                        code, inside ? call->bytes : 0, begin_ns, false);
}
