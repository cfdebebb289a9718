// Two functions of libSystem and nothing else; main's result is the status.
#include <unistd.h>

int main(void) {
  write(1, "hello\n", 6);
  return 42;
}
