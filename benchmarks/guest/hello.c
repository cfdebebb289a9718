/* The start-up measurement: a static program with a C library. */
#include <stdio.h>

int main(void) {
    puts("hello");
    return 0;
}
