/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was running on a thread: the pieces from which user space tells who caused what. */
#pragma once
#include "bpf/events/event_header.h"

/* Two counters of one thread, high and low half of a 64-bit word. The high half counts its waits for
 * many things at once (epoll, select, poll of more than two, io_uring); the low half counts what it
 * was given since then: each successful receive, accept, read of a pipe or eventfd, news of a connection, and each
 * phase of a loop in which timers may run. So an equal
 * word means "nothing else came in between", an equal high half "it never waited in between". */
#define TURN_WAIT (1ULL << 32)
#define TURN_INPUT 1ULL

/* Who did something, beyond header.pid and header.tid. */
struct task_ref {
  __u64 task; /* what the language runtime runs there (Python: context object, Go: goroutine id);
               * 0: no runtime we know, or it did not tell */
  __u64 turn; /* TURN_WAIT, TURN_INPUT */
};
TACIT_STATIC_ASSERT(sizeof(struct task_ref) == 16, "no hidden padding");

/* A followed process started a thread. header is of the thread that did. */
struct thread_start_event {
  struct event_header header;
  struct task_ref by;
  __u32 child_tid;
  __u32 pad;
};
TACIT_STATIC_ASSERT(sizeof(struct thread_start_event) == 48, "no hidden padding");

/* A thread of a followed process came to its own end (header), while the process went on. */
struct thread_end_event {
  struct event_header header;
};
TACIT_STATIC_ASSERT(sizeof(struct thread_end_event) == 24, "no hidden padding");

/* A runtime made a task out of another (header: the thread it happened on): what runs in `child`
 * from now on is work of `parent`, as it stands now. Task numbers may be reused; the newest holds. */
struct task_start_event {
  struct event_header header;
  __u64 parent; /* 0: of nothing known */
  __u64 child;
  __u64 turn; /* of the thread */
};
TACIT_STATIC_ASSERT(sizeof(struct task_start_event) == 48, "no hidden padding");

/* A thread begins to run this task (reported only where a runtime receives outside of any task, so
 * that the first task after a receive is the one that got it). */
struct task_enter_event {
  struct event_header header;
  struct task_ref task;
};
TACIT_STATIC_ASSERT(sizeof(struct task_enter_event) == 40, "no hidden padding");

enum work_action {
  WORK_GIVE = 0, /* put on a queue by `by` */
  WORK_TAKE = 1, /* taken from it: the thread works for the giver until it takes again */
};

/* A unit of work passed a queue between threads. */
struct work_event {
  struct event_header header;
  struct task_ref by;
  __u64 work; /* identity of the unit: its address in the process */
  __u8 action; /* enum work_action */
  __u8 pad[7];
};
TACIT_STATIC_ASSERT(sizeof(struct work_event) == 56, "no hidden padding");

/* The next request on this socket is made for `by`, whoever writes it. */
struct socket_claim_event {
  struct event_header header;
  struct task_ref by;
  __u64 socket_id;
};
TACIT_STATIC_ASSERT(sizeof(struct socket_claim_event) == 48, "no hidden padding");

/* A process mapped code from a file (header.pid): its image may hold a runtime we know. */
struct image_mapped_event {
  struct event_header header;
};
TACIT_STATIC_ASSERT(sizeof(struct image_mapped_event) == 24, "no hidden padding");
