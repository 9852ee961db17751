/* TCP on loopback, blocking, and the clock. */
#define _GNU_SOURCE
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "load %s %s: ", options.measure, options.way);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  _exit(1);
}

double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct sockaddr_in address(const char *host, int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &at.sin_addr) != 1) fail("%s is no IPv4 address", host);
  return at;
}

static int tuned(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

int dial(void) { return dial_side('a'); }

int dial_side(char side) {
  const struct place *relay = side == 'b' && options.relay_b.host ? &options.relay_b : &options.relay;
  struct sockaddr_in at = address(relay->host, relay->port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket: %s", strerror(errno));
  if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0) fail("connect to the relay: %s", strerror(errno));
  return tuned(fd);
}

int listen_here(void) {
  struct sockaddr_in at = address(options.listen.host, options.listen.port);
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) fail("bind port %d: %s", options.listen.port, strerror(errno));
  if (listen(fd, 4096) < 0) fail("listen: %s", strerror(errno));
  return fd;
}

int accept_from(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  return fd < 0 ? fd : tuned(fd);
}

void send_all(int fd, const void *bytes, size_t length) {
  for (const char *at = bytes; length > 0;) {
    ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) fail("send: %s", strerror(errno));
    at += sent;
    length -= (size_t)sent;
  }
}

void recv_exact(int fd, void *bytes, size_t length) {
  for (char *at = bytes; length > 0;) {
    ssize_t got = recv(fd, at, length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail("recv: %s", got == 0 ? "the connection ended" : strerror(errno));
    at += got;
    length -= (size_t)got;
  }
}

size_t recv_until(int fd, char *text, size_t size, const char *end) {
  size_t length = 0, wanted = strlen(end);
  while (length < wanted || memcmp(text + length - wanted, end, wanted) != 0) {
    if (length + 1 >= size) fail("an answer without an end: %.*s", (int)length, text);
    /* peek at what is there, and take no more than up to the end */
    ssize_t there = recv(fd, text + length, size - 1 - length, MSG_PEEK);
    if (there <= 0) fail("recv: the connection ended after: %.*s", (int)length, text);
    size_t from = length > wanted ? length - wanted : 0;
    char *found = memmem(text + from, length + (size_t)there - from, end, wanted);
    size_t take = found ? (size_t)(found + wanted - text) - length : (size_t)there;
    recv_exact(fd, text + length, take);
    length += take;
  }
  text[length] = 0;
  return length;
}

void allow_many_files(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}
