/* Comes before the C library: LD_PRELOAD. */

int rand(void) { return 42; }
