// qsort as guest code: the comparison is called without leaving the guest. A heap sort: in place, no recursion.
// Its machine code, position-independent and without data, stands in aot/personality/windows/guest_code.py.
typedef unsigned char u8;
typedef unsigned long long u64;

static inline __attribute__((always_inline)) void swap(u8 *a, u8 *b, u64 size) {
  for (; size >= 4; size -= 4, a += 4, b += 4) {
    unsigned left, right;
    __builtin_memcpy(&left, a, 4), __builtin_memcpy(&right, b, 4);
    __builtin_memcpy(a, &right, 4), __builtin_memcpy(b, &left, 4);
  }
  for (; size; size--, a++, b++) {
    u8 left = *a;
    *a = *b, *b = left;
  }
}

void sort(u8 *base, u64 count, u64 size, int (*compare)(const void *, const void *)) {
  u64 root = count / 2, end = count;
  if (count < 2 || !size) return;
  for (;;) {
    if (root) root--;
    else {
      if (--end == 0) return;
      swap(base, base + end * size, size);
    }
    for (u64 at = root, child; (child = 2 * at + 1) < end; at = child) {
      if (child + 1 < end && compare(base + child * size, base + (child + 1) * size) < 0) child++;
      if (compare(base + at * size, base + child * size) >= 0) break;
      swap(base + at * size, base + child * size, size);
    }
  }
}
