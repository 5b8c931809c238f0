/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
#include "bpf/events/types.h"

enum reader_activity {
  READER_AWAKE = 0,   /* reading: needs no wake-up */
  READER_NAPPING = 1, /* looks again within milliseconds: wake when wake_bytes have gathered */
  READER_ASLEEP = 2,  /* wake at the next event */
};

struct reader_state {
  __u32 activity; /* enum reader_activity; a program that wakes the reader sets READER_AWAKE */
  __u32 wake_bytes;
};
TACIT_STATIC_ASSERT(sizeof(struct reader_state) == 8, "no hidden padding");
