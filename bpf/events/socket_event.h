/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
#include "bpf/events/task.h"

#define UNIX_PATH_BYTES 108

enum socket_role {
  SOCKET_ROLE_UNKNOWN = 0,
  SOCKET_ROLE_SERVER = 1, /* made by accept */
  SOCKET_ROLE_CLIENT = 2, /* made by connect */
};

/* Both ends of a stream socket. */
struct socket_endpoints {
  __u16 family;      /* AF_INET, AF_INET6, AF_UNIX */
  __u16 local_port;  /* host byte order; 0 for unix */
  __u16 remote_port; /* host byte order; 0 for unix */
  __u8 role;         /* enum socket_role, read from the socket itself */
  __u8 pad;
  __u32 net_ns;      /* inode number of the network namespace */
  __u8 local_address[16];  /* network byte order, the first 4 bytes for AF_INET */
  __u8 remote_address[16];
  __u32 pad2;
};
TACIT_STATIC_ASSERT(sizeof(struct socket_endpoints) == 48, "no hidden padding");

/* Which call made a socket's connection: connect or accept. time_ns 0: not seen. */
struct socket_origin {
  __u64 time_ns; /* CLOCK_MONOTONIC */
  struct task_ref by;
  __u32 tid;
  __u32 pad;
};
TACIT_STATIC_ASSERT(sizeof(struct socket_origin) == 32, "no hidden padding");

/* A selected process used this socket for the first time (or again after its entry was evicted). */
struct socket_open_event {
  struct event_header header;
  __u64 socket_id; /* inode number of the socket: what /proc/PID/fd shows as socket:[N] */
  struct socket_endpoints endpoints;
  __u32 receive_position; /* stream positions before the transfer that announced the socket */
  __u32 send_position;
  __u8 from_start; /* 1: seen at accept or connect, so no byte was missed */
  __u8 pad[7];
  struct socket_origin origin;
  __u64 peer_socket_id; /* AF_UNIX: socket_id of the other end; 0: not known */
  char unix_path[UNIX_PATH_BYTES]; /* AF_UNIX: the listener's path; first byte 0: abstract or none */
  __u32 unix_path_bytes;
};
TACIT_STATIC_ASSERT(sizeof(struct socket_open_event) == 24 + 8 + 48 + 16 + 32 + 8 + 112, "no hidden padding");

/* A known TCP socket left the established state. header.pid may be anybody (softirq). */
struct socket_close_event {
  struct event_header header;
  __u64 socket_id;
  __u32 receive_position; /* bytes the process had read */
  __u32 send_position;    /* bytes the process had written */
  __u16 error;            /* errno that the socket carries (sk_err), 0 = none */
  __u8 old_state;         /* TCP_ESTABLISHED … as in include/net/tcp_states.h */
  __u8 new_state;
  __u8 is_final; /* 1: nobody can use the socket any more; 0: only our sending side ended */
  __u8 pad[3];
};
TACIT_STATIC_ASSERT(sizeof(struct socket_close_event) == 48, "no hidden padding");

/* A process began to listen: what port selectors and service instances are made of. */
struct socket_listen_event {
  struct event_header header;
  __u16 family;
  __u16 port; /* host byte order */
  __u32 net_ns;
  __u64 pad;
};
TACIT_STATIC_ASSERT(sizeof(struct socket_listen_event) == 40, "no hidden padding");

/* A selected process tried to connect and failed. header is of the connecting thread, its
 * time_ns is when the failure was known. */
struct connect_failed_event {
  struct event_header header;
  __u64 begin_time_ns; /* connect(2) was called; equal to header.time_ns where it failed at once */
  struct task_ref by;    /* the connecting thread's, when it began */
  struct socket_endpoints endpoints;
  __u16 error;  /* errno; 0: the process closed the socket while it was still connecting */
  __u16 pad[3];
  char unix_path[UNIX_PATH_BYTES];
  __u32 unix_path_bytes;
};
TACIT_STATIC_ASSERT(sizeof(struct connect_failed_event) == 24 + 8 + 16 + 48 + 8 + 112, "no hidden padding");
