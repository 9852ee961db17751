/* Opens --pairs sessions, or parks as many clients, and holds them, idle, until told to let go. */
#include "load.h"
#include <stdlib.h>

static struct end *ends;

static void *open_sessions(void *which) {
  for (int i = (int)(intptr_t)which; i < options.pairs; i += options.in_flight) {
    way->meet(options.first_id + (uint64_t)i, &ends[2 * i], &ends[2 * i + 1]);
  }
  return NULL;
}

static void *park_clients(void *which) {
  for (int i = (int)(intptr_t)which; i < options.pairs; i += options.in_flight) {
    way->park(options.first_id + (uint64_t)i, &ends[2 * i]);
  }
  return NULL;
}

static void hold(void *(*open)(void *)) {
  ends = calloc(2 * (size_t)options.pairs, sizeof *ends);
  in_threads(options.in_flight, open);
  if (way->close_listener) way->close_listener();
  say_ready();
}

void hold_sessions(void) { hold(open_sessions); }

void hold_parked(void) {
  if (!way->park) fail("nothing is parked in this way");
  hold(park_clients);
}
