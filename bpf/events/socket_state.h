/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
#include "bpf/events/socket_event.h"

enum socket_state_flags {
  SOCKET_ANNOUNCED = 1,  /* user space got its socket_open_event */
  SOCKET_FROM_START = 2, /* seen at accept or connect, nothing missed since */
  SOCKET_MUTED = 4,      /* user space wants no more of it */
};

/* Value of maps/sockets.h. The agent writes it only to mute a socket. */
struct socket_state {
  __u64 sock;             /* struct sock *, valid while the socket lives */
  __u32 receive_position; /* end of the last transfer seen */
  __u32 send_position;
  __u16 family;
  __u8 role;  /* enum socket_role where a syscall told it */
  __u8 flags; /* enum socket_state_flags */
  __u8 is_tcp;
  __u8 inserted_bytes; /* that the send under way was given (http_carrier.bpf.c) */
  __u8 pad[2];
  struct socket_origin origin;
};
TACIT_STATIC_ASSERT(sizeof(struct socket_state) == 56, "no hidden padding");

/* Value of maps/skips.h: positions up to which a direction's bytes need not be reported at all
 * (the inside of a long body). Indexed by enum data_direction. */
struct socket_skip {
  __u32 until[2];
  __u8 valid[2];
  __u8 pad[2];
};
TACIT_STATIC_ASSERT(sizeof(struct socket_skip) == 12, "no hidden padding");
