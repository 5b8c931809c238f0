/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CPython's contexts: which was made out of which. The agent attaches these programs to instructions
 * of a followed process's interpreter at which a new context is in a register (agent/runtime). */
#include "bpf/events/python_probe.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/socket.h"
#include "bpf/lib/task_events.h"
#include "bpf/lib/value_place.h"
#include "bpf/maps/given_work.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline struct followed_process *python_process(void) {
  struct followed_process *process = followed_process(bpf_get_current_pid_tgid() >> 32);
  return process && process->runtime.kind == RUNTIME_PYTHON ? process : NULL;
}

static __always_inline __u64 cookie_of(struct pt_regs *regs) {
  return bpf_get_attach_cookie((void *)regs);
}

SEC("uprobe")
int python_context_created(struct pt_regs *regs) {
  struct followed_process *process = python_process();
  if (!process) return 0;
  __u64 cookie = cookie_of(regs);
  __u64 child = value_at_place(regs, cookie);
  /* Some sites also lie on ways that fail. */
  if (!is_python_context(&process->runtime, child)) return 0;
  __u64 parent = 0;
  if (cookie & PYTHON_PARENT_IS_CURRENT)
    parent = python_task(&process->runtime, THREAD_POINTER(bpf_get_current_task_btf()));
  return report_task_start(parent, child);
}

/* The first context that a thread enters after it was given something, where that was read outside
 * of any context (uvloop): it is the one that got it. */
SEC("uprobe")
int python_context_entered(struct pt_regs *regs) {
  struct followed_process *process = python_process();
  if (!process) return 0;
  struct thread_state *state =
      bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);
  if (!state || !(__u32)state->turn) return 0;
  if (state->turn == state->entered_turn) { /* the loop goes on with others' work */
    state->turn += TURN_INPUT;
    state->entered_turn = state->turn;
    return 0;
  }
  __u64 context = value_at_place(regs, cookie_of(regs));
  if (!is_python_context(&process->runtime, context)) return 0;
  state->entered_turn = state->turn;
  enter_context(context);
  struct task_enter_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_TASK);
    return 0;
  }
  fill_header(&event->header, EVENT_TASK_ENTER);
  event->task.task = context;
  event->task.turn = state->turn;
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}

/* uvloop's UVHandle: a Python object, its table of functions, uv_handle_t * (handles/handle.pxd). libuv's
 * uv_stream_t: data, which uvloop points back to the object; type; io_watcher.fd (uv.h, uv/unix.h; the
 * ABI of libuv 1.x). */
#define UVLOOP_HANDLE 24
#define UV_HANDLE_DATA 0
#define UV_HANDLE_TYPE 16
#define UV_STREAM_FD 184
#define UV_NAMED_PIPE 7
#define UV_TCP 12

static __always_inline bool uvloop_socket(__u64 transport, struct socket_ref *ref) {
  __u64 handle = read_word(transport + UVLOOP_HANDLE);
  if (!handle || read_word(handle + UV_HANDLE_DATA) != transport) return false;
  __u32 type = read_word(handle + UV_HANDLE_TYPE), fd = -1;
  if (type != UV_TCP && type != UV_NAMED_PIPE) return false;
  bpf_probe_read_user(&fd, sizeof(fd), (void *)(handle + UV_STREAM_FD));
  return find_socket(bpf_get_current_task_btf(), fd, ref);
}

/* UVStream.write(): queued here, sent later outside of any context. */
SEC("uprobe")
int uvloop_stream_write(struct pt_regs *regs) {
  struct followed_process *process = python_process();
  struct socket_ref ref;
  if (!process) return 0;
  __u64 task = python_task(&process->runtime, THREAD_POINTER(bpf_get_current_task_btf()));
  if (!task || !uvloop_socket(value_at_place(regs, cookie_of(regs)), &ref)) return 0;
  if (ref.state->role == SOCKET_ROLE_SERVER) return 0; /* an answer: nobody asks for whom */
  return report_claim(task, ref.id);
}

/* concurrent.futures' unit of work. Queues also carry other things, such as pooled connections, whose
 * taker does not work for the giver. */
static __always_inline bool is_work_item(__u64 object) {
  char actual[sizeof("_WorkItem")] = {};
  if (!object) return false;
  __u64 type = read_word(object + 8 /* ob_type */);
  __u64 type_name = read_word(type + 24 /* tp_name */);
  if (bpf_probe_read_user_str(actual, sizeof(actual), (void *)type_name) != sizeof(actual))
    return false;
  for (__u32 i = 0; i < sizeof(actual); i++)
    if (actual[i] != "_WorkItem"[i]) return false;
  return true;
}

static __always_inline struct work_key key_of_work(__u64 item) {
  struct work_key key = {.pid = bpf_get_current_pid_tgid() >> 32, .work = item};
  return key;
}

static __always_inline void note_given(__u64 item) {
  struct work_key key = key_of_work(item);
  __u8 given = 1;
  bpf_map_update_elem(&given_work, &key, &given, BPF_ANY);
}

/* A take may pass two sites. Where nothing was given meanwhile, it is the same one. */
static __always_inline bool is_new_take(__u64 item) {
  struct work_key key = key_of_work(item);
  struct thread_state *state = bpf_task_storage_get(
      &threads, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
  bool was_given = bpf_map_delete_elem(&given_work, &key) == 0;
  if (!state) return true;
  if (!was_given && state->taken_work == item) return false;
  state->taken_work = item;
  return true;
}

static __always_inline int report_work(struct pt_regs *regs, __u8 action) {
  struct followed_process *process = python_process();
  if (!process) return 0;
  __u64 item = value_at_place(regs, cookie_of(regs));
  if (!is_work_item(item)) return 0;
  if (action == WORK_GIVE)
    note_given(item);
  else if (!is_new_take(item))
    return 0;
  struct work_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_TASK);
    return 0;
  }
  fill_header(&event->header, EVENT_WORK);
  event->by = current_task_ref();
  event->work = item;
  event->action = action;
  __builtin_memset(event->pad, 0, sizeof(event->pad));
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}

SEC("uprobe")
int python_work_given(struct pt_regs *regs) { return report_work(regs, WORK_GIVE); }

SEC("uprobe")
int python_work_taken(struct pt_regs *regs) { return report_work(regs, WORK_TAKE); }
