/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every syscall that moves bytes through a socket, seen at its exit: the arguments are still in the
 * user's registers, so no enter hook and no map of pending calls is needed. One program for all of
 * them, because each further program on this tracepoint is paid by every syscall of the host. */
#include "bpf/events/syscall_kind.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/connect.h"
#include "bpf/lib/files.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/task.h"
#include "bpf/lib/transfer.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u8 syscall_kinds[SYSCALL_TABLE_SIZE];
const volatile __u32 max_capture_bytes = 65536;
/* 0: nobody asks who caused what (metrics alone). */
const volatile __u32 track_causes = 1;

/* Set by the agent once a process trains: until then opens and closes cost the host next to nothing. */
volatile __u32 files_wanted = 0;

static __always_inline __u64 next_turn(struct task_struct *task, __u64 step) {
  return track_causes ? take_turn(task, step) : 0;
}

static __always_inline void limit_capture(struct transfer *t) {
  t->capture = t->total;
  if (t->capture > max_capture_bytes) t->capture = max_capture_bytes;
}

static __always_inline int read_message(struct transfer *t, struct user_msghdr *from) {
  struct user_msghdr message;
  if (bpf_probe_read_user(&message, sizeof(message), from)) {
    count_drop(DROP_USER_MEMORY);
    t->capture = 0;
    return 0;
  }
  t->buffer = message.msg_iov;
  t->buffers = message.msg_iovlen;
  return 0;
}

/* recvmmsg and sendmmsg: one transfer a message; past the first few only lengths matter. */
#define MAX_MESSAGES 8
static __always_inline int report_messages(struct socket_ref *ref, struct transfer *t,
                                           struct mmsghdr *messages, __u32 count) {
  __u32 end = 0, lengths[MAX_MESSAGES] = {};
  for (__u32 i = 0; i < MAX_MESSAGES; i++) {
    if (i >= count) break;
    bpf_probe_read_user(&lengths[i], sizeof(__u32), &messages[i].msg_len);
    end += lengths[i];
  }
  if (count > MAX_MESSAGES) count_drop(DROP_TOO_MANY_BUFFERS);
  for (__u32 i = 0; i < MAX_MESSAGES; i++) {
    if (i >= count) break;
    t->total = lengths[i];
    limit_capture(t);
    read_message(t, &messages[i].msg_hdr);
    t->later = end -= lengths[i];
    report(ref, t);
  }
  return 0;
}

/* A pipe, an eventfd, a timer, a datagram: through these others tell a thread to go on. */
static __always_inline bool is_input_of_others(struct task_struct *task, __u32 fd) {
  __u16 type = BPF_CORE_READ(file_of(task, fd), f_inode, i_mode) & S_IFMT;
  return type == 0 /* anonymous inode */ || type == S_IFIFO || type == S_IFSOCK;
}

static __always_inline int report_data(struct task_struct *task, struct pt_regs *regs, __u8 kind,
                                       long result, bool has_tasks) {
  struct socket_ref ref;
  struct transfer t = {.has_tasks = has_tasks};
  __u32 fd = SYSCALL_ARG1(regs), flags = 0;

  t.direction = kind >= SYSCALL_WRITE ? DATA_SEND : DATA_RECEIVE;
  if (kind == SYSCALL_RECVFROM || kind == SYSCALL_RECVMMSG) flags = SYSCALL_ARG4(regs);
  if (kind == SYSCALL_RECVMSG) flags = SYSCALL_ARG3(regs);
  if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE)) return 0;
  if (result < 0) {
    if (result == -EAGAIN || result == -EINTR || result == -EBADF || result < -4095) return 0;
    t.flags = DATA_FLAG_ERROR;
    t.error = -result;
  } else if (result == 0) {
    if (t.direction == DATA_SEND || kind == SYSCALL_RECVMMSG) return 0;
    /* A receive into no room returns 0 too and says nothing about the peer. */
    if ((kind == SYSCALL_READ || kind == SYSCALL_RECVFROM) && SYSCALL_ARG3(regs) == 0) return 0;
    t.flags = DATA_FLAG_END;
  }
  __u64 step = t.direction == DATA_RECEIVE ? TURN_INPUT : 0;
  if (!find_socket(task, fd, &ref)) {
    if (step && is_input_of_others(task, fd)) next_turn(task, step);
    return 0;
  }
  t.by.turn = next_turn(task, step);
  if (t.flags) {
    if (!(ref.state->flags & SOCKET_ANNOUNCED)) return 0; /* nothing was ever said on it */
    return report(&ref, &t);
  }

  t.total = result;
  limit_capture(&t);
  if (flags & MSG_TRUNC && ref.state->is_tcp) t.capture = 0; /* discarded, not copied */
  t.buffer = (void *)SYSCALL_ARG2(regs);
  switch (kind) {
    case SYSCALL_READV:
    case SYSCALL_WRITEV:
      t.buffers = SYSCALL_ARG3(regs);
      break;
    case SYSCALL_RECVMSG:
    case SYSCALL_SENDMSG:
      read_message(&t, t.buffer);
      break;
    case SYSCALL_RECVMMSG:
    case SYSCALL_SENDMMSG:
      return report_messages(&ref, &t, t.buffer, result);
    case SYSCALL_SENDFILE:
      t.capture = 0;
      break;
  }
  return report(&ref, &t);
}

