/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What processes ask of CUDA and NCCL (bpf/cuda.bpf.c): counted in the kernel and read by the agent
 * now and then; only failures are reported one by one. Everything in it was claimed by the process. */
#pragma once
#include "bpf/events/cuda_call.h"
#include "bpf/events/task.h"

/* What a call does, and so what is counted of it. */
enum cuda_action {
  CUDA_ACTION_NONE = 0, /* only its failures matter */
  CUDA_ACTION_LAUNCH,
  CUDA_ACTION_GRAPH_LAUNCH,
  CUDA_ACTION_COPY,
  CUDA_ACTION_SET,
  CUDA_ACTION_ALLOCATE,
  CUDA_ACTION_FREE,
  CUDA_ACTION_WAIT,
  CUDA_ACTION_COLLECTIVE,
  CUDA_ACTION_COMMUNICATOR, /* of a group that an id names */
  CUDA_ACTION_SPLIT,        /* of a part of another one's group */
  CUDA_ACTION_COMMUNICATOR_END,
};

/* cudaMemcpyKind's numbers (driver_types.h) and one more. */
enum cuda_direction {
  CUDA_HOST_TO_HOST = 0,
  CUDA_HOST_TO_DEVICE,
  CUDA_DEVICE_TO_HOST,
  CUDA_DEVICE_TO_DEVICE,
  CUDA_DIRECTION_DEFAULT, /* the driver finds out itself */
  CUDA_PEER_TO_PEER,
  CUDA_DIRECTION_COUNT,
};

enum cuda_memory {
  CUDA_MEMORY_DEVICE = 0,
  CUDA_MEMORY_MANAGED,
  CUDA_MEMORY_HOST, /* page-locked */
  CUDA_MEMORY_COUNT,
};

/* Cookie of an entry: which call, and where its arguments are: 0 to 5 the argument registers, 6 the
 * first word on the stack, 7 there is none. */
#define CUDA_ENTRY_CALL(cookie) ((cookie)&0xff)
#define CUDA_ENTRY_ACTION_SHIFT 8   /* enum cuda_action, 4 bits */
#define CUDA_ENTRY_SIZE_SHIFT 12    /* bytes, or elements; COMMUNICATOR: how many ranks */
#define CUDA_ENTRY_POINTER_SHIFT 15 /* FREE: the address; ALLOCATE: where the address will be;
                                     * COMMUNICATOR, SPLIT: where the communicator will be */
#define CUDA_ENTRY_KIND_SHIFT 18    /* COPY: cudaMemcpyKind; COLLECTIVE: ncclDataType_t;
                                     * COMMUNICATOR: the rank; SPLIT: the colour */
#define CUDA_ENTRY_SUBJECT_SHIFT 21 /* COPY: what the size is times; COMMUNICATOR: where the id is, on
                                     * the stack: itself; others of NCCL's: the communicator */
#define CUDA_ENTRY_DETAIL_SHIFT 24  /* COPY without kind: enum cuda_direction; memory: enum
                                     * cuda_memory; SET: log2 of an element's bytes. 3 bits */
#define CUDA_ENTRY_HAS_EXIT (1ULL << 27) /* its end will be told: a result, a duration */
#define CUDA_ENTRY_IS_NCCL (1ULL << 28)
#define CUDA_ENTRY_IS_HANDLE (1ULL << 29) /* memory by handle, not by address */
#define CUDA_ENTRY_IS_DRIVER (1ULL << 30) /* what the runtime calls */
#define CUDA_ENTRY_DEPTH_SHIFT 32 /* bytes from the stack pointer to the return address, 32 bits */
#define CUDA_ENTRY_FIELD(cookie, shift) (((cookie) >> (shift)) & 7)
#define CUDA_NO_ARGUMENT 7
#define CUDA_STACK_ARGUMENT 6

/* Cookie of an exit: where the result lies (events/value_place.h, which leaves bits 8 to 31 free),
 * which call, and for a conditional jump on which of its ways that is the result. */
#define CUDA_EXIT_CALL_SHIFT 8
#define CUDA_EXIT_CONDITION_SHIFT 16 /* as instructions encode it, 4 bits */
#define CUDA_EXIT_IF_TAKEN (1ULL << 20)
#define CUDA_EXIT_IF_NOT_TAKEN (1ULL << 21) /* neither: not a conditional jump, or both ways */
#define CUDA_EXIT_IS_NCCL (1ULL << 22)

