/* Sockets of Linux by path, by name and over loopback: connections, datagrams, descriptors in messages, errors. */
#define _GNU_SOURCE
#include "check.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

static char buf[1 << 16];

static int fails(int result, int error)
{
    return result == -1 && errno == error;
}

static int ready(int fd, int events)
{
    struct pollfd p = {fd, events, 0};
    return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, name, &value, &size) ? -errno : value;
}

static void pairs(void)
{
    int s[2], more = 0;
    check("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    check("idle", ready(s[0], POLLIN | POLLOUT) == POLLOUT);
    check("write", write(s[0], "hello", 5) == 5 && ready(s[1], POLLIN | POLLOUT) == (POLLIN | POLLOUT));
    check("waiting bytes", ioctl(s[1], FIONREAD, &more) == 0 && more == 5);
    check("peek", recv(s[1], buf, 3, MSG_PEEK) == 3 && !memcmp(buf, "hel", 3));
    check("read", read(s[1], buf, 3) == 3 && read(s[1], buf, 9) == 2 && !memcmp(buf, "lo", 2));
    check("empty", fails(recv(s[1], buf, 1, MSG_DONTWAIT), EAGAIN));
    check("half", shutdown(s[0], SHUT_WR) == 0 && read(s[1], buf, 1) == 0 && write(s[1], "x", 1) == 1);
    check("half ready", ready(s[1], POLLIN | POLLRDHUP) == (POLLIN | POLLRDHUP));
    check("pipe", fails(send(s[0], "y", 1, MSG_NOSIGNAL), EPIPE));
    close(s[0]);
    check("hang-up", ready(s[1], POLLIN) == (POLLIN | POLLHUP | POLLERR));
    check("reset", fails(read(s[1], buf, 4), ECONNRESET) && read(s[1], buf, 4) == 0);
    close(s[1]);
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s);
    check("packets", send(s[0], "one", 3, 0) == 3 && send(s[0], "three", 5, 0) == 5);
    check("whole", recv(s[1], buf, 9, 0) == 3 && recv(s[1], buf, 2, MSG_TRUNC) == 5);
    close(s[0]);
    check("end", recv(s[1], buf, 9, 0) == 0);
    close(s[1]);
    check("no type", fails(socketpair(AF_UNIX, SOCK_RDM, 0, s), ESOCKTNOSUPPORT));
    check("inet pair", fails(socketpair(AF_INET, SOCK_STREAM, 0, s), EOPNOTSUPP));
}

static struct sockaddr_un un(const char *path, socklen_t *size)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = path[0] ? strlen(path) : 1 + strlen(path + 1);
    memcpy(a.sun_path, path, n);
    *size = offsetof(struct sockaddr_un, sun_path) + n + (path[0] ? 1 : 0);
    return a;
}

