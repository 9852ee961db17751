/*
 *     churn PORT SESSIONS SECONDS AT_ONCE PER_SECOND SEED
 *
 * Sessions that come and go: most carry some bytes both ways and end, each direction for itself; some have a slow reader; a
 * fifth is reset in the middle. Every byte is verified where it arrives. Prints a line of JSON with how many there were of each;
 * ends with 1 at the first byte that is not its session's, and if one does not end as it should. PER_SECOND 0: as many as go.
 */
#include "marks.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST = 1 << 20, CHUNK = 64 * 1024, STUCK_MS = 60000, SLOW_MS = 20 };

struct end {
  int fd, ended, reads;
  uint64_t size, sent, got;
};

struct room { /* of one thread */
  char chunk[CHUNK + 16], scratch[CHUNK + 16];
};

static int port;
static uint64_t sessions, seed;
static double began, deadline, per_second;
static _Atomic uint64_t next, completed, resets, slow, bytes;
static pthread_mutex_t dialling = PTHREAD_MUTEX_INITIALIZER; /* the listener pairs whoever comes next */

static void meet(struct end *ends) {
  pthread_mutex_lock(&dialling);
  for (int i = 0; i < 2; i++) ends[i].fd = dial(port);
  pthread_mutex_unlock(&dialling);
  for (int i = 0; i < 2; i++) fcntl(ends[i].fd, F_SETFL, O_NONBLOCK);
}

/* 1: it went on. 0: not just now. -1: the connection was reset. */
static int send_some(uint64_t session, int i, struct end *end, struct room *room) {
  uint64_t from = end->sent - end->sent % 8, left = end->size - from;
  size_t length = left < CHUNK ? (size_t)left : CHUNK, skip = (size_t)(end->sent - from);
  marks(session, i, from, room->chunk, length);
  ssize_t wrote = send(end->fd, room->chunk + skip, length - skip, MSG_NOSIGNAL);
  if (wrote < 0) return errno == EAGAIN ? 0 : -1;
  end->sent += (uint64_t)wrote;
  if (end->sent == end->size) shutdown(end->fd, SHUT_WR);
  return 1;
}

static int receive_some(uint64_t session, int i, struct end *end, struct room *room) {
  ssize_t got = recv(end->fd, room->chunk, CHUNK, 0);
  if (got < 0) return errno == EAGAIN ? 0 : -1;
  if (got == 0) end->ended = 1;
  else if (!are_marks(session, 1 - i, end->got, room->chunk, (size_t)got, room->scratch)) fail("session %llu: end %d got bytes that are not its peer's", (unsigned long long)session, i);
  end->got += (uint64_t)got;
  return 1;
}

static void reset(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
}

/* Carries on until all is there, `reset_at` bytes have arrived in all, or a reset came. Returns 1 in the last case. */
static int carry(uint64_t session, struct end *ends, uint64_t reset_at, struct room *room) {
  for (;;) {
    if (ends[0].got + ends[1].got >= reset_at) return 0;
    if (ends[0].ended && ends[1].ended && ends[0].sent == ends[0].size && ends[1].sent == ends[1].size) return 0;
    struct pollfd polled[2];
    int sleepers = 0;
    for (int i = 0; i < 2; i++) {
      struct end *end = &ends[i];
      sleepers += !end->reads;
      polled[i] = (struct pollfd){end->fd, (short)((end->sent < end->size ? POLLOUT : 0) | (end->reads && !end->ended ? POLLIN : 0)), 0};
      if (polled[i].events == 0) polled[i].fd = -1;
    }
    int ready = poll(polled, 2, sleepers ? SLOW_MS : STUCK_MS);
    if (ready == 0 && !sleepers) fail("session %llu is stuck: sent %llu and %llu, got %llu and %llu", (unsigned long long)session, (unsigned long long)ends[0].sent, (unsigned long long)ends[1].sent, (unsigned long long)ends[0].got, (unsigned long long)ends[1].got);
    if (ready == 0) ends[0].reads = ends[1].reads = 1; /* full all the way back, or near enough: now it reads */
    for (int i = 0; i < 2; i++) {
      if ((polled[i].revents & POLLOUT) && send_some(session, i, &ends[i], room) < 0) return 1;
      if ((polled[i].revents & (POLLIN | POLLERR | POLLHUP)) && receive_some(session, i, &ends[i], room) < 0) return 1;
    }
  }
}

