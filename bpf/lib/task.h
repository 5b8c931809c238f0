/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the current thread runs, as its language runtime keeps it in thread-local storage. Every
 * address comes from the process and may be anything: each read can fail, and then there is no task. */
#pragma once
#include "bpf/events/task.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/registers.h"
#include "bpf/maps/followed_processes.h"
#include "bpf/maps/threads.h"

/* pthread_getspecific's slots that lie in the thread itself: PTHREAD_KEY_2NDLEVEL_SIZE of glibc. */
#define FIRST_KEYS 32

static __always_inline __u64 read_word(__u64 address) {
  __u64 word = 0;
  bpf_probe_read_user(&word, sizeof(word), (void *)address);
  return word;
}

static __always_inline bool is_python_context(const struct runtime_layout *at, __u64 context) {
  return context && read_word(context + 8 /* ob_type */) == at->type_address;
}

/* The running contextvars context; 0: none yet. */
static __always_inline __u64 python_task(const struct runtime_layout *at, __u64 thread_pointer) {
  __u32 key = FIRST_KEYS;
  bpf_probe_read_user(&key, sizeof(key), (void *)at->key_address);
  if (key >= FIRST_KEYS) return 0;
  __u64 state = read_word(thread_pointer + at->thread_offset + 16 * key);
  if (!state) return 0;
  __u64 context = read_word(state + at->task_offset);
  if (!is_python_context(at, context)) return 0;
  /* A thread's own context, which it never entered, is made without any function that could be probed:
   * its address may have been another's, so it is nobody's name. (Greenlets' contexts are made current
   * without entering, too: their threads have no tasks.) */
  if (at->parent_offset && !(__u32)read_word(context + at->parent_offset)) return 0;
  return context;
}

static __always_inline __u64 go_task(const struct runtime_layout *at, __u64 thread_pointer) {
  __u64 g = read_word(thread_pointer + at->thread_offset);
  return g ? read_word(g + at->task_offset) : 0;
}

/* Separately verified, as it is called from several programs' depths. */
__noinline __u64 current_task_of(__u32 pid) {
  struct followed_process *process = followed_process(pid);
  if (!process || process->runtime.kind == RUNTIME_UNKNOWN) return 0;
  __u64 thread_pointer = THREAD_POINTER(bpf_get_current_task_btf());
  if (process->runtime.kind == RUNTIME_PYTHON) return python_task(&process->runtime, thread_pointer);
  if (process->runtime.kind == RUNTIME_GO) return go_task(&process->runtime, thread_pointer);
  return 0;
}

static __always_inline __u64 current_task(void) {
  return current_task_of(bpf_get_current_pid_tgid() >> 32);
}

/* Counts one step (TURN_WAIT, TURN_INPUT or 0) of the current thread; returns where it stands. */
static __always_inline __u64 take_turn(struct task_struct *task, __u64 step) {
  struct thread_state *state =
      bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!state) return 0;
  if (step == TURN_WAIT) state->turn &= ~(TURN_WAIT - 1); /* inputs count from the wait on */
  state->turn += step;
  return state->turn;
}

static __always_inline struct task_ref current_task_ref(void) {
  struct task_ref by = {.task = current_task(), .turn = take_turn(bpf_get_current_task_btf(), 0)};
  return by;
}
