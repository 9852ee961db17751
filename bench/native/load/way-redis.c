/* Redis pub/sub (RESP3, so that one connection may subscribe and publish): a channel for each end. */
#include "load.h"
#include <stdio.h>
#include <string.h>

static size_t frame(char *out, char to, uint64_t id, const void *payload, size_t length) {
  size_t head = (size_t)sprintf(out, "*3\r\n$7\r\nPUBLISH\r\n$18\r\n%c.%016llx\r\n$%zu\r\n", to, (unsigned long long)id, length);
  memcpy(out + head, payload, length);
  memcpy(out + head + length, "\r\n", 2);
  return head + length + 2;
}

static size_t received(char to, uint64_t id, size_t length, size_t *head) {
  char text[FRAME_HEAD];
  *head = (size_t)sprintf(text, ">3\r\n$7\r\nmessage\r\n$18\r\n%c.%016llx\r\n$%zu\r\n", to, (unsigned long long)id, length);
  return *head + length + 2;
}

/* the count of receivers, in answer to PUBLISH */
static size_t noise(const char *bytes) { return bytes[0] == ':' ? strlen(":1\r\n") : 0; }

static const struct framing framing = {frame, received, noise};

static void subscribe(uint64_t id, struct end *end, char side) {
  char text[4096];
  *end = (struct end){.fd = dial(), .framing = &framing, .side = side, .id = id};
  int length = sprintf(text, "HELLO 3\r\nSUBSCRIBE %c.%016llx\r\n", side, (unsigned long long)id);
  put_bytes(end, text, (size_t)length);
  recv_until(end->fd, text, sizeof text, "subscribe\r\n");
  recv_until(end->fd, text, sizeof text, ":1\r\n");
}

static void park(uint64_t id, struct end *a) { subscribe(id, a, 'a'); }

static void meet(uint64_t id, struct end *a, struct end *b) {
  subscribe(id, a, 'a');
  subscribe(id, b, 'b');
  greet(a, b);
}

const struct way redis_way = {"redis", NULL, meet, park, NULL};