/* The other end of a session that was reset has to hear of it: as a reset, behind whatever of its peer's bytes had arrived. */
static void expect_reset(uint64_t session, int i, struct end *ends, struct room *room) {
  struct end *end = &ends[i];
  for (;;) {
    struct pollfd polled = {end->fd, POLLIN, 0};
    if (poll(&polled, 1, STUCK_MS) == 0) fail("session %llu: end %d does not hear of the reset", (unsigned long long)session, i);
    if (receive_some(session, i, end, room) < 0) return;
    if (!end->ended) continue;
    if (end->got != ends[1 - i].size) fail("session %llu: end %d heard an end in the middle, and no reset", (unsigned long long)session, i);
    return; /* all had been delivered, with the end of its direction */
  }
}

static void run(uint64_t session, struct room *room) {
  uint64_t dice = mixed(seed + session);
  struct end ends[2] = {{.reads = 1}, {.reads = 1}};
  for (int i = 0; i < 2; i++) ends[i].size = 1 + mixed(dice + (uint64_t)i + 1) % (1u << (mixed(dice + (uint64_t)i + 3) % 20));
  uint64_t kind = dice % 10, reset_at = UINT64_MAX;
  if (kind < 2) {
    ends[0].size = ends[1].size = LARGEST;
    reset_at = 1 + mixed(dice + 5) % (LARGEST / 2);
  } else if (kind == 2) {
    ends[0].size = LARGEST;
    ends[1].reads = 0;
    slow++;
  }
  meet(ends);
  int broken = carry(session, ends, reset_at, room);
  bytes += ends[0].got + ends[1].got;
  if (reset_at != UINT64_MAX) {
    int who = (int)(mixed(dice + 6) % 2);
    if (broken) fail("session %llu was reset before its time", (unsigned long long)session);
    reset(ends[who].fd);
    if (!ends[1 - who].ended) expect_reset(session, 1 - who, ends, room);
    close(ends[1 - who].fd);
    resets++;
    return;
  }
  for (int i = 0; i < 2; i++) {
    if (broken || ends[i].got != ends[1 - i].size) fail("session %llu: end %d got %llu of %llu bytes", (unsigned long long)session, i, (unsigned long long)ends[i].got, (unsigned long long)ends[1 - i].size);
    close(ends[i].fd);
  }
  completed++;
}

static void *run_many(void *unused) {
  (void)unused;
  struct room *room = malloc(sizeof *room);
  for (uint64_t session; (session = next++) < sessions && now() < deadline;) {
    double due = began + (per_second > 0 ? (double)session / per_second : 0);
    for (double left; (left = due - now()) > 0;) nanosleep(&(struct timespec){(time_t)left, (long)((left - (double)(time_t)left) * 1e9)}, NULL);
    run(session, room);
  }
  free(room);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 7) fail("usage: churn PORT SESSIONS SECONDS AT_ONCE PER_SECOND SEED");
  port = atoi(argv[1]);
  sessions = strtoull(argv[2], NULL, 10);
  began = now();
  deadline = began + atof(argv[3]);
  int at_once = atoi(argv[4]);
  per_second = atof(argv[5]);
  seed = mixed(strtoull(argv[6], NULL, 10));
  pthread_t *threads = calloc((size_t)at_once, sizeof *threads);
  for (int i = 0; i < at_once; i++) pthread_create(&threads[i], NULL, run_many, NULL);
  for (int i = 0; i < at_once; i++) pthread_join(threads[i], NULL);
  printf("{\"sessions\":%llu,\"completed\":%llu,\"slow\":%llu,\"resets\":%llu,\"bytes\":%llu,\"seconds\":%.3f}\n", (unsigned long long)(completed + resets), (unsigned long long)completed, (unsigned long long)slow, (unsigned long long)resets, (unsigned long long)bytes, now() - began);
  return 0;
}
