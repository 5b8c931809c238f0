/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files that a training process opens and closes (FOLLOWED_FILES). */
#pragma once
#include "bpf/events/training.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/socket.h"
#include "bpf/maps/data_files.h"

#define S_IFREG 0100000

/* Does the path end in .py, .pyc, .so, or look like lib….so.1? `length` without the terminator. */
static __always_inline bool is_code(const char *path, __u32 length) {
  if (length < 4 || length > 255) return false;
  char end[4];
  for (__u32 i = 0; i < 4; i++) end[i] = path[(length - 4 + i) & 0xff];
  if (end[1] == '.' && ((end[2] == 'p' && end[3] == 'y') || (end[2] == 's' && end[3] == 'o')))
    return true;
  if (end[0] == '.' && end[1] == 'p' && end[2] == 'y' && end[3] == 'c') return true;
  return end[0] == 's' && end[1] == 'o' && end[2] == '.' && end[3] >= '0' && end[3] <= '9';
}

static __always_inline bool is_regular(struct task_struct *task, long descriptor) {
  struct file *file = file_of(task, descriptor);
  return file && (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFREG;
}

static __always_inline __u64 data_file_key(long descriptor) {
  return (bpf_get_current_pid_tgid() & 0xffffffff00000000ULL) | (__u32)descriptor;
}

/* openat(directory, path, …) at its exit. */
static __always_inline int report_open(struct followed_process *process,
                                       struct task_struct *task, struct pt_regs *regs,
                                       long result) {
  if (result >= 0 && !is_regular(task, result)) return 0;
  struct file_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_GPU);
    return 0;
  }
  long length = bpf_probe_read_user_str(event->path, sizeof(event->path), (void *)SYSCALL_ARG2(regs));
  bool code = length > 1 && is_code(event->path, length - 1);
  if (code && result >= 0) process->code_ns = bpf_ktime_get_ns();
  if (length <= 1 || code) {
    bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
    return 0;
  }
  fill_header(&event->header, EVENT_FILE);
  event->code_ns = process->code_ns;
  event->descriptor = result;
  event->path_bytes = length - 1;
  event->access = SYSCALL_ARG3(regs) & 3;
  event->pad = 0;
  bpf_ringbuf_submit(event, wake_flags());
  if (result >= 0) {
    __u64 key = data_file_key(result);
    __u8 yes = 1;
    bpf_map_update_elem(&data_files, &key, &yes, BPF_ANY);
  }
  return 0;
}

static __always_inline int report_close(struct pt_regs *regs) {
  __u64 key = data_file_key(SYSCALL_ARG1(regs));
  if (bpf_map_delete_elem(&data_files, &key)) return 0;
  struct file_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_GPU);
    return 0;
  }
  fill_header(&event->header, EVENT_FILE);
  event->code_ns = 0;
  event->descriptor = SYSCALL_ARG1(regs);
  event->path_bytes = 0;
  event->access = 0;
  event->pad = 0;
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}
