/*
 * This relay (packages/relay-protocol/PROTOCOL.md): mTLS, CONNECT, each pair on a channel of its own. Transport raw: once
 * both close_notify alerts have passed, what is left is the bare connection, and the 200 comes on it.
 */
#include "load.h"
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

enum { HEAD = 4096 };

static void request(struct end *end, const char *transport) {
  char text[HEAD];
  int length = snprintf(text, sizeof text,
                        "CONNECT f%c:443 HTTP/1.1\r\nHost: f%c:443\r\nRelay-Transport: %s\r\nRelay-Channel: %016llx\r\nPrefer: wait=900\r\n\r\n",
                        end->side == 'a' ? '2' : '1', end->side == 'a' ? '2' : '1', transport, (unsigned long long)end->id);
  end->fd = dial_side(end->side);
  end->ssl = tls_connect(end->fd, end->side);
  tls_send(end->ssl, text, (size_t)length);
}

/* Back when this end is parked. */
static void detach(struct end *end) {
  char answer[HEAD];
  size_t got = 0;
  SSL_shutdown(end->ssl);
  if (SSL_read_ex(end->ssl, answer, sizeof answer, &got) == 1) fail("refused: %.*s", (int)got, answer);
  if ((SSL_get_shutdown(end->ssl) & SSL_RECEIVED_SHUTDOWN) == 0) fail("the relay ended the connection without close_notify");
  SSL_free(end->ssl);
  end->ssl = NULL;
}

static void expect_paired(const char *head) {
  if (strncmp(head, "HTTP/1.1 200 ", 13) != 0) fail("refused: %s", head);
}

static void await_200_bare(struct end *end) {
  char head[HEAD];
  recv_until(end->fd, head, sizeof head, "\r\n\r\n");
  expect_paired(head);
}

static void await_200_in_tls(struct end *end) {
  char head[HEAD];
  size_t got = 0, more;
  do {
    if (SSL_read_ex(end->ssl, head + got, sizeof head - 1 - got, &more) != 1) fail("the relay ended the connection");
    got += more;
  } while (got < 4 || memcmp(head + got - 4, "\r\n\r\n", 4) != 0);
  head[got] = 0;
  expect_paired(head);
}

static void park_raw(uint64_t id, struct end *end) {
  *end = (struct end){.side = 'a', .id = id};
  request(end, "raw");
  detach(end);
}

static void meet_raw(uint64_t id, struct end *a, struct end *b) {
  park_raw(id, a);
  *b = (struct end){.side = 'b', .id = id};
  request(b, "raw");
  detach(b);
  await_200_bare(b);
  await_200_bare(a);
  greet(a, b);
}

static void park_in_tls(uint64_t id, struct end *end) {
  *end = (struct end){.side = 'a', .id = id};
  request(end, "tls");
}

static void meet_in_tls(uint64_t id, struct end *a, struct end *b) {
  park_in_tls(id, a);
  *b = (struct end){.side = 'b', .id = id};
  request(b, "tls");
  await_200_in_tls(b);
  await_200_in_tls(a);
  greet(a, b);
}

const struct way connect_raw_way = {"connect-raw", NULL, meet_raw, park_raw, NULL};
const struct way connect_tls_way = {"connect-tls", NULL, meet_in_tls, park_in_tls, NULL};
