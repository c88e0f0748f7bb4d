#include "tests/test_web_stage.h"

#include <arpa/inet.h>
#include <check.h>
#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct web_stage web;
struct web_reply reply;

int connect_web(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)web.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

size_t read_all(int fd, usec_t limit)
{
    usec_t until = clock_boot() + limit;
    size_t length = 0;
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        usec_t left = until - clock_boot();
        ck_assert_msg(left > 0 && poll(&ready, 1, (int)(left / 1000) + 1) > 0, "no answer in time");
        ssize_t got = read(fd, reply.bytes + length, sizeof reply.bytes - 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    reply.bytes[length] = '\0';
    return length;
}

void send_raw(const char *request)
{
    int fd = connect_web();
    ck_assert_int_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    read_all(fd, SOON);
    close(fd);
    char *end = strstr(reply.bytes, "\r\n\r\n");
    reply.status = strncmp(reply.bytes, "HTTP/1.1 ", 9) == 0 ? atoi(reply.bytes + 9) : 0;
    reply.body = end ? end + 4 : reply.bytes + strlen(reply.bytes);
}

void ask(const char *method, const char *path)
{
    char request[512];
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method, path);
    send_raw(request);
}

void wait_for(const char *path, int status, const char *text)
{
    usec_t until = clock_boot() + SOON;
    do {
        ask("GET", path);
        if (reply.status == status && strstr(reply.body, text))
            return;
        poll(NULL, 0, 20);
    } while (clock_boot() < until);
    ck_abort_msg("%s does not come to %d with %s, last: %s", path, status, text, reply.bytes);
}

double sample(const char *name)
{
    char line[256];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(reply.body, line);
    return found ? strtod(found + strlen(line), NULL) : -1;
}

void wait_sample(const char *name, double low, double high)
{
    usec_t until = clock_boot() + SOON;
    do {
        ask("GET", "/metrics");
        if (sample(name) >= low && sample(name) <= high)
            return;
        poll(NULL, 0, 20);
    } while (clock_boot() < until);
    ck_abort_msg("%s is %g, not %g to %g", name, sample(name), low, high);
}

void start_web_on(const char *database, const char *option, const char *value)
{
    web.process = test_drumbeat_start(database, "web", "--listen", "127.0.0.1:0", option, value, NULL);
    ck_assert_msg(test_process_wait_for(web.process, "web.started", SECONDS(20)), "did not start: %s",
                  test_process_errors(web.process));
    const char *at = strstr(test_process_output(web.process), "listening on http://127.0.0.1:");
    ck_assert_ptr_nonnull(at);
    web.port = atoi(strrchr(at, ':') + 1);
    ck_assert_int_gt(web.port, 0);
}

void start_web(const char *option, const char *value)
{
    start_web_on(web.url, option, value);
}

void web_begin(void)
{
    web.url = test_cluster_database(web.cluster);
    web.pg = test_connect(web.url);
}

void web_end(void)
{
    test_process_free(web.process);
    pg_close(web.pg);
}

void stop_web(void)
{
    test_process_signal(web.process, SIGTERM);
    ck_assert(test_process_wait(web.process, SECONDS(10)));
    ck_assert_int_eq(test_process_status(web.process), 0);
}

void add_worker(void)
{
    test_sql(web.pg, "INSERT INTO drumbeat.worker (id, host, pid, version, pool, names, lease, boot, pid_start)"
                 " VALUES ('00000000-0000-7000-8000-000000000001', 'h1', 7, '0', 2, '{noop}', '1 hour', 'b', 1);"
                 "INSERT INTO drumbeat.seat SELECT id, s, s FROM drumbeat.worker, generate_series(1, 2) s");
}

void occupy(int seat)
{
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "WITH body AS (INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, created_by)"
        " VALUES (drumbeat.uuid_v7(), 'noop', 'default', '{}', 5, 1, now(), 'test') RETURNING id)"
        "INSERT INTO drumbeat.running (task_id, fence, worker, seat, place, seq, attempt, allowed, started_at)"
        " SELECT id, %d, '00000000-0000-7000-8000-000000000001', %d, 1, 0, 1, 1, now() FROM body",
        seat, seat);
    test_sql(web.pg, sql);
}

bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

void ck_exposition(const char *text)
{
    char family[128] = "";
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        size_t length = 0;
        if (strncmp(line, "# HELP ", 7) == 0) {
            while (is_name(line[7 + length]))
                length++;
            snprintf(family, sizeof family, "%.*s", (int)length, line + 7);
            continue;
        }
        if (strncmp(line, "# TYPE ", 7) == 0) {
            ck_assert_msg(strncmp(line + 7, family, strlen(family)) == 0, "%.100s", line);
            continue;
        }
        ck_assert_msg(strncmp(line, family, strlen(family)) == 0 && !is_name(line[strlen(family)]), "not of %s: %.100s",
                      family, line);
        const char *blank = strpbrk(line, " \n");
        char *rest;
        strtod(blank, &rest);
        ck_assert_msg(*blank == ' ' && *rest == '\n', "no number: %.100s", line);
    }
}
