/*
 *     flow PORT GIB SECONDS MIB_PER_SECOND
 *
 * One session, both ways at once: GIB gibibytes each way, or what SECONDS allow. MIB_PER_SECOND (each way) 0: as fast as it goes. Every byte is verified where
 * it arrives. Prints {"bytes":..., "seconds":...}, both ways together; ends with 1 if a byte was lost, changed or added.
 */
#define _DEFAULT_SOURCE
#include "marks.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

static int fds[2];
static uint64_t session, most;
static double began, deadline, bytes_per_second;
static _Atomic uint64_t sent[2], arrived[2];

static void *send_all(void *which) {
  int end = (int)(intptr_t)which;
  char *chunk = malloc(CHUNK);
  uint64_t total = 0;
  while (total < most && now() < deadline) {
    double left = bytes_per_second > 0 ? began + (double)total / bytes_per_second - now() : 0;
    if (left > 0) usleep((useconds_t)(left * 1e6));
    marks(session, end, total, chunk, CHUNK);
    for (size_t done = 0; done < CHUNK;) {
      ssize_t wrote = send(fds[end], chunk + done, CHUNK - done, MSG_NOSIGNAL);
      if (wrote < 0) fail("end %d cannot send after %llu bytes: %s", end, (unsigned long long)total, strerror(errno));
      done += (size_t)wrote;
    }
    total += CHUNK;
  }
  sent[end] = total; /* known before the other end can see the end */
  shutdown(fds[end], SHUT_WR);
  free(chunk);
  return NULL;
}

static void *receive_all(void *which) {
  int end = (int)(intptr_t)which, from = 1 - end;
  char *chunk = malloc(CHUNK), *scratch = malloc(CHUNK + 16);
  uint64_t total = 0;
  for (ssize_t got; (got = recv(fds[end], chunk, CHUNK, 0)) != 0; total += (uint64_t)got) {
    if (got < 0) fail("end %d cannot receive after %llu bytes: %s", end, (unsigned long long)total, strerror(errno));
    if (!are_marks(session, from, total, chunk, (size_t)got, scratch)) fail("end %d got other bytes than were sent, behind %llu", end, (unsigned long long)total);
  }
  arrived[from] = total;
  free(chunk);
  free(scratch);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 5) fail("usage: flow PORT GIB SECONDS MIB_PER_SECOND");
  int port = atoi(argv[1]);
  most = (uint64_t)(atof(argv[2]) * 1024 * 1024 * 1024);
  session = (uint64_t)getpid();
  fds[0] = dial(port);
  fds[1] = dial(port);
  began = now();
  bytes_per_second = atof(argv[4]) * 1024 * 1024;
  deadline = began + atof(argv[3]);
  pthread_t threads[4];
  for (intptr_t end = 0; end < 2; end++) {
    pthread_create(&threads[2 * end], NULL, send_all, (void *)end);
    pthread_create(&threads[2 * end + 1], NULL, receive_all, (void *)end);
  }
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  for (int end = 0; end < 2; end++) {
    if (sent[end] != arrived[end]) fail("end %d sent %llu bytes, %llu arrived", end, (unsigned long long)sent[end], (unsigned long long)arrived[end]);
  }
  printf("{\"bytes\":%llu,\"seconds\":%.3f}\n", (unsigned long long)(arrived[0] + arrived[1]), now() - began);
  return 0;
}
