/* magic-wormhole's transit relay: two connections that name the same token. Nobody is verified. */
#include "load.h"
#include <stdio.h>
#include <string.h>

static void ask(struct end *end) {
  char line[160];
  int length = snprintf(line, sizeof line, "please relay %064llx for side %016x\n", (unsigned long long)end->id, end->side);
  end->fd = dial();
  send_all(end->fd, line, (size_t)length);
}

static void await_ok(struct end *end) {
  char line[64];
  recv_until(end->fd, line, sizeof line, "\n");
  if (strcmp(line, "ok\n") != 0) fail("refused: %s", line);
}

static void park(uint64_t id, struct end *end) {
  *end = (struct end){.side = 'a', .id = id};
  ask(end);
}

static void meet(uint64_t id, struct end *a, struct end *b) {
  park(id, a);
  *b = (struct end){.side = 'b', .id = id};
  ask(b);
  await_ok(b);
  await_ok(a);
  greet(a, b);
}

const struct way wormhole_way = {"wormhole", NULL, meet, park, NULL};
