/* What a session's ends send: a sequence of bytes that is this session's, and this direction's, alone. */
#ifndef MARKS_H
#define MARKS_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* splitmix64 */
static inline uint64_t mixed(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

/* The bytes at `from` (a multiple of 8) of what end `end` of `session` sends; `length` is rounded up to 8. */
static inline void marks(uint64_t session, int end, uint64_t from, char *into, size_t length) {
  uint64_t seed = mixed(2 * session + (uint64_t)end + 1);
  for (size_t at = 0; at < length; at += 8) {
    uint64_t word = mixed(seed + (from + at) / 8 * 0x9e3779b97f4a7c15u);
    memcpy(into + at, &word, 8);
  }
}

/* Whether `bytes` are what that end sent at `from`, which may be anywhere. `scratch` holds `length` and 16 more. */
static inline int are_marks(uint64_t session, int end, uint64_t from, const char *bytes, size_t length, char *scratch) {
  size_t skip = from % 8;
  marks(session, end, from - skip, scratch, length + skip);
  return memcmp(scratch + skip, bytes, length) == 0;
}

int dial(int port);
double now(void);
_Noreturn void fail(const char *format, ...);
#endif
