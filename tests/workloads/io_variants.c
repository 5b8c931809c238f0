// SPDX-License-Identifier: Apache-2.0
// One HTTP connection whose every transfer goes through one chosen system call.
//   io_variants server RECEIVE SEND           prints "listening PORT PID", serves one connection
//   io_variants client RECEIVE SEND PORT N    sends N requests, one after the other
// RECEIVE: read readv recv recvfrom recvmsg recvmmsg peek      (peek: MSG_PEEK first, each time)
// SEND: write writev send sendto sendmsg sendmmsg more sendfile splice  (the last two: bodies only)
// Request i is POST /io/i with 10 * i + 1 bytes; the reply is twice as long. Both ends append to
// $REQUEST_LOG (request_log.py has the format).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CAPACITY = 1 << 20 };

struct peer {
  int fd;
  const char *receive, *send;
  unsigned client_port, server_port;
  char *data;  // received, not consumed
  size_t length;
};

static void die(const char *what) {
  perror(what);
  exit(1);
}

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static ssize_t receive_message(struct peer *p, char *to, size_t room, int many) {
  size_t half = room > 64 ? 64 : room / 2;  // two buffers, so that both are used
  struct iovec parts[2] = {{to, half}, {to + half, room - half}};
  struct mmsghdr messages[1] = {{.msg_hdr = {.msg_iov = parts, .msg_iovlen = 2}}};
  if (!many) return recvmsg(p->fd, &messages[0].msg_hdr, 0);
  int got = recvmmsg(p->fd, messages, 1, MSG_WAITFORONE, NULL);
  return got < 0 ? got : (ssize_t)messages[0].msg_len;
}

static ssize_t receive_some(struct peer *p, char *to, size_t room) {
  size_t half = room > 64 ? 64 : room / 2;
  struct iovec parts[2] = {{to, half}, {to + half, room - half}};
  if (!strcmp(p->receive, "read")) return read(p->fd, to, room);
  if (!strcmp(p->receive, "readv")) return readv(p->fd, parts, 2);
  if (!strcmp(p->receive, "recv")) return recv(p->fd, to, room, 0);
  if (!strcmp(p->receive, "recvfrom")) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    return recvfrom(p->fd, to, room, 0, (struct sockaddr *)&from, &size);
  }
  if (!strcmp(p->receive, "recvmsg")) return receive_message(p, to, room, 0);
  if (!strcmp(p->receive, "recvmmsg")) return receive_message(p, to, room, 1);
  if (!strcmp(p->receive, "peek")) {
    if (recv(p->fd, to, room, MSG_PEEK) <= 0) return 0;
    return recv(p->fd, to, room, 0);
  }
  errno = EINVAL;
  return -1;
}

static ssize_t send_file_or_splice(struct peer *p, const char *from, size_t length) {
  int file = memfd_create("body", 0), ends[2];
  if (file < 0 || write(file, from, length) != (ssize_t)length) die("memfd");
  off_t at = 0;
  ssize_t sent;
  if (!strcmp(p->send, "sendfile")) {
    sent = sendfile(p->fd, file, &at, length);
  } else {
    if (pipe(ends)) die("pipe");
    ssize_t moved = splice(file, &at, ends[1], NULL, length, 0);
    sent = moved < 0 ? moved : splice(ends[0], NULL, p->fd, NULL, (size_t)moved, 0);
    close(ends[0]);
    close(ends[1]);
  }
  close(file);
  return sent;
}

static ssize_t send_message(struct peer *p, const char *from, size_t length, int many) {
  size_t half = length / 2;
  struct iovec parts[2] = {{(char *)from, half}, {(char *)from + half, length - half}};
  struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
                                {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};
  if (!many) {
    messages[0].msg_hdr.msg_iovlen = 2;
    return sendmsg(p->fd, &messages[0].msg_hdr, 0);
  }
  int sent = sendmmsg(p->fd, messages, 2, 0);
  if (sent < 0) return sent;
  return (ssize_t)messages[0].msg_len + (sent > 1 ? (ssize_t)messages[1].msg_len : 0);
}

static ssize_t send_some(struct peer *p, const char *from, size_t length, int body) {
  struct iovec parts[2] = {{(char *)from, length / 2},
                           {(char *)from + length / 2, length - length / 2}};
  if (!strcmp(p->send, "write")) return write(p->fd, from, length);
  if (!strcmp(p->send, "writev")) return writev(p->fd, parts, 2);
  if (!strcmp(p->send, "send")) return send(p->fd, from, length, MSG_NOSIGNAL);
  if (!strcmp(p->send, "more")) return send(p->fd, from, length, body ? 0 : MSG_MORE);
  if (!strcmp(p->send, "sendto")) return sendto(p->fd, from, length, 0, NULL, 0);
  if (!strcmp(p->send, "sendmsg")) return send_message(p, from, length, 0);
  if (!strcmp(p->send, "sendmmsg")) return send_message(p, from, length, 1);
  if (!body) return write(p->fd, from, length);
  return send_file_or_splice(p, from, length);
}

