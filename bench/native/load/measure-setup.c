/*
 * Sets up pairs, --in-flight at a time, and closes each: --count of them, or as many as begin within --seconds. A pair is
 * set up when a message has gone each way through it, counted from the first dial.
 */
#include "load.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static double *times, deadline;
static atomic_int next;
static atomic_int done;

static void *set_up(void *unused) {
  (void)unused;
  struct end a, b;
  for (int i; now() < deadline && (i = next++) < options.count;) {
    if (options.pause > 0) usleep((useconds_t)(options.pause * 1e6));
    double begin = now();
    way->meet(options.first_id + (uint64_t)i, &a, &b);
    times[done++] = now() - begin;
    close_end(&a);
    close_end(&b);
  }
  return NULL;
}

void measure_setup(void) {
  times = calloc((size_t)options.count, sizeof *times);
  say_ready();
  double begin = now();
  deadline = begin + options.seconds;
  in_threads(options.in_flight, set_up);
  report_times(times, done, now() - begin);
}
