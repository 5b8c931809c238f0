/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Spans of long bodies that need not be copied: socket inode number → positions. Written by the
 * agent (ProbeSet::skip), which also removes them. */
#pragma once
#include "bpf/events/socket_state.h"
#include "bpf/lib/bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct socket_skip);
} skips SEC(".maps");
