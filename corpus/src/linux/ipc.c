/* Shared segments, semaphores and messages: what processes name by keys. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>

union arg {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static int refused(long result, int error)
{
    return result == -1 && errno == error;
}

static int ended(pid_t pid)
{
    int status = -1;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void segments(void)
{
    key_t key = 0x5eed0000 | (getpid() & 0xffff);
    struct shmid_ds facts;
    int id = shmget(key, 10000, IPC_CREAT | IPC_EXCL | 0600);
    check("made", id >= 0 && shmget(key, 0, 0) == id && shmget(key, 10000, IPC_CREAT) == id);
    check("already there", refused(shmget(key, 10000, IPC_CREAT | IPC_EXCL), EEXIST));
    check("too large", refused(shmget(key, 20000, 0), EINVAL));
    check("no such key", refused(shmget(key ^ 0x100, 10, 0), ENOENT));
    check("nothing", refused(shmget(IPC_PRIVATE, 0, 0600), EINVAL));
    char *a = shmat(id, 0, 0), *b = shmat(id, 0, SHM_RDONLY);
    check("attached", a != (char *)-1 && b != a && !a[9999]);
    a[5000] = 'x';
    check("one memory", b[5000] == 'x');
    check("read only", refused(mprotect(b, 4096, PROT_READ | PROT_WRITE), EACCES));
    check("facts", !shmctl(id, IPC_STAT, &facts) && facts.shm_nattch == 2 && facts.shm_segsz == 10000 && facts.shm_cpid == getpid() && (facts.shm_perm.mode & 0777) == 0600);
    pid_t pid = fork();
    if (!pid) {
        shmctl(id, IPC_STAT, &facts);
        a[0] = facts.shm_nattch;
        _exit(0);
    }
    check("inherited", ended(pid) == 0 && a[0] == 4);
    check("elsewhere", shmat(id, a + 1, 0) == (void *)-1 && errno == EINVAL);
    check("taken", shmat(id, a, 0) == (void *)-1 && errno == EINVAL);
    check("over it", shmat(id, b, SHM_REMAP) == b && (b[1] = 3) && a[1] == 3);
    facts.shm_perm.mode = 0640;
    check("changed", !shmctl(id, IPC_SET, &facts) && !shmctl(id, IPC_STAT, &facts) && (facts.shm_perm.mode & 0777) == 0640);
    check("doomed", !shmctl(id, IPC_RMID, 0) && !shmctl(id, IPC_STAT, &facts) && facts.shm_perm.mode & 01000);
    check("key is free", refused(shmget(key, 10, 0), ENOENT));
    check("detached", !shmdt(a) && refused(shmdt(a), EINVAL) && b[1] == 3 && !shmdt(b));
    check("gone", refused(shmctl(id, IPC_STAT, &facts), EINVAL) || errno == EIDRM);
}

static void semaphores(void)
{
    int id = semget(IPC_PRIVATE, 3, 0600), value;
    struct semid_ds facts;
    unsigned short all[3] = {1, 2, 3}, got[3];
    struct sembuf down = {0, -1, 0}, both[2] = {{0, -1, 0}, {1, -3, IPC_NOWAIT}}, zero = {0, 0, 0}, up = {1, 5, SEM_UNDO};
    check("set made", id >= 0 && refused(semget(IPC_PRIVATE, 0, 0600), EINVAL));
    check("values", !semctl(id, 0, SETALL, (union arg){.array = all}) && !semctl(id, 0, GETALL, (union arg){.array = got}) && !memcmp(all, got, sizeof got));
    check("one value", !semctl(id, 2, SETVAL, (union arg){.val = 9}) && semctl(id, 2, GETVAL) == 9 && semctl(id, 2, GETPID) == getpid());
    check("all or nothing", refused(semop(id, both, 2), EAGAIN) && semctl(id, 0, GETVAL) == 1);
    check("down", !semop(id, &down, 1) && semctl(id, 0, GETVAL) == 0 && !semop(id, &zero, 1));
    struct timespec soon = {0, 10000000};
    check("in time", refused(semtimedop(id, &down, 1, &soon), EAGAIN));
    pid_t pid = fork();
    if (!pid) {
        if (semop(id, &up, 1) || semctl(id, 1, GETVAL) != 7)
            _exit(1);
        down.sem_num = 2, down.sem_op = -10;
        _exit(semop(id, &down, 1) ? 2 : 3);
    }
    while ((value = semctl(id, 2, GETNCNT)) == 0)
        usleep(100);
    check("waited for", value == 1 && semctl(id, 2, GETZCNT) == 0 && semctl(id, 1, GETVAL) == 7);
    semctl(id, 2, SETVAL, (union arg){.val = 10});
    check("woken", ended(pid) == 3 && semctl(id, 2, GETVAL) == 0);
    check("undone", semctl(id, 1, GETVAL) == 2);
    pid = fork();
    if (!pid)
        _exit(semop(id, &down, 1) && errno == EIDRM ? 4 : 5);
    while (!semctl(id, 0, GETNCNT))
        usleep(100);
    check("set facts", !semctl(id, 0, IPC_STAT, (union arg){.buf = &facts}) && facts.sem_nsems == 3 && facts.sem_otime);
    check("range", refused(semctl(id, 0, SETVAL, (union arg){.val = 40000}), ERANGE) && refused(semctl(id, 7, GETVAL), EINVAL));
    check("removed", !semctl(id, 0, IPC_RMID) && ended(pid) == 4);
}

static void queues(void)
{
    struct {
        long kind;
        char text[100];
    } out = {5, "five"}, in;
    struct msqid_ds facts;
    int id = msgget(IPC_PRIVATE, 0600);
    check("sent", id >= 0 && !msgsnd(id, &out, 5, 0));
    out.kind = 2;
    strcpy(out.text, "two");
    msgsnd(id, &out, 4, 0);
    out.kind = 7;
    strcpy(out.text, "a long message");
    msgsnd(id, &out, 20, 0);
    check("queue facts", !msgctl(id, IPC_STAT, &facts) && facts.msg_qnum == 3 && facts.msg_lspid == getpid());
    check("by kind", msgrcv(id, &in, 100, 2, 0) == 4 && in.kind == 2 && !strcmp(in.text, "two"));
    check("too long", refused(msgrcv(id, &in, 10, 7, 0), E2BIG));
    check("cut", msgrcv(id, &in, 6, 7, MSG_NOERROR) == 6 && !memcmp(in.text, "a long", 6));
    check("lowest", msgrcv(id, &in, 100, -9, 0) == 5 && in.kind == 5);
    check("empty", refused(msgrcv(id, &in, 100, 0, IPC_NOWAIT), ENOMSG));
    check("no kind", (out.kind = 0, refused(msgsnd(id, &out, 1, 0), EINVAL)) && refused(msgsnd(id, &in, 1 << 20, 0), EINVAL));
    pid_t pid = fork();
    if (!pid) {
        int got = msgrcv(id, &in, 100, 3, 0);
        out.kind = 4;
        msgsnd(id, &out, got, 0);
        _exit(msgrcv(id, &in, 100, 99, 0) == -1 && errno == EIDRM ? 6 : 7);
    }
    usleep(2000);
    out.kind = 3;
    msgsnd(id, &out, 11, 0);
    check("answered", msgrcv(id, &in, 100, 4, 0) == 11);
    out.kind = 1;
    while (!msgsnd(id, &out, 100, IPC_NOWAIT))
        ;
    check("full", errno == EAGAIN && !msgctl(id, IPC_STAT, &facts) && facts.msg_qbytes - facts.__msg_cbytes < 100);
    usleep(2000);
    check("queue removed", !msgctl(id, IPC_RMID, 0) && ended(pid) == 6);
}

static volatile int told;

static void on_message(int n, siginfo_t *info, void *context)
{
    (void)n;
    (void)context;
    told = info->si_value.sival_int;
}

static void posix(void)
{
    char name[32], text[200];
    unsigned priority;
    struct mq_attr shape = {.mq_maxmsg = 2, .mq_msgsize = 50}, got;
    snprintf(name, sizeof name, "/corpus-%d", getpid());
    mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &shape);
    check("queue", q >= 0 && !mq_getattr(q, &got) && got.mq_maxmsg == 2 && got.mq_msgsize == 50 && !got.mq_curmsgs);
    check("there already", refused(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &shape), EEXIST));
    check("not there", refused(mq_open("/corpus-none", O_RDWR), ENOENT));
    struct sigaction action = {.sa_sigaction = on_message, .sa_flags = SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
    sigaction(SIGUSR1, &action, 0);
    check("asked", !mq_notify(q, &event) && refused(mq_notify(q, &event), EBUSY));
    check("put", !mq_send(q, "low", 3, 1) && told == 77 && !mq_send(q, "high", 4, 9));
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    check("no room", refused(mq_timedsend(q, "x", 1, 0, &now), ETIMEDOUT));
    check("too big", refused(mq_send(q, text, 51, 0), EMSGSIZE) && refused(mq_receive(q, text, 49, 0), EMSGSIZE));
    struct pollfd ready = {q, POLLIN | POLLOUT, 0};
    check("ready", poll(&ready, 1, 0) == 1 && ready.revents == POLLIN);
    check("highest first", mq_receive(q, text, sizeof text, &priority) == 4 && priority == 9 && !memcmp(text, "high", 4));
    check("then the other", mq_receive(q, text, sizeof text, &priority) == 3 && priority == 1);
    shape.mq_flags = O_NONBLOCK;
    check("not waiting", !mq_setattr(q, &shape, &got) && !got.mq_flags && refused(mq_receive(q, text, sizeof text, 0), EAGAIN));
    shape.mq_flags = 0;
    mq_setattr(q, &shape, 0);
    pid_t pid = fork();
    if (!pid) {
        usleep(2000);
        _exit(mq_send(q, "child", 5, 3) ? 1 : 8);
    }
    check("from a child", mq_receive(q, text, sizeof text, 0) == 5 && ended(pid) == 8);
    struct mq_attr large = {.mq_maxmsg = 10, .mq_msgsize = 8192};
    mqd_t many[64];
    int count = 0;
    for (; count < 64; count++) {
        snprintf(text, sizeof text, "/corpus-%d-%d", getpid(), count);
        if ((many[count] = mq_open(text, O_RDWR | O_CREAT, 0600, &large)) < 0)
            break;
        mq_unlink(text);
    }
    check("as many as may be", count < 64 && errno == EMFILE);
    while (count--)
        mq_close(many[count]);
    check("unlinked", !mq_unlink(name) && refused(mq_unlink(name), ENOENT) && !mq_send(q, "still", 5, 0) && !mq_close(q));
}

int main(void)
{
    segments();
    semaphores();
    queues();
    posix();
    return failed ? 1 : 42;
}
