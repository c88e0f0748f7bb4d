/* redis_line: a socket of our own making, handed to hiredis, which writes and parses. The socket never blocks; whoever waits polls with
 * a deadline and goes on after a signal. (hiredis 0.14 ends a connect with the first signal that comes, so it is not asked to connect.)
 * What an error reply means for the caller is the table `codes`. */
#include "common/db/redis_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
    const char *code;
    enum err_kind kind;
    bool lost;
} codes[] = {
    {"READONLY", ERR_UNREACHABLE, true},    {"LOADING", ERR_UNREACHABLE, true}, {"MASTERDOWN", ERR_UNREACHABLE, true},
    {"CLUSTERDOWN", ERR_UNREACHABLE, true}, {"UNBLOCKED", ERR_UNREACHABLE, true}, {"OOM", ERR_TRANSIENT, false},
    {"MISCONF", ERR_TRANSIENT, false},      {"BUSY", ERR_TRANSIENT, false},     {"TRYAGAIN", ERR_TRANSIENT, false},
    {"NOREPLICAS", ERR_TRANSIENT, false},   {"NOAUTH", ERR_USAGE, false},       {"WRONGPASS", ERR_USAGE, false},
    {"NOPERM", ERR_REFUSED, false},         {"WRONGTYPE", ERR_DATA, false},     {"FENCED", ERR_FENCED, false},
    {"REFUSED", ERR_REFUSED, false},
};

bool redis_error(const redisReply *reply, char code[static REDIS_CODE_SIZE], bool *lost, struct err *e)
{
    snprintf(code, REDIS_CODE_SIZE, "%.*s", (int)strcspn(reply->str, " "), reply->str);
    *lost = false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(code, codes[i].code) == 0) {
            *lost = codes[i].lost;
            return err_set(e, codes[i].kind, "Redis: %s", reply->str);
        }
    return err_set(e, ERR_FAILED, "Redis: %s", reply->str);
}

/* Poll until `events` or the deadline; false in *ready at the deadline. */
static bool wait_socket(int fd, short events, usec_t deadline, bool *ready, struct err *e)
{
    for (;;) {
        usec_t left = deadline - clock_boot();
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int count = poll(&poll_fd, 1, left > 0 ? (int)((left + 999) / 1000) : 0);
        *ready = count > 0;
        if (count > 0 || (count == 0 && left <= 0))
            return true;
        if (count < 0 && errno != EINTR)
            return err_errno(e, ERR_FAILED, errno, "poll");
    }
}

static bool wait_or_fail(int fd, short events, usec_t deadline, struct err *e)
{
    bool ready;
    return wait_socket(fd, events, deadline, &ready, e) && (ready || err_set(e, ERR_UNREACHABLE, "Redis: no answer in time"));
}

/* connect(2) that is interrupted goes on by itself, as one that does not block. */
static bool connect_socket(int fd, const struct sockaddr *address, socklen_t length, usec_t deadline, struct err *e)
{
    int failed = 0;
    socklen_t size = sizeof failed;
    if (connect(fd, address, length) == 0)
        return true;
    if (errno != EINPROGRESS && errno != EINTR)
        return err_errno(e, ERR_UNREACHABLE, errno, "connecting to Redis");
    if (!wait_or_fail(fd, POLLOUT, deadline, e))
        return false;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
    return !failed || err_errno(e, ERR_UNREACHABLE, failed, "connecting to Redis");
}

static redisContext *adopt(int fd, struct err *e)
{
    redisContext *line = redisConnectFd(fd);
    if (line) {
        line->flags &= ~REDIS_BLOCK;
        return line;
    }
    close(fd);
    err_set(e, ERR_FAILED, "Redis: no memory for a connection");
    return NULL;
}

redisContext *redis_line_unix(const char *path, usec_t deadline, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        err_set(e, ERR_USAGE, "the path of Redis' socket is longer than %zu bytes", sizeof address.sun_path - 1);
        return NULL;
    }
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect_socket(fd, (const struct sockaddr *)&address, sizeof address, deadline, e))
        return adopt(fd, e);
    if (fd < 0)
        err_errno(e, ERR_FAILED, errno, "socket");
    else
        close(fd);
    return NULL;
}

/* A peer that is gone without a word is noticed while we wait for it, and while it owes us an acknowledgement. */
static void set_tcp(int fd, usec_t patience)
{
    int on = 1, idle = 15, every = 5, count = 3, most = (int)(patience / 1000);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &most, sizeof most);
}

