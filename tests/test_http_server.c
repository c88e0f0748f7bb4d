/* test_http_server: accept, read the request, write the row's bytes; what was asked is told through shared memory. */
#include "tests/test_http_server.h"

#include "common/base/region.h"
#include "common/base/text.h"
#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REQUESTS_MAX = 64, HEAD_MAX = 8192 };

static struct shared {
    volatile int count;
    char heads[REQUESTS_MAX][HEAD_MAX];
} * shared;

static pid_t running;

static void sleep_for(usec_t wait)
{
    nanosleep(&(struct timespec){.tv_sec = wait / SECONDS(1), .tv_nsec = wait % SECONDS(1) * 1000}, NULL);
}

/* The body as long as its head says; what has no room is read and forgotten, so that the client is not cut off while it writes. */
static void read_body(int fd, char *out, size_t used)
{
    const char *body = strstr(out, "\r\n\r\n"), *length = strcasestr(out, "\r\nContent-Length:");
    size_t wanted = body && length ? strtoull(length + strlen("\r\nContent-Length:"), NULL, 10) + (size_t)(body + 4 - out) : 0;
    char rest[4096];
    ssize_t got;
    while (used < wanted && (got = read(fd, rest, sizeof rest)) > 0) {
        size_t room = used < HEAD_MAX - 1 ? HEAD_MAX - 1 - used : 0;
        memcpy(out + (room > 0 ? used : 0), rest, (size_t)got < room ? (size_t)got : room);
        used += (size_t)got;
    }
    out[used < HEAD_MAX - 1 ? used : HEAD_MAX - 1] = '\0';
}

static void read_request(int fd, char out[static HEAD_MAX])
{
    size_t used = 0;
    ssize_t got;
    while (used + 1 < HEAD_MAX && (got = read(fd, out + used, HEAD_MAX - 1 - used)) > 0) {
        used += (size_t)got;
        out[used] = '\0';
        if (strstr(out, "\r\n\r\n"))
            break;
    }
    out[used] = '\0';
    read_body(fd, out, used);
}

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

static void answer(int fd, const struct scripted *row)
{
    size_t len = row->len ? row->len : row->answer ? strlen(row->answer) : 0, half = row->pause ? len / 2 : len;
    sleep_for(row->wait);
    if (row->drop || !row->answer)
        return;
    send_all(fd, row->answer, half);
    sleep_for(row->pause);
    send_all(fd, row->answer + half, len - half);
}

static void serve(int listening, const struct scripted *rows)
{
    for (int n = 0;; n++) {
        int fd = accept(listening, NULL, NULL);
        if (fd < 0)
            _exit(1);
        int slot = shared->count < REQUESTS_MAX ? shared->count : REQUESTS_MAX - 1;
        read_request(fd, shared->heads[slot]);
        shared->count++;
        answer(fd, rows);
        close(fd);
        if (rows[1].answer || rows[1].drop || rows[1].wait)
            rows++;
    }
}

void scripted_start(const struct scripted *rows, char base[static 64])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    pid_t parent = getpid();
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert(listening >= 0 && bind(listening, (struct sockaddr *)&at, size) == 0 && listen(listening, 16) == 0);
    ck_assert(getsockname(listening, (struct sockaddr *)&at, &size) == 0);
    snprintf(base, 64, "http://127.0.0.1:%d", ntohs(at.sin_port));
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(shared != MAP_FAILED);
    running = fork();
    ck_assert(running >= 0);
    if (running == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        serve(listening, rows);
    }
    close(listening);
}

void scripted_stop(void)
{
    if (running <= 0)
        return;
    kill(running, SIGKILL);
    waitpid(running, NULL, 0);
    running = 0;
    munmap(shared, sizeof *shared);
}

int scripted_count(void)
{
    return shared->count;
}

const char *scripted_request(int n)
{
    return n < REQUESTS_MAX ? shared->heads[n] : "";
}

const char *scripted_json(int status, const char *more_headers, const char *body)
{
    return scripted_keep("HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
                         status, strlen(body), more_headers, body);
}

const char *scripted_keep(const char *format, ...)
{
    static struct region *kept;
    struct text text CLEANUP(text_free) = {0};
    va_list args;
    va_start(args, format);
    text_vprintf(&text, format, args);
    va_end(args);
    if (!kept)
        kept = region_new();
    return region_strdup(kept, text_str(&text));
}
