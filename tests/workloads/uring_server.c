// SPDX-License-Identifier: Apache-2.0
// A server whose connection goes through io_uring: no read, write, recv or send is ever called.
//   uring_server REQUESTS     prints "listening PORT PID", answers that many requests, then ends
// Raw system calls: the one ring here has one entry in flight at a time.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
  int fd;
  unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
  struct io_uring_sqe *sqes;
  struct io_uring_cqe *cqes;
} ring;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void *map(size_t bytes, long long offset) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, offset);
  if (at == MAP_FAILED) die("mmap");
  return at;
}

static void open_ring(void) {
  struct io_uring_params p = {0};
  ring.fd = (int)syscall(SYS_io_uring_setup, 4, &p);
  if (ring.fd < 0) die("io_uring_setup");
  char *sq = map(p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
  char *cq = map(p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
  ring.sqes = map(p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
  ring.sq_tail = (unsigned *)(sq + p.sq_off.tail);
  ring.sq_mask = (unsigned *)(sq + p.sq_off.ring_mask);
  ring.sq_array = (unsigned *)(sq + p.sq_off.array);
  ring.cq_head = (unsigned *)(cq + p.cq_off.head);
  ring.cq_tail = (unsigned *)(cq + p.cq_off.tail);
  ring.cq_mask = (unsigned *)(cq + p.cq_off.ring_mask);
  ring.cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
}

static int transfer(int opcode, int fd, char *bytes, unsigned length) {
  unsigned tail = *ring.sq_tail, slot = tail & *ring.sq_mask;
  struct io_uring_sqe *entry = &ring.sqes[slot];
  memset(entry, 0, sizeof *entry);
  entry->opcode = (unsigned char)opcode;
  entry->fd = fd;
  entry->addr = (unsigned long)bytes;
  entry->len = length;
  ring.sq_array[slot] = slot;
  __atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
    die("io_uring_enter");
  unsigned head = *ring.cq_head;
  while (head == __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE)) {
  }
  int result = ring.cqes[head & *ring.cq_mask].res;
  __atomic_store_n(ring.cq_head, head + 1, __ATOMIC_RELEASE);
  return result;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  static char bytes[8192];
  char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  open_ring();
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 8)) die("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &size)) die("getsockname");
  printf("listening %u %d\n", ntohs(address.sin_port), getpid());
  fflush(stdout);
  int fd = accept(listener, NULL, NULL);
  for (int i = 0; i < atoi(argv[1]); i++) {
    if (transfer(IORING_OP_RECV, fd, bytes, sizeof bytes) <= 0) return 3;
    if (transfer(IORING_OP_SEND, fd, reply, sizeof reply - 1) <= 0) return 4;
  }
  return 0;
}
