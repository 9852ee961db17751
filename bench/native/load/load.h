/*
 * The load: both ends of every pair, in one process. What a measure does is in measure-*.c, how a pair meets through the
 * relay under test in way-*.c, and what an end is, once it has met its peer, in end.c.
 */
#ifndef LOAD_H
#define LOAD_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

/* In what a message is wrapped, where the relay carries messages rather than bytes. */
struct framing {
  /* writes the frame that carries `length` bytes of payload to the topic `to`; returns its length */
  size_t (*frame)(char *out, char to, uint64_t id, const void *payload, size_t length);
  /* length of the frame in which the other end gets them, and of what stands before the payload in it */
  size_t (*received)(char to, uint64_t id, size_t length, size_t *head);
  /* what else may come between frames: its length, if `bytes` (4 of them) begins it, else 0 */
  size_t (*noise)(const char *bytes);
};

enum { FRAME_HEAD = 256 };

/* One end of a pair. */
struct end {
  int fd;
  SSL *ssl;                      /* NULL: bare */
  const struct framing *framing; /* NULL: a stream of bytes */
  char side;                     /* 'a' dials first */
  uint64_t id;                   /* of its pair */
  SSL *control;                  /* a connection that has to stay as long as the session does, or NULL */
};

struct options {
  const char *measure, *way;
  struct place {
    const char *host;
    int port;
  } relay, relay_b, listen; /* relay_b: where the second end dials, if that is another relay of a cluster */
  int tls;                        /* both ends speak TLS with the relay, and go on doing so */
  const char *ca, *a_cert, *b_cert; /* PEM files; certificate and key in one */
  int pairs, in_flight, count;
  double seconds;
  double pause; /* seconds, before each pair that is set up: what the last one left to do is done by then; or from chunk to chunk */
  uint64_t first_id;
  int a_cpu, b_cpu; /* where the two ends of a ping run; -1: anywhere */
};

extern struct options options;

/* How a pair meets. All of them end the process if it does not work. */
struct way {
  const char *name;
  void (*prepare)(void);                                     /* once, may be NULL */
  void (*meet)(uint64_t id, struct end *a, struct end *b); /* back when one message has gone each way */
  void (*park)(uint64_t id, struct end *a);                  /* the first end alone; NULL: nothing to be parked */
  void (*close_listener)(void);                               /* may be NULL */
};

extern const struct way forward_way, consecutive_way, connect_raw_way, connect_tls_way, wormhole_way, syncthing_way, nats_way, redis_way;
extern const struct way *way;

/* net.c */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
double now(void); /* seconds */
int dial(void);   /* to the relay */
int dial_side(char side);
int listen_here(void);
int accept_from(int listener);
void send_all(int fd, const void *bytes, size_t length);
void recv_exact(int fd, void *bytes, size_t length);
size_t recv_until(int fd, char *text, size_t size, const char *end); /* byte for byte: takes nothing that follows */
void allow_many_files(void);

/* tls.c: `side` says whose certificate is shown */
void open_tls(void);
SSL *tls_connect(int fd, char side);
SSL *tls_accept(int fd, char side);
void tls_send(SSL *ssl, const void *bytes, size_t length);
void tls_recv(SSL *ssl, void *bytes, size_t length);

/* end.c */
void put(struct end *end, const void *payload, size_t length); /* one message to the peer */
void get(struct end *end, void *payload, size_t length);        /* one message of exactly this length */
void put_bytes(struct end *end, const void *bytes, size_t length);
size_t drop_bytes(struct end *end, size_t at_most); /* how many were there; 0 at the end */
void greet(struct end *a, struct end *b);           /* a message each way */
void close_end(struct end *end);

/* main.c */
void say_ready(void); /* and waits until told to go on */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
void in_threads(int count, void *(*run)(void *));
void report_times(double *times, int count, double seconds); /* how many, in all, and percentiles; sorts `times` */

/* measure-*.c */
void measure_bulk(void), measure_ping(void), measure_setup(void), hold_sessions(void), hold_parked(void);

#endif
