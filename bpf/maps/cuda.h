/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters of CUDA's and NCCL's users by process (events/cuda.h). The agent reads them, and removes
 * those of a process that ended. A full table is counted: DROP_CUDA_TABLE. */
#pragma once
#include "bpf/events/cuda.h"
#include "bpf/lib/bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, struct cuda_totals);
} cuda_totals SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct cuda_allocation_key);
  __type(value, __u64);
} cuda_allocations SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct cuda_failure_key);
  __type(value, __u64);
} cuda_failure_counts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct cuda_collective_key);
  __type(value, struct cuda_collective_counts);
} cuda_collectives SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024); /* some 2 KiB each, while there */
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct cuda_communicator_key);
  __type(value, struct cuda_communicator);
} cuda_communicators SEC(".maps");

/* A call that a thread is in: the outermost one, since the runtime calls the driver. */
struct cuda_frame {
  __u64 stack_pointer;  /* where its return address lies; 0: in no call */
  __u64 return_address; /* gone from there: the call is over, though nobody saw its end */
  __u64 code; /* the called function's */
  __u64 begin_ns;
  __u64 pointer; /* ALLOCATE: where the address will be; FREE: the address; COLLECTIVE: the
                  * communicator; COMMUNICATOR, SPLIT: where the communicator will be */
  __u64 group;   /* COMMUNICATOR, SPLIT: struct cuda_communicator's, as are the next two */
  __u32 ranks;
  __s32 rank;
  __u64 bytes;   /* FREE: the allocation, taken out of its table */
  __u32 call;
  __u8 action;
  __u8 detail;
  __u8 is_handle;
  __u8 has_exit;
  __u8 is_driver;
  __u8 pad[7];
};

struct cuda_thread {
  struct cuda_frame frames[2]; /* CUDA's, NCCL's */
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct cuda_thread);
} cuda_threads SEC(".maps");
