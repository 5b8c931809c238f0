/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
#include "bpf/events/types.h"

enum runtime_kind {
  RUNTIME_UNKNOWN = 0,
  RUNTIME_PYTHON,
  RUNTIME_GO,
  RUNTIME_LOOP, /* Node, nginx: no tasks, but the turns of its loop are told apart */
};

/* Where a runtime keeps what runs on a thread. Written by the agent once it has read the process's
 * image; a forked child has its parent's, an exec forgets it. */
struct runtime_layout {
  __u32 kind; /* enum runtime_kind */
  /* Python: from the thread pointer to pthread_getspecific's first slot. Go: to the g pointer. */
  __s32 thread_offset;
  /* Python: address of the key of the thread-state slot (an int). */
  __u64 key_address;
  /* Python: address of PyContext_Type, which every context object points to. */
  __u64 type_address;
  /* Python: context in the thread state. Go: goid in g. */
  __u32 task_offset;
  /* Go: parentGoid in g; 0: none (before Go 1.21). Python: ctx_entered in a context: one that is
   * current without having been entered is no task. */
  __u32 parent_offset;
};
TACIT_STATIC_ASSERT(sizeof(struct runtime_layout) == 32, "no hidden padding");

#define FOLLOWED_FILES 1 /* report the files it opens: it trains (events/training.h) */

/* Value of maps/followed_processes.h. */
struct followed_process {
  struct runtime_layout runtime;
  __u64 code_ns; /* it last opened code, where files are reported; 0: not yet, since its fork or exec */
  __u32 flags;   /* FOLLOWED_* */
  /* Of one that trains: children in a row that were forked and ended at once (process.bpf.c). */
  __u32 short_children;
};
TACIT_STATIC_ASSERT(sizeof(struct followed_process) == 48, "no hidden padding");
