// SPDX-License-Identifier: Apache-2.0
// A process that lives for one request: connects to 127.0.0.1:PORT, asks for PATH, reads the reply
// to its end and exits. Linked statically, so it is gone within a few milliseconds.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server)) return 3;
  char text[4096];
  int length = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: short\r\nX-Reply-Bytes: 5\r\n"
                        "Connection: close\r\n\r\n", argv[2]);
  if (write(fd, text, (size_t)length) != length) return 4;
  size_t had = 0;
  ssize_t got;
  while ((got = read(fd, text + had, sizeof text - 1 - had)) > 0) had += (size_t)got;
  text[had] = 0;
  return strncmp(text, "HTTP/1.1 200", 12) == 0 ? 0 : 5;
}