/* Value of cuda_totals (process id). All ever, except what is held. */
struct cuda_totals {
  __u64 launches;
  __u64 graph_launches;
  __u64 last_launch_ns; /* CLOCK_MONOTONIC, of either kind; 0: none */
  __u64 last_move_ns;   /* of a copy or a memory set */
  __u64 copies[CUDA_DIRECTION_COUNT];
  __u64 copied_bytes[CUDA_DIRECTION_COUNT];
  __u64 sets;
  __u64 set_bytes;
  __u64 waits; /* synchronisations that ended; untimed_waits: that began and whose end is not seen */
  __u64 wait_ns;
  __u64 untimed_waits;
  __u64 allocations[CUDA_MEMORY_COUNT]; /* that succeeded */
  __u64 allocated_bytes[CUDA_MEMORY_COUNT];
  __u64 frees[CUDA_MEMORY_COUNT]; /* of known memory */
  __u64 held_bytes[CUDA_MEMORY_COUNT];
  __u64 peak_bytes[CUDA_MEMORY_COUNT];
  __u64 unknown_frees;      /* of memory whose allocation was not seen */
  __u64 untracked_allocations; /* that the table of allocations could not take */
  __u64 held_allocations;   /* entries in that table */
  __u64 failures;           /* calls with a result other than success */
  __u64 out_of_memory;      /* of them */
  __u64 communicators;      /* NCCL's: numbers given so far */
};

/* Key and value of cuda_allocations: bytes, and which enum cuda_memory in the highest byte. */
struct cuda_allocation_key {
  __u32 pid;
  __u32 is_handle;
  __u64 address;
};
TACIT_STATIC_ASSERT(sizeof(struct cuda_allocation_key) == 16, "no hidden padding");
#define CUDA_ALLOCATION_MEMORY_SHIFT 56
#define CUDA_ALLOCATION_BYTES(value) ((value) & ((1ULL << CUDA_ALLOCATION_MEMORY_SHIFT) - 1))

/* Key of cuda_failure_counts; the value is a count. */
struct cuda_failure_key {
  __u32 pid;
  __u32 call; /* enum cuda_call */
  __s32 code; /* cudaError_t, CUresult or ncclResult_t, by the call's API */
};
TACIT_STATIC_ASSERT(sizeof(struct cuda_failure_key) == 12, "no hidden padding");

/* Key and value of cuda_collectives. */
#define CUDA_COMMUNICATOR_UNKNOWN (~0ULL) /* none was given, or the table of them was full */
struct cuda_collective_key {
  __u32 pid;
  __u32 call;         /* enum cuda_call */
  __u64 communicator; /* its number */
};
TACIT_STATIC_ASSERT(sizeof(struct cuda_collective_key) == 16, "no hidden padding");
struct cuda_collective_counts {
  __u64 count;
  __u64 bytes; /* count times size of the type, as the caller says it */
  __u64 last_ns; /* enqueued: when it ran on the device is not known here */
};

/* Key and value of cuda_communicators. Times are as short as they are so that a value fits where small
 * allocations come from. */
struct cuda_communicator_key {
  __u32 pid;
  __u32 pad;
  __u64 handle; /* ncclComm_t: an address in the process */
};
TACIT_STATIC_ASSERT(sizeof(struct cuda_communicator_key) == 16, "no hidden padding");
#define CUDA_OPERATION_TIMES 512   /* a power of two */
#define CUDA_OPERATION_TIME_SHIFT 10 /* nanoseconds (CLOCK_MONOTONIC) to units, of which 32 bits are kept */
struct cuda_communicator {
  __u64 created_ns; /* 0: not filled in yet */
  __u64 group;      /* same number: same group of ranks, as the processes said; 0: not known */
  __u64 number;     /* 0, 1, ... in a process, by when it was made or first seen */
  __u64 splits;     /* made of it so far */
  __u32 ranks;      /* of the group; 0: not known */
  __s32 rank;       /* -1: not known */
  __u32 failed;     /* an operation was refused: the count is no longer that of the other ranks */
  __u32 ended;      /* destroyed; whoever reads it removes it */
  /* Collective operations that were enqueued, each with its time at its number modulo the room. The
   * time is written first. Send and receive do not count: each rank has its own. */
  __u64 operations;
  __u32 times[CUDA_OPERATION_TIMES];
};

/* A call did not succeed. header: the thread that made it, and when that was seen. */
struct cuda_failure_event {
  struct event_header header;
  struct task_ref by;
  __u64 bytes; /* that were asked for or to be copied; 0: the call has none */
  __u64 begin_ns; /* the call was entered */
  __s32 code;
  __u32 call; /* enum cuda_call */
};
TACIT_STATIC_ASSERT(sizeof(struct cuda_failure_event) == 64, "no hidden padding");