static void paths(void)
{
    socklen_t size, got = sizeof(struct sockaddr_un);
    struct sockaddr_un a = un("corpus.sock", &size), who;
    struct stat st;
    int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), s;
    unlink(a.sun_path);
    check("flags", fcntl(l, F_GETFD) == FD_CLOEXEC && (fcntl(c, F_GETFL) & O_NONBLOCK));
    check("nobody", fails(connect(c, (void *)&a, size), ENOENT));
    check("bind", bind(l, (void *)&a, size) == 0 && stat(a.sun_path, &st) == 0 && S_ISSOCK(st.st_mode));
    check("taken", fails(bind(c, (void *)&a, size), EADDRINUSE));
    check("not listening", fails(connect(c, (void *)&a, size), ECONNREFUSED));
    check("not open", fails(open(a.sun_path, O_RDWR), ENXIO));
    check("listen", listen(l, 1) == 0 && option(l, SOL_SOCKET, SO_ACCEPTCONN) == 1);
    check("connect", connect(c, (void *)&a, size) == 0 && fails(connect(c, (void *)&a, size), EISCONN));
    check("send first", write(c, "early", 5) == 5);
    s = accept4(l, (void *)&who, &got, SOCK_NONBLOCK);
    check("accept", s >= 0 && got == 2 && who.sun_family == AF_UNIX && (fcntl(s, F_GETFL) & O_NONBLOCK));
    check("early", read(s, buf, 9) == 5);
    got = sizeof who;
    check("peer without a name", getpeername(s, (void *)&who, &got) == 0 && got == 2);
    got = sizeof who;
    check("peer", getpeername(c, (void *)&who, &got) == 0 && got == size && !strcmp(who.sun_path, a.sun_path));
    struct ucred cred = {0};
    got = sizeof cred;
    check("creds", !getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &got) && cred.pid == getpid() && cred.uid == getuid());
    close(c);
    check("closed", read(s, buf, 1) == 0);
    close(s);
    close(l);
    c = socket(AF_UNIX, SOCK_STREAM, 0);
    check("refused", fails(connect(c, (void *)&a, size), ECONNREFUSED));
    close(c);
    unlink(a.sun_path);
    a = un("\0corpus-abstract", &size);
    l = socket(AF_UNIX, SOCK_DGRAM, 0);
    check("abstract", bind(l, (void *)&a, size) == 0);
    c = socket(AF_UNIX, SOCK_STREAM, 0);
    check("other type", fails(connect(c, (void *)&a, size), ECONNREFUSED));
    close(c);
    c = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    check("autobind", bind(c, (void *)&any, 2) == 0);
    check("to", sendto(c, "dgram", 5, 0, (void *)&a, size) == 5);
    got = sizeof who;
    check("from", recvfrom(l, buf, 3, MSG_TRUNC, (void *)&who, &got) == 5 && got == 8 && !who.sun_path[0]);
    check("no peer", fails(send(c, "x", 1, 0), ENOTCONN));
    check("connect dgram", connect(c, (void *)&a, size) == 0 && send(c, "x", 1, 0) == 1 && recv(l, buf, 9, 0) == 1);
    close(l);
    check("gone", fails(send(c, "x", 1, 0), ECONNREFUSED));
    close(c);
}

static int sends(int s, int fd, const char *text)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec v = {(void *)text, strlen(text)};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &fd, sizeof fd);
    return sendmsg(s, &m, 0);
}

static int takes(int s, int *fd, size_t room, int *flags)
{
    char control[256] = {0};
    struct iovec v = {buf, sizeof buf};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    int n = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    *fd = -1;
    *flags = m.msg_flags;
    if (h && h->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(h), sizeof *fd);
    return n;
}

static void rights(void)
{
    int s[2], p[2], fd, flags, on = 1;
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    if (pipe(p))
        abort();
    check("send plain", write(s[0], "a", 1) == 1);
    check("send fd", sends(s[0], p[1], "bc") == 2);
    check("send more", write(s[0], "d", 1) == 1);
    close(p[1]);
    check("no eof", ready(p[0], POLLIN) == 0);
    check("boundary", takes(s[1], &fd, 256, &flags) == 3 && fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    check("same pipe", write(fd, "through", 7) == 7 && read(p[0], buf, 9) == 7);
    check("rest", takes(s[1], &on, 256, &flags) == 1 && buf[0] == 'd');
    sends(s[0], fd, "e");
    close(fd);
    check("cut", takes(s[1], &fd, 0, &flags) == 1 && fd == -1 && flags & MSG_CTRUNC);
    check("last writer", ready(p[0], POLLIN) == POLLHUP);
    check("bad fd", fails(sends(s[0], 999, "f"), EBADF));
    on = 1;
    check("passcred", setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 && write(s[0], "g", 1) == 1);
    char control[64];
    struct iovec v = {buf, 9};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    check("creds message", recvmsg(s[1], &m, 0) == 1 && CMSG_FIRSTHDR(&m) &&
          CMSG_FIRSTHDR(&m)->cmsg_type == SCM_CREDENTIALS &&
          ((struct ucred *)CMSG_DATA(CMSG_FIRSTHDR(&m)))->pid == getpid());
    sends(s[0], s[1], "cycle");
    close(s[0]);
    close(s[1]);
    close(p[0]);
}

static struct sockaddr_in in(const char *host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &a.sin_addr);
    return a;
}

static int port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    return getsockname(fd, (void *)&a, &n) ? -1 : ntohs(a.sin_port);
}

static int sock_outq(int fd)
{
    int count = -1;
    return ioctl(fd, TIOCOUTQ, &count) ? -1 : count;
}

