/* TLS 1.3, both ends with certificates, never resumed. OpenSSL without read-ahead: no byte behind a record is taken. */
#include "load.h"
#include <openssl/err.h>
#include <openssl/x509.h>

static SSL_CTX *clients[2], *servers[2];

static _Noreturn void fail_tls(const char *what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  fail("%s: %s", what, text);
}

static SSL_CTX *context(const SSL_METHOD *method, const char *cert) {
  SSL_CTX *made = SSL_CTX_new(method);
  SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(made, 0);
  SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(made, SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (SSL_CTX_use_certificate_chain_file(made, cert) != 1) fail_tls(cert);
  if (SSL_CTX_use_PrivateKey_file(made, cert, SSL_FILETYPE_PEM) != 1) fail_tls(cert);
  if (SSL_CTX_load_verify_locations(made, options.ca, NULL) != 1) fail_tls(options.ca);
  SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  return made;
}

void open_tls(void) {
  const char *certs[2] = {options.a_cert, options.b_cert};
  for (int i = 0; i < 2; i++) {
    clients[i] = context(TLS_client_method(), certs[i]);
    servers[i] = context(TLS_server_method(), certs[i]);
  }
}

static SSL *handshake(SSL_CTX *of, int fd, int (*run)(SSL *)) {
  SSL *ssl = SSL_new(of);
  SSL_set_fd(ssl, fd);
  if (run(ssl) != 1) fail_tls("handshake");
  return ssl;
}

SSL *tls_connect(int fd, char side) { return handshake(clients[side - 'a'], fd, SSL_connect); }

SSL *tls_accept(int fd, char side) { return handshake(servers[side - 'a'], fd, SSL_accept); }

void tls_send(SSL *ssl, const void *bytes, size_t length) {
  size_t sent = 0;
  if (SSL_write_ex(ssl, bytes, length, &sent) != 1) fail_tls("TLS write");
}

void tls_recv(SSL *ssl, void *bytes, size_t length) {
  for (char *at = bytes; length > 0;) {
    size_t got = 0;
    if (SSL_read_ex(ssl, at, length, &got) != 1) fail_tls("TLS read");
    at += got;
    length -= got;
  }
}
