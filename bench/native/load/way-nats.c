/* NATS: each end subscribes to a subject of its own and publishes to the other's; with --tls over mTLS. */
#include "load.h"
#include <stdio.h>
#include <string.h>

static size_t frame(char *out, char to, uint64_t id, const void *payload, size_t length) {
  size_t head = (size_t)sprintf(out, "PUB %c.%016llx %zu\r\n", to, (unsigned long long)id, length);
  memcpy(out + head, payload, length);
  memcpy(out + head + length, "\r\n", 2);
  return head + length + 2;
}

static size_t received(char to, uint64_t id, size_t length, size_t *head) {
  char text[FRAME_HEAD];
  *head = (size_t)sprintf(text, "MSG %c.%016llx 1 %zu\r\n", to, (unsigned long long)id, length);
  return *head + length + 2;
}

static size_t noise(const char *bytes) { return memcmp(bytes, "PING", 4) == 0 ? strlen("PING\r\n") : 0; }

static const struct framing framing = {frame, received, noise};

/* Lines up to PONG: +OK, a PING of the server's. */
static void await_pong(struct end *end) {
  char line[512];
  size_t length = 0;
  while (length < 6 || memcmp(line + length - 6, "PONG\r\n", 6) != 0) {
    if (length + 1 >= sizeof line) fail("no PONG: %.*s", (int)length, line);
    if (end->ssl) tls_recv(end->ssl, line + length, 1);
    else recv_exact(end->fd, line + length, 1);
    length++;
    if (length >= 4 && memcmp(line, "-ERR", 4) == 0 && line[length - 1] == '\n') fail("refused: %.*s", (int)length, line);
  }
}

static void subscribe(uint64_t id, struct end *end, char side) {
  char text[4096];
  *end = (struct end){.fd = dial(), .framing = &framing, .side = side, .id = id};
  recv_until(end->fd, text, sizeof text, "\r\n"); /* INFO */
  if (options.tls) end->ssl = tls_connect(end->fd, side);
  int length = sprintf(text, "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true,\"lang\":\"c\",\"version\":\"1\"%s}\r\nSUB %c.%016llx 1\r\nPING\r\n",
                       options.tls ? ",\"tls_required\":true" : "", side, (unsigned long long)id);
  put_bytes(end, text, (size_t)length);
  await_pong(end);
}

static void park(uint64_t id, struct end *a) { subscribe(id, a, 'a'); }

static void meet(uint64_t id, struct end *a, struct end *b) {
  subscribe(id, a, 'a');
  subscribe(id, b, 'b');
  greet(a, b);
}

const struct way nats_way = {"nats", NULL, meet, park, NULL};
