/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stream sockets that followed processes use: socket inode number → state. Inode numbers are not
 * reused while an entry can matter, so dup, fork, SCM_RIGHTS and descriptor reuse need no care. An
 * evicted socket is announced again at its next transfer. */
#pragma once
#include "bpf/events/socket_state.h"
#include "bpf/lib/bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 65536);
  __type(key, __u64);
  __type(value, struct socket_state);
} sockets SEC(".maps");