/* Bytes that never pass through user memory: their length is all there is. */
static __always_inline int report_length(struct task_struct *task, __u32 fd, __u8 direction,
                                         long result, bool has_tasks) {
  struct socket_ref ref;
  struct transfer t = {.direction = direction, .total = result, .has_tasks = has_tasks};
  if (result <= 0 || !find_socket(task, fd, &ref)) return 0;
  t.by.turn = next_turn(task, direction == DATA_RECEIVE ? TURN_INPUT : 0);
  return report(&ref, &t);
}

/* A new descriptor: remember that the socket was seen from its first byte, and whose side it is. */
static __always_inline int note_start(struct task_struct *task, __u32 fd, __u8 role) {
  struct socket_ref ref;
  __u64 turn = next_turn(task, role == SOCKET_ROLE_SERVER ? TURN_INPUT : 0);
  if (!find_socket(task, fd, &ref) || ref.state->flags & SOCKET_ANNOUNCED) return 0;
  ref.state->origin.time_ns = bpf_ktime_get_ns();
  ref.state->origin.by.task = track_causes ? current_task() : 0;
  ref.state->origin.by.turn = turn;
  ref.state->origin.tid = (__u32)bpf_get_current_pid_tgid();
  ref.state->role = role;
  ref.state->flags |= SOCKET_FROM_START;
  return 0;
}

/* How a loop learns that a connection stands, or failed: it asks for the error of a socket on which
 * nothing was said yet. (Some also ask before they use a connection again.) */
static __always_inline int note_connected(struct task_struct *task, struct pt_regs *regs) {
  struct socket_ref ref;
  if (SYSCALL_ARG2(regs) != SOL_SOCKET || SYSCALL_ARG3(regs) != SO_ERROR) return 0;
  if (!find_socket(task, SYSCALL_ARG1(regs), &ref) || ref.state->flags & SOCKET_ANNOUNCED) return 0;
  next_turn(task, TURN_INPUT);
  return 0;
}

/* New code in a followed process: user space looks for runtimes and libraries it knows. */
static __always_inline int report_map(struct pt_regs *regs) {
  if (!(SYSCALL_ARG3(regs) & PROT_EXEC) || SYSCALL_ARG4(regs) & MAP_ANONYMOUS) return 0;
  struct image_mapped_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_TASK);
    return 0;
  }
  fill_header(&event->header, EVENT_IMAGE_MAPPED);
  bpf_ringbuf_submit(event, wake_now_flags());
  return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long result) {
  __u64 number = SYSCALL_NUMBER(regs);
  if (number >= SYSCALL_TABLE_SIZE) return 0;
  __u8 kind = syscall_kinds[number];
  if (kind == SYSCALL_IGNORED || (kind >= SYSCALL_OPEN && !files_wanted)) return 0;
  struct followed_process *process = followed_process(bpf_get_current_pid_tgid() >> 32);
  if (!process) return 0;
  bool has_tasks = track_causes && process->runtime.kind != RUNTIME_UNKNOWN;

  struct task_struct *task = bpf_get_current_task_btf();
  if (TASK_IS_COMPAT(task)) {
    count_drop(DROP_COMPAT_SYSCALL);
    return 0;
  }
  switch (kind) {
    case SYSCALL_ACCEPT:
      return result < 0 ? 0 : note_start(task, result, SOCKET_ROLE_SERVER);
    case SYSCALL_CONNECT:
      if (result == 0 || result == -EINPROGRESS)
        return note_start(task, SYSCALL_ARG1(regs), SOCKET_ROLE_CLIENT);
      return report_failed_connect(task, regs, result);
    case SYSCALL_POLL:
      if (SYSCALL_ARG2(regs) <= 2) return 0;
      next_turn(task, TURN_WAIT);
      return 0;
    case SYSCALL_SELECT:
      if (SYSCALL_ARG1(regs) == 0) return 0; /* a sleep */
      next_turn(task, TURN_WAIT);
      return 0;
    case SYSCALL_WAIT:
      next_turn(task, TURN_WAIT);
      return 0;
    case SYSCALL_GET_OPTION:
      return note_connected(task, regs);
    case SYSCALL_MAP:
      return result < 0 ? 0 : report_map(regs);
    case SYSCALL_OPEN:
      return process->flags & FOLLOWED_FILES ? report_open(process, task, regs, result) : 0;
    case SYSCALL_CLOSE:
      return process->flags & FOLLOWED_FILES ? report_close(regs) : 0;
    case SYSCALL_SPLICE:
      report_length(task, SYSCALL_ARG1(regs), DATA_RECEIVE, result, has_tasks);
      return report_length(task, SYSCALL_ARG3(regs), DATA_SEND, result, has_tasks);
  }
  return report_data(task, regs, kind, result, has_tasks);
}
