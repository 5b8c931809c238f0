/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How often each thread of a followed process waited and was given something (events/task.h). Goes
 * with its thread. */
#pragma once
#include "bpf/events/task.h"
#include "bpf/lib/bpf.h"

struct thread_state {
  __u64 turn;
  __u64 taken_work;   /* the unit of work that the thread took last */
  __u64 entered_turn; /* the turn in which a task_enter_event was last reported */
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct thread_state);
} threads SEC(".maps");