redisContext *redis_line_tcp(const struct redis_host *host, usec_t deadline, struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char port[16];
    int fd = -1;
    snprintf(port, sizeof port, "%d", host->port);
    int failed = getaddrinfo(host->name, port, &hints, &found);
    if (failed) {
        err_set(e, ERR_UNREACHABLE, "the host of Redis, %s: %s", host->name, gai_strerror(failed));
        return NULL;
    }
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && !connect_socket(fd, a->ai_addr, a->ai_addrlen, deadline, e)) {
            close(fd);
            fd = -1;
        } else if (fd < 0) {
            err_errno(e, ERR_FAILED, errno, "socket");
        }
    }
    freeaddrinfo(found);
    if (fd < 0) {
        err_add(e, "%s:%d", host->name, host->port);
        return NULL;
    }
    set_tcp(fd, SECONDS(30));
    return adopt(fd, e);
}

static void words_reserve(struct words *w, size_t count)
{
    if (count <= w->room)
        return;
    w->room = count * 2;
    w->words = mem_grow((void *)w->words, w->room * sizeof *w->words);
    w->lengths = mem_grow(w->lengths, w->room * sizeof *w->lengths);
    w->digits = mem_grow(w->digits, w->room * sizeof *w->digits);
}

bool redis_line_append(redisContext *line, const struct rd_arg *args, size_t before, const char *const *first, struct words *w, struct err *e)
{
    size_t count = before;
    while (args[count - before].type != RD_END)
        count++;
    if (count > REDIS_CALL_ARGS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d words in a command for Redis", REDIS_CALL_ARGS_MAX);
    words_reserve(w, count);
    for (size_t i = 0; i < before; i++) {
        w->words[i] = first[i];
        w->lengths[i] = strlen(first[i]);
    }
    for (size_t i = before; i < count; i++) {
        const struct rd_arg *arg = &args[i - before];
        bool number = arg->type == RD_NUMBER;
        w->words[i] = number ? w->digits[i] : arg->bytes;
        w->lengths[i] = number ? (size_t)snprintf(w->digits[i], sizeof w->digits[i], "%" PRId64, arg->number) : arg->length;
    }
    return redisAppendCommandArgv(line, (int)count, w->words, w->lengths) == REDIS_OK || err_set(e, ERR_FAILED, "Redis: %s", line->errstr);
}

static bool lost(const redisContext *line, struct err *e)
{
    return err_set(e, ERR_UNREACHABLE, "Redis: %s", line->errstr[0] ? line->errstr : "connection lost");
}

bool redis_line_flush(redisContext *line, usec_t deadline, struct err *e)
{
    int done = 0;
    for (;;) {
        if (redisBufferWrite(line, &done) != REDIS_OK)
            return lost(line, e);
        if (done)
            return true;
        if (!wait_or_fail(line->fd, POLLOUT, deadline, e))
            return false;
    }
}

bool redis_line_look(redisContext *line, usec_t deadline, redisReply **reply, struct err *e)
{
    for (;;) {
        void *got = NULL;
        bool ready;
        *reply = NULL;
        if (redisGetReplyFromReader(line, &got) != REDIS_OK)
            return lost(line, e);
        *reply = got;
        if (got)
            return true;
        if (line->reader->len > REDIS_REPLY_MAX)
            return err_set(e, ERR_UNREACHABLE, "Redis: a reply of more than %d bytes", REDIS_REPLY_MAX);
        if (!wait_socket(line->fd, POLLIN, deadline, &ready, e))
            return false;
        if (!ready)
            return true;
        if (redisBufferRead(line) != REDIS_OK)
            return lost(line, e);
    }
}

bool redis_line_reply(redisContext *line, usec_t deadline, redisReply **reply, struct err *e)
{
    return redis_line_look(line, deadline, reply, e) && (*reply || err_set(e, ERR_UNREACHABLE, "Redis: no answer in time"));
}

bool redis_line_call(redisContext *line, const struct rd_arg *args, usec_t deadline, redisReply **reply, struct err *e)
{
    struct words scratch = {0};
    char code[REDIS_CODE_SIZE];
    bool gone;
    bool sent = redis_line_append(line, args, 0, NULL, &scratch, e) && redis_line_flush(line, deadline, e);
    free((void *)scratch.words);
    free(scratch.lengths);
    free(scratch.digits);
    if (!sent || !redis_line_reply(line, deadline, reply, e) || !*reply)
        return false;
    if ((*reply)->type != REDIS_REPLY_ERROR)
        return true;
    redis_error(*reply, code, &gone, e);
    freeReplyObject(*reply);
    return false;
}
