/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
#include "bpf/events/types.h"

/* What a ring record is. The number is the wire value of event_header.type. */
enum event_type {
  EVENT_PROCESS_FORK = 1, /* struct process_fork_event */
  EVENT_PROCESS_EXEC,     /* struct process_exec_event */
  EVENT_PROCESS_EXIT,     /* struct process_exit_event */
  EVENT_SOCKET_OPEN,      /* struct socket_open_event */
  EVENT_SOCKET_CLOSE,     /* struct socket_close_event */
  EVENT_SOCKET_LISTEN,    /* struct socket_listen_event */
  EVENT_CONNECT_FAILED,   /* struct connect_failed_event */
  EVENT_DATA,             /* struct data_event and its bytes */
  EVENT_THREAD_START,     /* struct thread_start_event */
  EVENT_TASK_START,       /* struct task_start_event */
  EVENT_TASK_ENTER,       /* struct task_enter_event */
  EVENT_WORK,             /* struct work_event */
  EVENT_SOCKET_CLAIM,     /* struct socket_claim_event */
  EVENT_IMAGE_MAPPED,     /* struct image_mapped_event */
  EVENT_TRACE_IDS,        /* struct trace_ids_event */
  EVENT_THREAD_END,       /* struct thread_end_event */
  EVENT_TRAINING,         /* struct training_event and its text */
  EVENT_FILE,             /* struct file_event */
  EVENT_CUDA_FAILURE,     /* struct cuda_failure_event */
  EVENT_GPU_BATCH,        /* struct gpu_batch_event and its block */
  EVENT_TYPE_END,         /* one past the last */
};

/* First in every ring record. */
struct event_header {
  __u64 time_ns; /* CLOCK_MONOTONIC */
  __u32 pid;     /* process (thread group) id, as the initial pid namespace names it */
  __u32 tid;     /* thread id */
  __u8 type;     /* enum event_type */
  __u8 pad[7];
};
TACIT_STATIC_ASSERT(sizeof(struct event_header) == 24, "event_header has no hidden padding");
