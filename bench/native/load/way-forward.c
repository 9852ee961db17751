/*
 * A proxy: one end dials it, it dials the other end, which listens. With --tls both hops are mTLS. The relay address may be
 * the listener's own: then nothing is between them.
 */
#include "load.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener;
static struct end *arrived; /* by id - first_id */
static size_t room;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrival = PTHREAD_COND_INITIALIZER;

static void *receive(void *unused) {
  (void)unused;
  for (int fd; (fd = accept_from(listener)) >= 0;) {
    struct end end = {.fd = fd, .side = 'b'};
    uint64_t id;
    if (options.tls) end.ssl = tls_accept(fd, 'b');
    get(&end, &id, sizeof id);
    if (id - options.first_id >= room) fail("a connection of another run, number %llu", (unsigned long long)id);
    end.id = id;
    pthread_mutex_lock(&lock);
    arrived[id - options.first_id] = end;
    pthread_cond_broadcast(&arrival);
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

static void prepare(void) {
  room = (size_t)(options.pairs > options.count ? options.pairs : options.count);
  arrived = calloc(room, sizeof *arrived);
  listener = listen_here();
  for (int i = 0; i < options.in_flight; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, receive, NULL);
    pthread_detach(thread);
  }
}

static void meet(uint64_t id, struct end *a, struct end *b) {
  *a = (struct end){.fd = dial(), .side = 'a', .id = id};
  if (options.tls) a->ssl = tls_connect(a->fd, 'a');
  put(a, &id, sizeof id);
  pthread_mutex_lock(&lock);
  while (arrived[id - options.first_id].side == 0) pthread_cond_wait(&arrival, &lock);
  *b = arrived[id - options.first_id];
  pthread_mutex_unlock(&lock);
  put(b, &id, sizeof id);
  get(a, &id, sizeof id);
}

static void close_listener(void) {
  shutdown(listener, SHUT_RDWR); /* wakes who waits in accept */
  close(listener);
}

const struct way forward_way = {"forward", prepare, meet, NULL, close_listener};
