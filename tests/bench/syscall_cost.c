/* SPDX-License-Identifier: Apache-2.0 */
/* What one syscall takes, in ns: the least of several short runs, so that other work on the machine
 * is left out. Waits for a line on standard input before each set, so that one process can be
 * measured before, while and after it is followed.
 *   usage: syscall_cost      then a line for each set; prints "NAME=NS …", ends at end of input */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 4000, RUNS = 200 };

static const char request[] =
    "GET /item HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: syscall_cost\r\nAccept: */*\r\n"
    "Accept-Encoding: gzip, deflate\r\nX-Request-Id: 0123456789abcdef0123456789abcdef\r\n\r\n";
static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
    "Server: syscall_cost\r\nContent-Length: 26\r\n\r\n{\"name\":\"lamp\",\"price\":12}";

static int null_file, tcp[2];
static char buffer[1024];

static void write_null(void) { if (write(null_file, request, sizeof(request) - 1) < 0) _exit(3); }
static void get_parent(void) { syscall(SYS_getppid); }
/* Four calls, an exchange seen from both of its ends: request and answer, each written and read. */
static void exchange(void) {
  if (write(tcp[0], request, sizeof(request) - 1) < 0) _exit(3);
  if (read(tcp[1], buffer, sizeof(buffer)) < 0) _exit(3);
  if (write(tcp[1], response, sizeof(response) - 1) < 0) _exit(3);
  if (read(tcp[0], buffer, sizeof(buffer)) < 0) _exit(3);
}

static double ns_each(void (*call)(void), int calls) {
  double best = 1e18;
  for (int run = 0; run < RUNS; run++) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < calls; i++) call();
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = ((end.tv_sec - begin.tv_sec) * 1e9 + (end.tv_nsec - begin.tv_nsec)) / calls;
    if (ns < best) best = ns;
  }
  return best;
}

static int connect_pair(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
      getsockname(listener, (struct sockaddr *)&address, &length))
    return -1;
  tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(tcp[0], (struct sockaddr *)&address, length)) return -1;
  tcp[1] = accept(listener, NULL, NULL);
  return close(listener);
}

int main(void) {
  char line[16];
  null_file = open("/dev/null", O_WRONLY);
  if (null_file < 0 || connect_pair()) return 1;
  while (fgets(line, sizeof(line), stdin)) {
    printf("getppid=%.1f write_null=%.1f exchange=%.1f calls=%d\n", ns_each(get_parent, CALLS),
           ns_each(write_null, CALLS), ns_each(exchange, CALLS / 16), CALLS / 16 * RUNS);
    fflush(stdout);
  }
  return 0;
}