static void send_all(struct peer *p, const char *from, size_t length, int body) {
  while (length) {
    ssize_t sent = send_some(p, from, length, body);
    if (sent <= 0) die(p->send);
    from += sent;
    length -= (size_t)sent;
  }
}

// Waits until `want` bytes are there; 0 if the peer closed before.
static int receive_until(struct peer *p, size_t want) {
  while (p->length < want) {
    ssize_t got = receive_some(p, p->data + p->length, CAPACITY - 1 - p->length);
    if (got < 0) die(p->receive);
    if (got == 0) return 0;
    p->length += (size_t)got;
    p->data[p->length] = 0;
  }
  return 1;
}

// Receives one whole message; `first_line` gets its start. Returns the body's length, -1 at the end.
static long receive_message_whole(struct peer *p, char first_line[128]) {
  char *end;
  p->data[p->length] = 0;
  while (!(end = strstr(p->data, "\r\n\r\n")))
    if (!receive_until(p, p->length + 1)) return -1;
  size_t head = (size_t)(end - p->data) + 4;
  long body = atol(strstr(p->data, "Content-Length: ") + 16);
  snprintf(first_line, 128, "%.*s", (int)strcspn(p->data, "\r"), p->data);
  if (!receive_until(p, head + (size_t)body)) return -1;
  p->length -= head + (size_t)body;
  memmove(p->data, p->data + head + body, p->length);
  return body;
}

static void send_whole(struct peer *p, const char *first_line, long body) {
  char head[256];
  char *bytes = calloc(1, (size_t)body + 1);
  memset(bytes, 'c', (size_t)body);
  int length = snprintf(head, sizeof head, "%s\r\nHost: io\r\nContent-Length: %ld\r\n\r\n",
                        first_line, body);
  send_all(p, head, (size_t)length, 0);
  send_all(p, bytes, (size_t)body, 1);
  free(bytes);
}

static void record(const char *side, const struct peer *p, const char *path, long request_bytes,
                   long response_bytes, long long begin) {
  char line[512];
  int file = open(getenv("REQUEST_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  int length = snprintf(line, sizeof line,
                        "{\"side\": \"%s\", \"method\": \"POST\", \"path\": \"%s\", "
                        "\"status\": 200, \"request_bytes\": %ld, \"response_bytes\": %ld, "
                        "\"client_port\": %u, \"server_port\": %u, \"start_ns\": %lld, "
                        "\"end_ns\": %lld}\n",
                        side, path, request_bytes, response_bytes, p->client_port, p->server_port,
                        begin, now_ns());
  if (file < 0 || write(file, line, (size_t)length) != length) die("log");
  close(file);
}

static void serve(struct peer *p) {
  char line[128], path[64];
  for (;;) {
    long long begin = now_ns();
    long body = receive_message_whole(p, line);
    if (body < 0) return;
    if (sscanf(line, "POST %63s ", path) != 1) die(line);
    send_whole(p, "HTTP/1.1 200 OK", 2 * body);
    record("server", p, path, body, 2 * body, begin);
  }
}

static void ask(struct peer *p, int count) {
  char line[128], path[64], reply[128];
  for (int i = 0; i < count; i++) {
    long body = 10L * i + 1;
    snprintf(path, sizeof path, "/io/%d", i);
    snprintf(line, sizeof line, "POST %s HTTP/1.1", path);
    long long begin = now_ns();
    send_whole(p, line, body);
    long had = receive_message_whole(p, reply);
    if (had != 2 * body) die("reply");
    record("client", p, path, body, had, begin);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  struct peer p = {.receive = argv[2], .send = argv[3], .data = calloc(1, CAPACITY)};
  struct sockaddr_in address = {.sin_family = AF_INET}, other;
  socklen_t size = sizeof address, other_size = sizeof other;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int server = !strcmp(argv[1], "server"), on = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server) {
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 8)) die("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &size)) die("getsockname");
    printf("listening %u %d\n", ntohs(address.sin_port), getpid());
    fflush(stdout);
    p.fd = accept(fd, NULL, NULL);
    close(fd);
  } else {
    address.sin_port = htons((uint16_t)atoi(argv[4]));
    if (connect(fd, (struct sockaddr *)&address, size)) die("connect");
    p.fd = fd;
  }
  if (p.fd < 0) die("accept");
  setsockopt(p.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (getsockname(p.fd, (struct sockaddr *)&address, &size) ||
      getpeername(p.fd, (struct sockaddr *)&other, &other_size))
    die("ports");
  p.server_port = ntohs(server ? address.sin_port : other.sin_port);
  p.client_port = ntohs(server ? other.sin_port : address.sin_port);
  if (server)
    serve(&p);
  else
    ask(&p, atoi(argv[5]));
  return 0;
}
