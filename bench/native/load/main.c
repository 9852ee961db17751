/*
 *     load MEASURE WAY --relay HOST:PORT [--relay-b HOST:PORT] [--listen HOST:PORT] [--tls] [--ca FILE --a-cert FILE --b-cert FILE]
 *          [--pairs N] [--in-flight N] [--count N] [--seconds S] [--first-id N] [--a-cpu N --b-cpu N] [--pause MS]
 *
 * Prints "ready" when all is set up, waits for a line on standard input, measures, prints one line of JSON, waits for
 * another line (while who started it reads the relay's CPU time), closes everything, and ends.
 */
#define _GNU_SOURCE
#include "load.h"
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

struct options options = {.pairs = 1, .in_flight = 1, .count = 1, .seconds = 1, .a_cpu = -1, .b_cpu = -1};
const struct way *way;

static const struct way *const ways[] = {&forward_way,  &consecutive_way, &connect_raw_way, &connect_tls_way,
                                         &wormhole_way, &syncthing_way,   &nats_way,        &redis_way};

static const struct {
  const char *name;
  void (*run)(void);
} measures[] = {{"bulk", measure_bulk}, {"ping", measure_ping}, {"setup", measure_setup}, {"hold", hold_sessions}, {"park", hold_parked}};

static void wait_for_word(void) {
  char line[64];
  if (!fgets(line, sizeof line, stdin)) exit(0); /* who started it is gone */
}

void say_ready(void) {
  puts("ready");
  fflush(stdout);
  wait_for_word();
}

void report(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  fflush(stdout);
  wait_for_word();
}

void in_threads(int count, void *(*run)(void *)) {
  pthread_t *threads = calloc((size_t)count, sizeof *threads);
  for (intptr_t i = 0; i < count; i++) {
    if (pthread_create(&threads[i], NULL, run, (void *)i) != 0) fail("cannot start thread %ld", (long)i);
  }
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
  free(threads);
}

static int ascending(const void *one, const void *other) {
  double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

void report_times(double *times, int count, double seconds) {
  if (count == 0) fail("not one was measured");
  qsort(times, (size_t)count, sizeof *times, ascending);
  report("{\"count\":%d,\"seconds\":%.6f,\"p50\":%.9f,\"p99\":%.9f}", count, seconds, times[count / 2], times[(int)((double)count * 0.99)]);
}

static void read_address(char *text, const char **host, int *port) {
  char *colon = strrchr(text, ':');
  if (!colon) fail("%s: write HOST:PORT", text);
  *colon = 0;
  *host = text;
  *port = atoi(colon + 1);
}

static void read_options(int argc, char **argv) {
  static const struct option known[] = {
      {"relay", 1, 0, 'r'}, {"relay-b", 1, 0, 'R'}, {"listen", 1, 0, 'l'},    {"tls", 0, 0, 't'},   {"ca", 1, 0, 'C'},      {"a-cert", 1, 0, 'a'},  {"b-cert", 1, 0, 'b'},
      {"pairs", 1, 0, 'p'}, {"in-flight", 1, 0, 'f'}, {"count", 1, 0, 'n'}, {"seconds", 1, 0, 's'}, {"first-id", 1, 0, 'i'}, {"a-cpu", 1, 0, 'x'}, {"b-cpu", 1, 0, 'y'}, {"pause", 1, 0, 'P'}, {0}};
  for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    switch (option) {
      case 'r': read_address(optarg, &options.relay.host, &options.relay.port); break;
      case 'R': read_address(optarg, &options.relay_b.host, &options.relay_b.port); break;
      case 'l': read_address(optarg, &options.listen.host, &options.listen.port); break;
      case 't': options.tls = 1; break;
      case 'C': options.ca = optarg; break;
      case 'a': options.a_cert = optarg; break;
      case 'b': options.b_cert = optarg; break;
      case 'p': options.pairs = atoi(optarg); break;
      case 'f': options.in_flight = atoi(optarg); break;
      case 'n': options.count = atoi(optarg); break;
      case 's': options.seconds = atof(optarg); break;
      case 'P': options.pause = atof(optarg) / 1000; break;
      case 'i': options.first_id = strtoull(optarg, NULL, 10); break;
      case 'x': options.a_cpu = atoi(optarg); break;
      case 'y': options.b_cpu = atoi(optarg); break;
      default: exit(2);
    }
  }
  if (argc - optind != 2) {
    fprintf(stderr, "usage: load MEASURE WAY --relay HOST:PORT ...\n");
    exit(2);
  }
  options.measure = argv[optind];
  options.way = argv[optind + 1];
}

int main(int argc, char **argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  read_options(argc, argv);
  allow_many_files();
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    if (strcmp(ways[i]->name, options.way) == 0) way = ways[i];
  }
  if (!way) fail("no such way");
  if (options.ca) open_tls();
  if (way->prepare) way->prepare();
  for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
    if (strcmp(measures[i].name, options.measure) != 0) continue;
    measures[i].run();
    fflush(stdout);
    _exit(0); /* the kernel closes what is left, and does it faster */
  }
  fail("no such measure");
}