static void tcp(void)
{
    struct sockaddr_in a = in("127.0.0.1", 0), who;
    socklen_t n = sizeof who;
    int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s, one = 1, d, e;
    check("new", ready(l, POLLIN | POLLOUT) == (POLLOUT | POLLHUP) && fails(recv(l, buf, 1, 0), ENOTCONN));
    check("options", setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
          option(l, SOL_SOCKET, SO_REUSEADDR) == 1 && option(l, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
          option(l, SOL_SOCKET, SO_DOMAIN) == AF_INET && option(l, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP);
    check("tcp options", setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
          option(c, IPPROTO_TCP, TCP_NODELAY) == 1 && option(c, SOL_SOCKET, 999) == -ENOPROTOOPT);
    check("bind", bind(l, (void *)&a, sizeof a) == 0 && port_of(l) > 1023 && listen(l, 8) == 0);
    a.sin_port = htons(port_of(l));
    d = socket(AF_INET, SOCK_STREAM, 0);
    check("in use", fails(bind(d, (void *)&a, sizeof a), EADDRINUSE));
    check("short", fails(bind(d, (void *)&a, 8), EINVAL));
    close(d);
    check("connect", connect(c, (void *)&a, sizeof a) == 0 && fails(connect(c, (void *)&a, sizeof a), EISCONN));
    check("listening", ready(l, POLLIN) == POLLIN);
    s = accept(l, (void *)&who, &n);
    check("accept", s >= 0 && n == sizeof who && ntohs(who.sin_port) == port_of(c) &&
          who.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    check("there and back", write(c, "ping", 4) == 4 && read(s, buf, 9) == 4 && write(s, "pong", 4) == 4 &&
          read(c, buf, 9) == 4 && !memcmp(buf, "pong", 4));
    check("wait for all", write(c, "ab", 2) == 2 && write(c, "cd", 2) == 2 && recv(s, buf, 4, MSG_WAITALL) == 4);
    check("outgoing", sock_outq(l) == -1 && sock_outq(s) == 0);
    check("urgent", send(c, "no!", 3, MSG_OOB) == 3 && ready(s, POLLIN | POLLPRI) == (POLLIN | POLLPRI) &&
          !sockatmark(s) && read(s, buf, 9) == 2 && sockatmark(s) && recv(s, buf, 9, MSG_OOB) == 1 && *buf == '!');
    check("after urgent", write(c, "yes", 3) == 3 && read(s, buf, 9) == 3 && buf[0] == 'y' && !sockatmark(s));
    shutdown(c, SHUT_WR);
    check("fin", read(s, buf, 1) == 0 && ready(s, POLLIN | POLLOUT | POLLRDHUP) == (POLLIN | POLLOUT | POLLRDHUP));
    check("other way", write(s, "still", 5) == 5 && read(c, buf, 9) == 5);
    close(s);
    check("both", read(c, buf, 1) == 0 && ready(c, POLLIN | POLLOUT | POLLRDHUP) ==
          (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
    close(c);
    c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check("in progress", fails(connect(c, (void *)&a, sizeof a), EINPROGRESS));
    struct pollfd p = {c, POLLOUT, 0};
    check("done", poll(&p, 1, 5000) == 1 && p.revents == POLLOUT && option(c, SOL_SOCKET, SO_ERROR) == 0);
    s = accept(l, 0, 0);
    close(l);
    close(c);
    close(s);
    c = socket(AF_INET, SOCK_STREAM, 0);
    check("refused", fails(connect(c, (void *)&a, sizeof a), ECONNREFUSED));
    close(c);
    c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    e = connect(c, (void *)&a, sizeof a);
    p.fd = c;
    check("refused later", fails(e, EINPROGRESS) && poll(&p, 1, 5000) == 1 && p.revents & POLLERR &&
          option(c, SOL_SOCKET, SO_ERROR) == ECONNREFUSED && option(c, SOL_SOCKET, SO_ERROR) == 0);
    close(c);
}

static void six(void)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6}, who;
    struct sockaddr_in b = in("127.0.0.1", 0);
    socklen_t n = sizeof a;
    int l = socket(AF_INET6, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s = -1;
    if (l < 0)
        return;
    check("any", bind(l, (void *)&a, sizeof a) == 0 && listen(l, 1) == 0 && getsockname(l, (void *)&a, &n) == 0);
    b.sin_port = a.sin6_port;
    n = sizeof who;
    check("four to six", connect(c, (void *)&b, sizeof b) == 0 && (s = accept(l, (void *)&who, &n)) >= 0);
    check("mapped", who.sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&who.sin6_addr));
    close(s);
    close(c);
    close(l);
}

static void udp(void)
{
    struct sockaddr_in a = in("127.0.0.1", 0), who;
    socklen_t n = sizeof who;
    int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
    bind(s, (void *)&a, sizeof a);
    a.sin_port = htons(port_of(s));
    check("no destination", fails(send(c, "x", 1, 0), EDESTADDRREQ) && port_of(c) > 1023);
    check("to", sendto(c, "datagram", 8, 0, (void *)&a, sizeof a) == 8 && port_of(c) > 1023);
    check("from", recvfrom(s, buf, 4, MSG_TRUNC, (void *)&who, &n) == 8 && ntohs(who.sin_port) == port_of(c));
    check("empty one", sendto(s, "", 0, 0, (void *)&who, n) == 0 && recv(c, buf, 9, 0) == 0);
    check("too long", fails(sendto(c, buf, 65508, 0, (void *)&a, sizeof a), EMSGSIZE));
    check("connect", connect(c, (void *)&a, sizeof a) == 0 && send(c, "y", 1, 0) == 1 && recv(s, buf, 9, 0) == 1);
    close(s);
    check("unreachable", send(c, "z", 1, 0) == 1 && fails(recv(c, buf, 9, 0), ECONNREFUSED));
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    check("disconnect", connect(c, &none, sizeof none) == 0 && fails(send(c, "x", 1, 0), EDESTADDRREQ));
    close(c);
}

static void several(void)
{
    int s[2];
    struct iovec out[3] = {{"one", 3}, {"three", 5}, {"4444", 4}}, in[4];
    struct mmsghdr m[4] = {0}, r[4] = {0};
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    for (int i = 0; i < 4; i++) {
        m[i].msg_hdr.msg_iov = &out[i % 3];
        in[i] = (struct iovec){buf + 100 * i, 100};
        r[i].msg_hdr.msg_iov = &in[i];
        m[i].msg_hdr.msg_iovlen = r[i].msg_hdr.msg_iovlen = 1;
    }
    check("send three", sendmmsg(s[0], m, 3, 0) == 3 && m[1].msg_len == 5);
    check("receive three", recvmmsg(s[1], r, 4, MSG_DONTWAIT, 0) == 3 && r[1].msg_len == 5 &&
          !memcmp(buf + 200, "4444", 4));
    close(s[0]);
    close(s[1]);
}

static void edges(void)
{
    int s[2], group = epoll_create1(0), sent = 0, n;
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET}, found[4];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
    epoll_ctl(group, EPOLL_CTL_ADD, s[0], &e);
    check("first", epoll_wait(group, found, 4, 0) == 1 && found[0].events == EPOLLOUT);
    check("quiet", epoll_wait(group, found, 4, 0) == 0);
    check("edge", write(s[1], "a", 1) == 1 && epoll_wait(group, found, 4, 0) == 1 &&
          found[0].events == (EPOLLIN | EPOLLOUT) && epoll_wait(group, found, 4, 0) == 0);
    while ((n = write(s[0], buf, sizeof buf)) > 0)
        sent += n;
    check("full", errno == EAGAIN && sent > 65536 && ready(s[0], POLLOUT) == 0);
    while (sent > 0 && (n = read(s[1], buf, sizeof buf)) > 0)
        sent -= n;
    check("drained", sent == 0 && epoll_wait(group, found, 4, 0) == 1 && found[0].events & EPOLLOUT);
    int outer = epoll_create1(0);
    struct epoll_event in = {.events = EPOLLIN, .data.u32 = 7};
    check("set in a set", epoll_ctl(outer, EPOLL_CTL_ADD, group, &in) == 0 && epoll_wait(outer, found, 4, 0) == 0);
    check("not in itself", fails(epoll_ctl(group, EPOLL_CTL_ADD, outer, &in), ELOOP));
    check("through both", write(s[1], "b", 1) == 1 && ready(group, POLLIN) == POLLIN &&
          epoll_wait(outer, found, 4, 0) == 1 && found[0].data.u32 == 7 && epoll_wait(group, found, 4, 0) == 1);
    close(outer);
    close(s[1]);
    check("hang-up", epoll_wait(group, found, 4, 0) == 1 && found[0].events & EPOLLRDHUP && found[0].events & EPOLLHUP);
    close(s[0]);
    close(group);
}

static int piped;

static void on_pipe(int signal)
{
    piped = signal;
}

static void processes(void)
{
    int s[2], status;
    struct timeval soon = {0, 20000};
    signal(SIGPIPE, on_pipe);
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    pid_t child = fork();
    if (!child) {
        close(s[0]);
        size_t all = 0;
        ssize_t n;
        while ((n = read(s[1], buf, sizeof buf)) > 0)
            all += n;
        _exit(all == 4 << 20 ? 7 : 1);
    }
    close(s[1]);
    char *big = calloc(1, 4 << 20);
    check("big write", write(s[0], big, 4 << 20) == 4 << 20);
    close(s[0]);
    check("big read", waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    check("timeout", !setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) && fails(read(s[0], buf, 1), EAGAIN));
    close(s[1]);
    check("signal", fails(write(s[0], "x", 1), EPIPE) && piped == SIGPIPE);
    close(s[0]);
}

static void interfaces(void)
{
    struct ifreq r = {0};
    struct ifconf all = {0};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    strcpy(r.ifr_name, "lo");
    check("interface", ioctl(s, SIOCGIFINDEX, &r) == 0 && r.ifr_ifindex == 1 && ioctl(s, SIOCGIFFLAGS, &r) == 0 &&
          (r.ifr_flags & (IFF_UP | IFF_LOOPBACK)) == (IFF_UP | IFF_LOOPBACK));
    check("list", ioctl(s, SIOCGIFCONF, &all) == 0 && all.ifc_len >= 40 && all.ifc_len % 40 == 0);
    strcpy(r.ifr_name, "nope");
    check("no interface", fails(ioctl(s, SIOCGIFMTU, &r), ENODEV));
    close(s);
}

static void refusals(void)
{
    int f = open("/dev/null", O_RDWR), s = socket(AF_UNIX, SOCK_STREAM, 0);
    check("not a socket", fails(listen(f, 1), ENOTSOCK) && fails(recv(f, buf, 1, 0), ENOTSOCK) &&
          fails(option(f, SOL_SOCKET, SO_TYPE) < 0 ? -1 : 0, ENOTSOCK));
    check("no descriptor", fails(accept(99, 0, 0), EBADF));
    check("families", fails(socket(77, SOCK_STREAM, 0), EAFNOSUPPORT) && fails(socket(AF_UNIX, 77, 0), EINVAL) &&
          fails(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT));
    check("unconnected", fails(send(s, "x", 1, MSG_NOSIGNAL), ENOTCONN) && fails(recv(s, buf, 1, 0), EINVAL) &&
          fails(accept(s, 0, 0), EINVAL) && shutdown(s, SHUT_RD) == 0);
    struct sockaddr_in a = in("127.0.0.1", 1);
    check("foreign name", fails(connect(s, (void *)&a, sizeof a), EINVAL));
    check("seek", fails(lseek(s, 0, SEEK_SET), ESPIPE));
    close(f);
    close(s);
}

static int group_of_two;

static void *wait_for_one(void *found)
{
    return (void *)(long)epoll_wait(group_of_two, found, 1, -1);
}

static void added(void)
{
    int s[2];
    void *count = 0;
    pthread_t waiter;
    struct epoll_event e = {.events = EPOLLOUT | EPOLLET, .data.u32 = 7}, found = {0};
    group_of_two = epoll_create1(0);
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    pthread_create(&waiter, 0, wait_for_one, &found);
    usleep(20000);
    epoll_ctl(group_of_two, EPOLL_CTL_ADD, s[0], &e);
    pthread_join(waiter, &count);
    check("added while somebody waits", (long)count == 1 && found.data.u32 == 7 && found.events == EPOLLOUT);
    close(s[0]), close(s[1]), close(group_of_two);
}

int main(void)
{
    pairs();
    paths();
    rights();
    tcp();
    six();
    udp();
    several();
    edges();
    added();
    processes();
    interfaces();
    refusals();
    return failed ? 1 : 42;
}
