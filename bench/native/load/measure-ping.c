/* Round trips of one byte over one pair, one after the other, for --seconds. */
#define _GNU_SOURCE
#include "load.h"
#include <sched.h>
#include <stdlib.h>

enum { WARM_UP = 200, MOST = 2000000 };

static struct end a, b;
static double *times;
static int count;

static void *echo(struct end *end) {
  for (char byte = 0; byte == 0;) {
    get(end, &byte, 1);
    put(end, &byte, 1);
  }
  return NULL;
}

static double round_trip(char byte) {
  double begin = now();
  put(&a, &byte, 1);
  get(&a, &byte, 1);
  return now() - begin;
}

static void ping(void) {
  for (int i = 0; i < WARM_UP; i++) round_trip(0);
  double deadline = now() + options.seconds;
  for (; now() < deadline && count < MOST; count++) times[count] = round_trip(0);
  round_trip(1); /* the echo stops */
}

static void stay_on(int cpu) {
  cpu_set_t set;
  if (cpu < 0) return;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static void *run_end(void *which) {
  stay_on((intptr_t)which == 0 ? options.b_cpu : options.a_cpu);
  if ((intptr_t)which == 0) echo(&b);
  else ping();
  return NULL;
}

void measure_ping(void) {
  times = malloc(MOST * sizeof *times);
  way->meet(options.first_id, &a, &b);
  say_ready();
  in_threads(2, run_end);
  report_times(times, count, options.seconds);
}
