/*
 * The reference: what a relay costs that does nothing but splice, written the plain way in C. One thread, edge-triggered
 * epoll, pipes of 1 MiB that are held only while bytes are in them. Pairs two consecutive connections, and verifies nobody.
 *
 *     reference-relay PORT        on 127.0.0.1; prints "ready"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPE_SIZE = 1 << 20, BUDGET = 1 << 20, EVENTS = 256, KEPT_PIPES = 64 };

struct pipe {
  int read_end, write_end;
  struct pipe *next;
};

struct session;

struct end {
  int fd, readable, writable;
  struct session *session;
};

/* one direction: from `source` by way of `pipe` to `sink` */
struct flow {
  struct end *source, *sink;
  struct pipe *pipe;
  size_t in_pipe;
  int ended, done;
};

struct session {
  struct end ends[2];
  struct flow flows[2];
  int queued, over;
  struct session *next; /* in the queue, or among the dead */
};

static struct pipe *pool;
static int pooled;
static struct session *queue, **queue_tail = &queue, *dead;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static struct pipe *take_pipe(void) {
  struct pipe *pipe = pool;
  if (pipe) {
    pool = pipe->next;
    pooled--;
    return pipe;
  }
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) die("pipe2");
  fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
  pipe = malloc(sizeof *pipe);
  *pipe = (struct pipe){.read_end = ends[0], .write_end = ends[1]};
  return pipe;
}

static void drop_pipe(struct flow *flow) {
  struct pipe *pipe = flow->pipe;
  flow->pipe = NULL;
  if (!pipe) return;
  if (flow->in_pipe == 0 && pooled < KEPT_PIPES) {
    pipe->next = pool;
    pool = pipe;
    pooled++;
    return;
  }
  close(pipe->read_end);
  close(pipe->write_end);
  free(pipe);
}

static void enqueue(struct session *session) {
  if (session->queued || session->over) return;
  session->queued = 1;
  session->next = NULL;
  *queue_tail = session;
  queue_tail = &session->next;
}

static void end_session(struct session *session) {
  session->over = 1;
  for (int i = 0; i < 2; i++) {
    drop_pipe(&session->flows[i]);
    close(session->ends[i].fd);
  }
  session->next = dead; /* freed once the events of this turn are through */
  dead = session;
}

/* 0: waits for an event; 1: its budget is used up; -1: the connection broke */
static int advance(struct flow *flow) {
  size_t left = BUDGET;
  while (!flow->done) {
    if (flow->in_pipe > 0) {
      if (!flow->sink->writable) return 0;
      ssize_t moved = splice(flow->pipe->read_end, NULL, flow->sink->fd, NULL, flow->in_pipe, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
      if (moved > 0) {
        flow->in_pipe -= (size_t)moved;
        left = left > (size_t)moved ? left - (size_t)moved : 0;
      } else if (moved < 0 && errno == EAGAIN) {
        flow->sink->writable = 0;
      } else if (moved == 0 || errno != EINTR) {
        return -1;
      }
    } else if (flow->ended) {
      drop_pipe(flow);
      if (shutdown(flow->sink->fd, SHUT_WR) < 0) return -1;
      flow->done = 1;
    } else if (!flow->source->readable) {
      drop_pipe(flow);
      return 0;
    } else if (left == 0) {
      return 1;
    } else {
      if (!flow->pipe) flow->pipe = take_pipe();
      ssize_t moved = splice(flow->source->fd, NULL, flow->pipe->write_end, NULL, PIPE_SIZE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
      if (moved > 0) flow->in_pipe = (size_t)moved;
      else if (moved == 0) flow->ended = 1;
      else if (errno == EAGAIN) flow->source->readable = 0;
      else if (errno != EINTR) return -1;
    }
  }
  return 0;
}

static void run_queue(void) {
  struct session *turn = queue;
  queue = NULL;
  queue_tail = &queue;
  while (turn) {
    struct session *session = turn;
    turn = session->next;
    session->queued = 0;
    int more = 0, broken = 0;
    for (int i = 0; i < 2 && !broken; i++) {
      int step = advance(&session->flows[i]);
      more |= step > 0;
      broken |= step < 0;
    }
    if (broken || (session->flows[0].done && session->flows[1].done)) end_session(session);
    else if (more) enqueue(session);
  }
}

static void pair(int epoll, int one, int other) {
  struct session *session = calloc(1, sizeof *session);
  int fds[2] = {one, other};
  for (int i = 0; i < 2; i++) {
    session->ends[i] = (struct end){.fd = fds[i], .readable = 1, .writable = 1, .session = session};
    session->flows[i] = (struct flow){.source = &session->ends[i], .sink = &session->ends[1 - i]};
  }
  for (int i = 0; i < 2; i++) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = &session->ends[i]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) < 0) die("epoll_ctl");
  }
  enqueue(session);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: reference-relay PORT\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  int on = 1, waiting = -1, epoll = epoll_create1(EPOLL_CLOEXEC);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 4096) < 0) die("listen");
  struct epoll_event arrival = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &arrival);
  puts("ready");
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, queue ? 0 : -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; i++) {
      struct end *end = events[i].data.ptr;
      if (!end) {
        for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          if (waiting < 0) {
            waiting = fd;
          } else {
            pair(epoll, waiting, fd);
            waiting = -1;
          }
        }
        continue;
      }
      if (end->session->over) continue;
      if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) end->readable = 1;
      if (events[i].events & (EPOLLOUT | EPOLLERR)) end->writable = 1;
      enqueue(end->session);
    }
    run_queue();
    while (dead) {
      struct session *session = dead;
      dead = session->next;
      free(session);
    }
  }
}
