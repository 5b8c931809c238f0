/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
#include "bpf/events/task.h"

#define TASK_COMM_BYTES 16
/* Command line and environment are copied only as far as this; the rest is read from /proc while
 * the process lives. Powers of two: the verifier bounds the copies by a mask. */
#define PROCESS_ARGS_BYTES 4096
#define PROCESS_ENV_BYTES 4096

/* A followed process made a child process (threads: thread_start_event). header is of the thread that did. */
struct process_fork_event {
  struct event_header header;
  __u64 child_start_time_ns; /* task start, CLOCK_BOOTTIME: identity of a process is pid + start */
  __u32 child_pid;
  __u32 pad;
  struct task_ref by;
};
TACIT_STATIC_ASSERT(sizeof(struct process_fork_event) == 56, "no hidden padding");

/* A process replaced its image (header.pid). Arguments and environment are NUL separated. */
struct process_exec_event {
  struct event_header header;
  __u64 start_time_ns; /* CLOCK_BOOTTIME, unchanged by exec */
  __u32 parent_pid;
  __u32 args_bytes;  /* captured, at most PROCESS_ARGS_BYTES */
  __u32 args_total;  /* as the process has it */
  __u32 env_bytes;   /* captured, at most PROCESS_ENV_BYTES */
  __u32 env_total;
  __u32 followed;    /* 1: already selected (a descendant), 0: offered to the selectors */
  char comm[TASK_COMM_BYTES];
  char args[PROCESS_ARGS_BYTES];
  char env[PROCESS_ENV_BYTES];
};
TACIT_STATIC_ASSERT(sizeof(struct process_exec_event) == 72 + PROCESS_ARGS_BYTES + PROCESS_ENV_BYTES,
                    "no hidden padding");

/* The last thread of a followed process ended. */
struct process_exit_event {
  struct event_header header;
  __u64 start_time_ns; /* CLOCK_BOOTTIME */
  __u32 exit_code;     /* as wait(2) reports it: status << 8 | signal */
  __u32 pad;
};
TACIT_STATIC_ASSERT(sizeof(struct process_exit_event) == 40, "no hidden padding");
