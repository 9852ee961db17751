/* Bytes one way over --pairs pairs for --seconds, as fast as they go, or a chunk each --pause ms. Counts what has arrived, to the
 * last byte sent. */
#include "load.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, MESSAGE = 64 * 1024, WINDOW = 8 * 1024 * 1024 };

struct pair {
  struct end a, b;
  char *chunk;                   /* what is sent, again and again */
  size_t sends, arrives, carries; /* its length as sent, as it arrives, and of its payload */
  atomic_ullong due, arrived;    /* bytes as they arrive; due: all there will be, known at the end */
};

static struct pair *pairs;
static double begin, deadline;

static void make_chunk(struct pair *pair) {
  const struct framing *framing = pair->a.framing;
  if (!framing) {
    pair->chunk = calloc(1, CHUNK);
    pair->sends = pair->arrives = pair->carries = CHUNK;
    return;
  }
  char *payload = calloc(1, MESSAGE);
  size_t head;
  pair->chunk = malloc(MESSAGE + FRAME_HEAD);
  pair->sends = framing->frame(pair->chunk, 'b', pair->a.id, payload, MESSAGE);
  pair->arrives = framing->received('b', pair->a.id, MESSAGE, &head);
  pair->carries = MESSAGE;
  free(payload);
}

static void *open_pair(void *which) {
  for (int i = (int)(intptr_t)which; i < options.pairs; i += options.in_flight) {
    way->meet(options.first_id + (uint64_t)i, &pairs[i].a, &pairs[i].b);
    make_chunk(&pairs[i]);
    pairs[i].due = UINT64_MAX;
  }
  return NULL;
}

/* A broker drops what its subscriber is too slow for, so publishers must not run ahead: no more than WINDOW on the way. */
static void keep_window(struct pair *pair, uint64_t sent) {
  const struct timespec moment = {.tv_nsec = 50000};
  while (sent > pair->arrived + WINDOW) nanosleep(&moment, NULL);
}

/* An end that has fallen behind sends at once, until it has caught up: what is offered in a second is the same for all. */
static void wait_until(double when) {
  double left = when - now();
  if (left > 0) usleep((useconds_t)(left * 1e6));
}

static void send_chunks(struct pair *pair) {
  uint64_t sent = 0;
  double next = begin;
  for (int last = 0; !last;) {
    if (options.pause > 0) wait_until(next += options.pause);
    if (pair->a.framing) keep_window(pair, sent);
    last = now() >= deadline;
    sent += pair->arrives;
    if (last) pair->due = sent; /* known before the last of it arrives */
    put_bytes(&pair->a, pair->chunk, pair->sends);
  }
}

static void receive(struct pair *pair) {
  while (pair->arrived < pair->due) {
    size_t got = drop_bytes(&pair->b, 1 << 20);
    if (got == 0) fail("pair %llu ended after %llu bytes", (unsigned long long)pair->a.id, (unsigned long long)pair->arrived);
    pair->arrived += got;
  }
}

static void *run_end(void *which) {
  int i = (int)(intptr_t)which;
  if (i % 2 == 0) receive(&pairs[i / 2]);
  else send_chunks(&pairs[i / 2]);
  return NULL;
}

void measure_bulk(void) {
  pairs = calloc((size_t)options.pairs, sizeof *pairs);
  in_threads(options.in_flight < options.pairs ? options.in_flight : options.pairs, open_pair);
  say_ready();
  begin = now();
  deadline = begin + options.seconds;
  in_threads(2 * options.pairs, run_end);
  double seconds = now() - begin, bytes = 0;
  for (int i = 0; i < options.pairs; i++) bytes += (double)pairs[i].arrived / (double)pairs[i].arrives * (double)pairs[i].carries;
  report("{\"bytes\":%.0f,\"seconds\":%.6f}", bytes, seconds);
}
