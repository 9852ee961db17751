/* One end of a pair that has met: bytes, or messages, to and from its peer. */
#include "load.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SHORT = 64 };

static char other(char side) { return side == 'a' ? 'b' : 'a'; }

void put_bytes(struct end *end, const void *bytes, size_t length) {
  if (end->ssl) tls_send(end->ssl, bytes, length);
  else send_all(end->fd, bytes, length);
}

static void get_bytes(struct end *end, void *bytes, size_t length) {
  if (end->ssl) tls_recv(end->ssl, bytes, length);
  else recv_exact(end->fd, bytes, length);
}

void put(struct end *end, const void *payload, size_t length) {
  if (!end->framing) {
    put_bytes(end, payload, length);
    return;
  }
  char frame[FRAME_HEAD + SHORT];
  if (length > SHORT) fail("a message of %zu bytes", length);
  put_bytes(end, frame, end->framing->frame(frame, other(end->side), end->id, payload, length));
}

void get(struct end *end, void *payload, size_t length) {
  if (!end->framing) {
    get_bytes(end, payload, length);
    return;
  }
  char frame[FRAME_HEAD + SHORT];
  size_t head, whole = end->framing->received(end->side, end->id, length, &head), noise;
  for (;;) {
    get_bytes(end, frame, 4);
    noise = end->framing->noise(frame);
    if (noise == 0) break;
    get_bytes(end, frame + 4, noise - 4);
  }
  get_bytes(end, frame + 4, whole - 4);
  memcpy(payload, frame + head, length);
}

size_t drop_bytes(struct end *end, size_t at_most) {
  if (end->ssl) {
    static _Thread_local char record[16384];
    size_t got = 0;
    return SSL_read_ex(end->ssl, record, at_most < sizeof record ? at_most : sizeof record, &got) == 1 ? got : 0;
  }
  /* the kernel drops them: this end is not what is measured */
  for (;;) {
    ssize_t got = recv(end->fd, NULL, at_most, MSG_TRUNC);
    if (got >= 0) return (size_t)got;
    if (errno != EINTR) return 0;
  }
}

void greet(struct end *a, struct end *b) {
  uint64_t there = a->id, back = 0;
  put(a, &there, sizeof there);
  get(b, &back, sizeof back);
  if (back != a->id) fail("pair %llx got a byte of another one", (unsigned long long)a->id);
  put(b, &back, sizeof back);
  get(a, &there, sizeof there);
  if (there != a->id) fail("pair %llx got a byte of another one", (unsigned long long)a->id);
}

void close_end(struct end *end) {
  if (end->ssl) {
    SSL_shutdown(end->ssl);
    SSL_free(end->ssl);
  }
  close(end->fd);
  if (end->control) {
    int fd = SSL_get_fd(end->control);
    SSL_free(end->control);
    close(fd);
  }
}
