/*
 * Syncthing's relay protocol, version 1: the first end joins the relay over mTLS and stays, the second asks over mTLS for
 * the first, both get an invitation, and dial again, bare, with the key that it holds. A device is the hash of its
 * certificate, so each first end needs one of its own.
 */
#include "load.h"
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAGIC = 0x9E79BC40, JOIN_RELAY = 2, JOIN_SESSION = 3, RESPONSE = 4, CONNECT = 5, INVITATION = 6, LARGEST = 1024, DEVICE_ID = 32 };

static SSL_CTX *context;
static EVP_PKEY *key;
static X509 **devices; /* by id - first_id */
static X509 *caller;

static X509 *make_certificate(uint64_t serial) {
  X509 *made = X509_new();
  X509_set_version(made, 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made), 86400);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, (const unsigned char *)"syncthing", -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(made));
  X509_set_pubkey(made, key);
  X509_sign(made, key, EVP_sha256());
  return made;
}

static void prepare(void) {
  int count = options.pairs > options.count ? options.pairs : options.count;
  static const unsigned char alpn[] = "\x09" "bep-relay";
  key = EVP_EC_gen("P-256");
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn - 1);
  caller = make_certificate(1);
  devices = calloc((size_t)count, sizeof(X509 *));
  for (int i = 0; i < count; i++) devices[i] = make_certificate(options.first_id + (uint64_t)i + 2);
}

static SSL *dial_as(X509 *certificate) {
  SSL *ssl = SSL_new(context);
  SSL_use_certificate(ssl, certificate);
  SSL_use_PrivateKey(ssl, key);
  SSL_set_fd(ssl, dial());
  if (SSL_connect(ssl) != 1) fail("TLS handshake with the relay");
  return ssl;
}

/* `payload` is XDR; opaque data is its length and its bytes, padded to 4 */
static size_t message(unsigned char *out, uint32_t type, const void *opaque, size_t length) {
  uint32_t head[4] = {htonl(MAGIC), htonl(type), htonl(length > 0 ? (uint32_t)(4 + length) : 0), htonl((uint32_t)length)};
  memcpy(out, head, sizeof head);
  memcpy(out + 16, opaque, length);
  return length > 0 ? 16 + length : 12;
}

static void say(SSL *ssl, uint32_t type, const void *opaque, size_t length) {
  unsigned char out[64];
  tls_send(ssl, out, message(out, type, opaque, length));
}

static uint32_t word(const unsigned char *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return ntohl(value);
}

static size_t check_head(const unsigned char *head, uint32_t type) {
  if (word(head) != MAGIC) fail("no message of this protocol");
  if (word(head + 4) != type) fail("message %u where %u was to come", word(head + 4), type);
  if (word(head + 8) > LARGEST) fail("a message of %u bytes", word(head + 8));
  return word(head + 8);
}

static void hear(SSL *ssl, uint32_t type, unsigned char *body) {
  unsigned char head[12];
  tls_recv(ssl, head, sizeof head);
  tls_recv(ssl, body, check_head(head, type));
}

static void expect_success(const unsigned char *body) {
  if (word(body) != 0) fail("the relay answered with code %u", word(body));
}

/* Dials with the key that an invitation holds, behind the name of the device that it comes from. -1 if it is turned away. */
static int join_session(const unsigned char *invitation) {
  size_t from = 4 + ((word(invitation) + 3) & ~3u);
  unsigned char out[64], head[12], body[LARGEST];
  int fd = dial();
  send_all(fd, out, message(out, JOIN_SESSION, invitation + from + 4, word(invitation + from)));
  recv_exact(fd, head, sizeof head);
  recv_exact(fd, body, check_head(head, RESPONSE));
  if (word(body) == 0) return fd;
  close(fd);
  return -1;
}

static void park(uint64_t id, struct end *end) {
  unsigned char body[LARGEST];
  *end = (struct end){.fd = -1, .side = 'a', .id = id, .control = dial_as(devices[id - options.first_id])};
  say(end->control, JOIN_RELAY, "", 0);
  hear(end->control, RESPONSE, body);
  expect_success(body);
}

/* Asks for the device, and lets both dial. False if either is turned away: the relay may not listen for them yet. */
static int try_to_meet(const unsigned char *device, struct end *a, struct end *b) {
  unsigned char to_a[LARGEST], to_b[LARGEST];
  SSL *asking = dial_as(caller);
  say(asking, CONNECT, device, DEVICE_ID);
  hear(asking, INVITATION, to_b);
  int fd = SSL_get_fd(asking);
  SSL_free(asking);
  close(fd);
  hear(a->control, INVITATION, to_a);
  b->fd = join_session(to_b);
  if (b->fd < 0) return 0;
  a->fd = join_session(to_a);
  if (a->fd >= 0) return 1;
  close(b->fd);
  return 0;
}

static void meet(uint64_t id, struct end *a, struct end *b) {
  unsigned char device[DEVICE_ID];
  unsigned int length = sizeof device;
  park(id, a);
  X509_digest(devices[id - options.first_id], EVP_sha256(), device, &length);
  *b = (struct end){.side = 'b', .id = id};
  while (!try_to_meet(device, a, b)) continue;
  greet(a, b);
}

const struct way syncthing_way = {"syncthing", prepare, meet, park, NULL};
