/* Connects to a port of 127.0.0.1, says hello and prints the answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fails(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0)};
    char buf[64];
    int s = socket(AF_INET, SOCK_STREAM, 0), failed = 0;
    if (s < 0)
        failed = fails("socket");
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!failed && connect(s, (void *)&to, sizeof to))
        failed = fails("connect");
    if (!failed && write(s, "hello host", 10) != 10)
        failed = fails("write");
    for (ssize_t n; !failed && (n = read(s, buf, sizeof buf)) > 0;)
        printf("%.*s\n", (int)n, buf);
    fflush(stdout);
    return failed;
}
