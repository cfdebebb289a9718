/* What `make demo` builds for Windows: arguments, standard output, a file, an exit status. */
#include <stdio.h>

int main(int argc, char **argv) {
    printf("hello from a Windows program, %d arguments\n", argc - 1);
    for (int i = 1; i < argc; i++) printf("  %s\n", argv[i]);
    FILE *file = fopen("demo.txt", "wb");
    if (!file || fputs("written by the guest\n", file) < 0 || fclose(file)) return 1;
    return 42;
}
