/* `drumbeat web` through the real binary: what it answers, to whom, and that nothing ends it but a signal. */
#include "common/base/json.h"
#include "common/base/text.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

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

#define SOON TEST_PATIENCE

enum { REPLY_MAX = 1 << 20 };

static struct test_cluster *cluster;
static const char *url;
static struct pg *pg;
static struct test_process *web;
static int port;

/* Asking ------------------------------------------------------------------------------------------------------------
 */

static struct {
    int status;
    char *body; /* in `bytes`, behind the header */
    char bytes[REPLY_MAX];
} reply;

static int connect_web(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Until the other side closes, which it must do within `limit`. */
static size_t read_all(int fd, usec_t limit)
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

static void send_raw(const char *request)
{
    int fd = connect_web();
    ck_assert_int_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    read_all(fd, SOON);
    close(fd);
    char *end = strstr(reply.bytes, "\r\n\r\n");
    reply.status = strncmp(reply.bytes, "HTTP/1.1 ", 9) == 0 ? atoi(reply.bytes + 9) : 0;
    reply.body = end ? end + 4 : reply.bytes + strlen(reply.bytes);
}

static void ask(const char *method, const char *path)
{
    char request[512];
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method, path);
    send_raw(request);
}

/* Ask again and again until the answer has this status and holds this text. */
static void wait_for(const char *path, int status, const char *text)
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

/* The number of a sample, "drumbeat_workers" or "drumbeat_queue_ready{queue=\"default\"}"; -1 when there is none. */
static double sample(const char *name)
{
    char line[256];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(reply.body, line);
    return found ? strtod(found + strlen(line), NULL) : -1;
}

/* Scrape until a sample is at least `low` and at most `high`. */
static void wait_sample(const char *name, double low, double high)
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

/* Starting ----------------------------------------------------------------------------------------------------------
 */

static void start_web_on(const char *database, const char *option, const char *value)
{
    web = test_drumbeat_start(database, "web", "--listen", "127.0.0.1:0", option, value, NULL);
    ck_assert_msg(test_process_wait_for(web, "web.started", SECONDS(20)), "did not start: %s",
                  test_process_errors(web));
    const char *at = strstr(test_process_output(web), "listening on http://127.0.0.1:");
    ck_assert_ptr_nonnull(at);
    port = atoi(strrchr(at, ':') + 1);
    ck_assert_int_gt(port, 0);
}

static void start_web(const char *option, const char *value)
{
    start_web_on(url, option, value);
}

static void begin(void)
{
    url = test_cluster_database(cluster);
    pg = test_connect(url);
}

static void end(void)
{
    test_process_free(web);
    pg_close(pg);
}

static void stop_web(void)
{
    test_process_signal(web, SIGTERM);
    ck_assert(test_process_wait(web, SECONDS(10)));
    ck_assert_int_eq(test_process_status(web), 0);
}

/* A worker that is only a row: alive for an hour, two seats, both free. */
static void add_worker(void)
{
    test_sql(pg, "INSERT INTO drumbeat.worker (id, host, pid, version, pool, names, lease, boot, pid_start)"
                 " VALUES ('00000000-0000-7000-8000-000000000001', 'h1', 7, '0', 2, '{noop}', '1 hour', 'b', 1);"
                 "INSERT INTO drumbeat.seat SELECT id, s, s FROM drumbeat.worker, generate_series(1, 2) s");
}

/* A task in this seat that has been started. */
static void occupy(int seat)
{
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "WITH body AS (INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, created_by)"
        " VALUES (drumbeat.uuid_v7(), 'noop', 'default', '{}', 5, 1, now(), 'test') RETURNING id)"
        "INSERT INTO drumbeat.running (task_id, fence, worker, seat, place, seq, attempt, allowed, started_at)"
        " SELECT id, %d, '00000000-0000-7000-8000-000000000001', %d, 1, 0, 1, 1, now() FROM body",
        seat, seat);
    test_sql(pg, sql);
}

/* HTTP --------------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *method, *path;
    int status;
    const char *header, *body;
} requests[] = {
    {"GET", "/livez", 200, "Content-Type: application/json", "{\"status\":\"pass\"}"},
    {"GET", "/healthz", 200, "Content-Type: application/json", "{\"status\":\"pass\"}"},
    {"GET", "/livez?verbose=1", 200, "Cache-Control: no-store", "{\"status\":\"pass\"}"},
    {"GET", "/readyz", 200, "Content-Type: application/json", "\"checks\":{\"database\":{\"status\":\"pass\"}"},
    {"GET", "/metrics", 200, "Content-Type: text/plain; version=0.0.4; charset=utf-8",
     "# TYPE drumbeat_ready gauge\ndrumbeat_ready 1\n"},
    {"GET", "/", 404, "Content-Type: application/problem+json", "\"status\":404,\"code\":\"not_found\""},
    {"GET", "/livez/", 404, "Content-Type: application/problem+json", "\"title\":\"Not Found\""},
    {"POST", "/nowhere", 404, "Content-Type: application/problem+json", "\"type\":\"about:blank\""},
    {"POST", "/metrics", 405, "Allow: GET, HEAD", "\"status\":405,\"code\":\"method_not_allowed\""},
    {"DELETE", "/readyz", 405, "Allow: GET, HEAD", "\"code\":\"method_not_allowed\""},
    {"OPTIONS", "/livez", 405, "Allow: GET, HEAD", "\"code\":\"method_not_allowed\""},
};

START_TEST(a_path_and_a_method_have_one_answer)
{
    start_web(NULL, NULL);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        ask(requests[i].method, requests[i].path);
        const char *name = requests[i].path;
        ck_assert_msg(reply.status == requests[i].status, "%s %s: %s", requests[i].method, name, reply.bytes);
        ck_assert_msg(strstr(reply.bytes, requests[i].header), "%s %s: %s", requests[i].method, name, reply.bytes);
        ck_assert_msg(strstr(reply.body, requests[i].body), "%s %s: %s", requests[i].method, name, reply.bytes);
    }
    stop_web();
}
END_TEST

START_TEST(head_is_get_without_the_body)
{
    start_web(NULL, NULL);
    ask("HEAD", "/livez");
    ck_assert_int_eq(reply.status, 200);
    ck_assert_ptr_nonnull(strstr(reply.bytes, "Content-Length: 18\r\n"));
    ck_assert_str_eq(reply.body, "");
    stop_web();
}
END_TEST

START_TEST(problems_are_json)
{
    struct err e;
    start_web(NULL, NULL);
    ask("GET", "/\"\\x");
    struct js *problem = js_parse(reply.body, strlen(reply.body), &e);
    ck_assert_msg(problem != NULL, "%s: %s", e.text, reply.body);
    ck_assert_str_eq(js_text(js_get(problem, "code")), "not_found");
    js_free(problem);
    stop_web();
}
END_TEST

START_TEST(a_long_body_or_header_is_refused_and_garbage_too)
{
    static char long_header[64 << 10];
    int prefix = snprintf(long_header, sizeof long_header, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ");
    start_web(NULL, NULL);
    send_raw("GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n");
    ck_assert_int_eq(reply.status, 413);
    ck_assert_ptr_nonnull(strstr(reply.body, "\"code\":\"content_too_large\""));
    memset(long_header + prefix, 'a', sizeof long_header - (size_t)prefix - 5);
    memcpy(long_header + sizeof long_header - 5, "\r\n\r\n", 5);
    send_raw(long_header);
    ck_assert_int_eq(reply.status, 431);
    send_raw("\x16\x03\x01\x02\r\n\r\n");
    ck_assert_int_ne(reply.status, 200);
    ask("GET", "/livez");
    ck_assert_int_eq(reply.status, 200);
    stop_web();
}
END_TEST

/* More connections than are allowed, all of them silent: they are closed after a while, and others are answered. */
START_TEST(silent_connections_do_not_keep_others_out)
{
    enum { SILENT = 70 };
    int fds[SILENT];
    start_web(NULL, NULL);
    for (size_t i = 0; i < SILENT; i++)
        fds[i] = connect_web();
    for (size_t i = 0; i < SILENT; i++)
        read_all(fds[i], SOON);
    ask("GET", "/livez");
    ck_assert_int_eq(reply.status, 200);
    for (size_t i = 0; i < SILENT; i++)
        close(fds[i]);
    stop_web();
}
END_TEST

/* Readiness ---------------------------------------------------------------------------------------------------------
 */

START_TEST(no_worker_is_a_warning_or_a_failure_as_asked)
{
    start_web(NULL, NULL);
    wait_for("/readyz", 200, "\"workers\":{\"status\":\"warn\",\"reason\":\"no worker is alive");
    ck_assert(test_process_wait_for(web, "web.check_warns check=workers", SOON));
    stop_web();
    test_process_free(web);
    start_web("--need-worker", NULL);
    wait_for("/readyz", 503, "\"code\":\"not_ready\",\"detail\":\"no worker is alive");
    add_worker();
    wait_for("/readyz", 200, "\"workers\":{\"status\":\"pass\"}");
    ck_assert(test_process_wait_for(web, "web.check_passes check=workers", SOON));
    stop_web();
}
END_TEST

START_TEST(a_missing_schema_is_named_and_found_when_it_comes)
{
    const char *empty = test_cluster_empty_database(cluster);
    start_web_on(empty, NULL, NULL);
    wait_for("/readyz", 503, "run drumbeat migrate");
    ask("GET", "/livez");
    ck_assert_int_eq(reply.status, 200);
    struct test_process *migrate = test_drumbeat(empty, "migrate", NULL);
    ck_assert_int_eq(test_process_status(migrate), 0);
    test_process_free(migrate);
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    stop_web();
}
END_TEST

START_TEST(a_queue_stalls_only_while_a_free_seat_could_claim_from_it)
{
    const char *stalled = "drumbeat_queue_stalled_seconds{queue=\"default\"}";
    add_worker();
    test_sql(pg, "SELECT drumbeat.enqueue('noop')");
    start_web("--stall", "2s");
    wait_for("/readyz", 503, "\"detail\":\"queue default: task ");
    ck_assert_ptr_nonnull(strstr(reply.body, "(noop) could be claimed by worker h1 pid 7"));
    ck_assert(test_process_wait_for(web, "web.check_fails check=queues", SOON));
    occupy(1); /* the other is free */
    wait_sample("drumbeat_seats_busy", 1, 1);
    wait_sample(stalled, 2, 60);
    occupy(2);
    wait_sample(stalled, 0, 0);
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    test_sql(pg, "DELETE FROM drumbeat.running");
    wait_for("/readyz", 503, "queue default");
    test_sql(pg, "SELECT drumbeat.pause('default')");
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    test_sql(pg, "SELECT drumbeat.resume('default')");
    wait_for("/readyz", 503, "queue default");
    test_sql(pg, "UPDATE drumbeat.worker SET draining = true");
    wait_sample(stalled, 0, 0);
    test_sql(pg, "UPDATE drumbeat.worker SET draining = false");
    wait_for("/readyz", 503, "queue default");
    test_sql(pg, "DELETE FROM drumbeat.ready");
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    stop_web();
}
END_TEST

/* No keeper is there to let it in. */
START_TEST(a_limit_stalls_only_while_it_has_room)
{
    add_worker();
    test_sql(pg, "SELECT drumbeat.enqueue('noop', limit_key => 'k')");
    start_web("--stall", "2s");
    wait_for("/readyz", 503, "\"detail\":\"limit key k: task ");
    test_sql(pg, "INSERT INTO drumbeat.slot VALUES (drumbeat.uuid_v7(), 4, 'key k', 5, 0, 1)");
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    test_sql(pg, "DELETE FROM drumbeat.slot");
    wait_for("/readyz", 503, "limit key k");
    test_sql(pg, "SELECT drumbeat.pause('default')");
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    stop_web();
}
END_TEST

/* Tasks are claimed one after the other: the queue is never empty, and never stalled. Where the machine keeps us from claiming for a
 * second, the answer proves nothing. */
START_TEST(a_backlog_that_moves_is_no_stall)
{
    add_worker();
    test_sql(pg, "SELECT count(*) FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[10000]))");
    start_web("--stall", "2s");
    usec_t claimed_at = clock_boot();
    for (usec_t until = clock_boot() + SECONDS(5); clock_boot() < until; poll(NULL, 0, 100)) {
        test_sql(pg, "DELETE FROM drumbeat.ready WHERE seq = (SELECT min(seq) FROM drumbeat.ready)");
        ask("GET", "/readyz");
        ck_assert_msg(reply.status == 200 || clock_boot() - claimed_at > SECONDS(1), "%s", reply.bytes);
        claimed_at = clock_boot();
    }
    stop_web();
}
END_TEST

START_TEST(what_nobody_serves_is_named)
{
    add_worker();
    test_sql(pg, "UPDATE drumbeat.worker SET queues = '{default}'; SELECT drumbeat.enqueue('noop', queue => 'mail'), "
                 "drumbeat.enqueue('reports.monthly')");
    start_web(NULL, NULL);
    wait_for("/readyz", 200, "queue mail: tasks wait in it and no living worker serves it");
    wait_for("/readyz", 200, "tasks wait for handlers that no worker has: reports.monthly");
    test_sql(pg, "SELECT drumbeat.enqueue('of.tomorrow', limit_key => 'k'), drumbeat.admit('{}', '')"); /* at a limit, its turn came */
    wait_for("/readyz", 200, "of.tomorrow");
    stop_web();
}
END_TEST

/* A real worker whose claims wait for a lock that this session holds. */
START_TEST(the_session_that_blocks_claims_is_named)
{
    char blocks[64];
    CLEANUP(test_process_freep) struct test_process *worker = test_drumbeat_start(url, "worker", "--pool", "1", NULL);
    ck_assert_msg(test_wait_number(pg, "SELECT count(*) FROM drumbeat.seat", 1, SOON), "%s",
                  test_process_errors(worker));
    start_web("--stall", "2s");
    wait_for("/readyz", 200, "\"workers\":{\"status\":\"pass\"}");
    snprintf(blocks, sizeof blocks, "session %d (", (int)test_number(pg, "SELECT pg_backend_pid()"));
    struct pg *other = test_connect(url);
    test_sql(pg, "BEGIN; LOCK TABLE drumbeat.running IN EXCLUSIVE MODE");
    test_sql(other, "SELECT drumbeat.enqueue('noop')");
    wait_for("/readyz", 503, blocks);
    ck_assert_ptr_nonnull(strstr(reply.body, "blocks session"));
    ck_assert(test_process_wait_for(web, blocks, SOON));
    test_sql(pg, "ROLLBACK");
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    ck_assert(test_wait_number(other, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS'", 1, SOON));
    pg_close(other);
    stop_web();
}
END_TEST

START_TEST(a_late_schedule_fails_and_a_missing_beat_warns)
{
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, specs, revision, mark, next_tick)"
                 " VALUES ('nightly', 'noop', '{@every 1h}', 1, now(), now() + interval '1 hour')");
    start_web("--stall", "2s");
    wait_for("/readyz", 200, "no beat leads, 1 schedules are enabled");
    test_sql(pg, "UPDATE drumbeat.schedule SET jitter = '9 seconds'; UPDATE drumbeat.schedule SET next_tick = now() - "
                 "interval '10 seconds'");
    wait_for("/readyz", 503, "no beat leads: schedule nightly is ");
    test_sql(pg, "UPDATE drumbeat.schedule SET paused = true");
    wait_for("/readyz", 200, "\"beat\":{\"status\":\"pass\"}");
    stop_web();
}
END_TEST

/* Metrics -----------------------------------------------------------------------------------------------------------
 */

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Every line is "# HELP name text", "# TYPE name type" or a sample of the family that was announced last. */
static void ck_exposition(const char *text)
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

START_TEST(metrics_count_what_stands_in_each_queue)
{
    add_worker();
    occupy(1);
    test_sql(pg,
             "SELECT count(*) FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[3]), queue => 'sync');"
             "SELECT count(*) FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[2]), queue => 'sync', "
             "run_at => now() + interval '1 hour');"
             "SELECT drumbeat.enqueue('noop', queue => 'run.1'); SELECT drumbeat.pause('sync');"
             "UPDATE drumbeat.task_body SET run_at = now() - interval '100 seconds' WHERE queue = 'sync'");
    start_web(NULL, NULL);
    ask("GET", "/metrics");
    ck_assert_int_eq(reply.status, 200);
    ck_exposition(reply.body);
    ck_assert_double_eq(sample("drumbeat_queue_ready{queue=\"sync\"}"), 3);
    ck_assert_double_eq(sample("drumbeat_queue_delayed{queue=\"sync\"}"), 2);
    ck_assert_double_eq(sample("drumbeat_queue_running{queue=\"default\"}"), 1);
    ck_assert_double_eq(sample("drumbeat_queue_paused{queue=\"sync\"}"), 1);
    ck_assert_double_ge(sample("drumbeat_queue_oldest_ready_seconds{queue=\"sync\"}"), 100);
    ck_assert_double_le(sample("drumbeat_queue_oldest_ready_seconds{queue=\"sync\"}"), 400);
    ck_assert_double_eq(sample("drumbeat_workers"), 1);
    ck_assert_double_eq(sample("drumbeat_seats"), 2);
    ck_assert_double_eq(sample("drumbeat_seats_busy"), 1);
    ck_assert_double_eq(sample("drumbeat_database_connected"), 1);
    ck_assert_ptr_null(strstr(reply.body, "run.1"));
    stop_web();
}
END_TEST

/* Two queues filled in turns, so that their sequence numbers have gaps of both sizes. */
START_TEST(a_long_queue_is_estimated_well)
{
    test_sql(pg, "DO $$ BEGIN FOR i IN 1 .. 20 LOOP"
                 " PERFORM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[3000]));"
                 " PERFORM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1000]), queue => 'sync'); END "
                 "LOOP; END $$");
    start_web(NULL, NULL);
    wait_sample("drumbeat_queue_ready{queue=\"default\"}", 60000 * 0.85, 60000 * 1.15);
    wait_sample("drumbeat_queue_ready{queue=\"sync\"}", 20000 * 0.85, 20000 * 1.15);
    stop_web();
}
END_TEST

START_TEST(counters_grow_and_outcomes_are_told_apart)
{
    test_sql(pg, "SELECT drumbeat.enqueue('noop') FROM generate_series(1, 5); SELECT drumbeat.enqueue('fail', "
                 "'{\"retryable\": false}')");
    struct test_process *worker = test_drumbeat(url, "worker", "--burst", "--pool", "1", NULL);
    ck_assert_int_eq(test_process_status(worker), 0);
    test_process_free(worker);
    start_web(NULL, NULL);
    wait_sample("drumbeat_tasks_ended_last_minute{status=\"SUCCESS\"}", 5, 5);
    wait_sample("drumbeat_tasks_ended_last_minute{status=\"ERRORED\"}", 1, 1);
    wait_sample("drumbeat_tasks_enqueued_total", 6, 6);
    wait_sample("drumbeat_tasks_ended_total", 6, 6);
    wait_sample("drumbeat_attempts_failed_total", 1, 1);
    stop_web();
}
END_TEST

#define GATE(family, kind, name) "drumbeat_limit_" family "{kind=\"" kind "\",name=\"" name "\"}"

/* Whoever is behind what waits: rules of each kind, keys of a handler, keys of which nothing is said, a paused queue, a handler that nobody has. */
START_TEST(limits_show_what_holds_them_and_what_waits)
{
    static const struct {
        const char *name;
        double number;
    } table[] = {
        {GATE("slots", "queue", "sync"), 2},
        {GATE("slots_used", "queue", "sync"), 2},
        {GATE("waiting", "queue", "sync"), 5},
        {GATE("slots", "key", "a\\\"b"), 3},
        {GATE("slots_used", "key", "a\\\"b"), 1},
        {GATE("waiting", "key", "a\\\"b"), 0},
        {GATE("slots", "keys", "echo"), 1},
        {GATE("slots_used", "keys", "echo"), 3},
        {GATE("waiting", "keys", "echo"), 3},
        {GATE("slots_used", "key", ""), 1},
        {GATE("waiting", "key", ""), 1},
        {GATE("rate_per_second", "handler", "noop"), 0.1},
        {GATE("rate_waiting", "handler", "noop"), 4},
        {GATE("slots", "handler", "noop"), -1},
        {GATE("rate_per_second", "queue", "sync"), -1},
        {"drumbeat_queue_gated{queue=\"sync\"}", 5},
        {"drumbeat_queue_gated{queue=\"default\"}", 8},
        {"drumbeat_queue_gated{queue=\"idle\"}", 6},
    };
    add_worker();
    test_sql(pg, "UPDATE drumbeat.worker SET names = '{noop,echo,sleep}'; UPDATE drumbeat.handler SET limit_by = 'for' WHERE name = 'echo';"
                 "INSERT INTO drumbeat.handler (name, limit_by) VALUES ('echo', 'for') ON CONFLICT (name) DO UPDATE SET limit_by = 'for';"
                 "SELECT drumbeat.set_limit('queue', 'sync', 2), drumbeat.set_limit('key', 'a\"b', 3), drumbeat.set_limit('keys', 'echo', 1),"
                 " drumbeat.set_limit('handler', 'noop', rate => '6/m');"
                 "SELECT drumbeat.enqueue('sleep', queue => 'sync') FROM generate_series(1, 7);"
                 "SELECT drumbeat.enqueue('sleep', limit_key => 'a\"b');"
                 "SELECT drumbeat.enqueue('echo', jsonb_build_object('for', n % 3)) FROM generate_series(1, 6) n;"
                 "SELECT drumbeat.enqueue('sleep', limit_key => 'other') FROM generate_series(1, 2);"
                 "SELECT drumbeat.enqueue('noop') FROM generate_series(1, 5);"
                 "SELECT drumbeat.pause('idle'); SELECT drumbeat.enqueue('sleep', queue => 'idle', limit_key => n::text) FROM generate_series(1, 6) n;"
                 "SELECT drumbeat.admit('{}', '')");
    test_sql(pg, "SELECT drumbeat.admit('{}', '')");
    start_web(NULL, NULL);
    wait_sample(GATE("rate_next_seconds", "handler", "noop"), 1, 10);
    ck_exposition(reply.body);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        ck_assert_msg(sample(table[i].name) == table[i].number, "%s is %g, not %g", table[i].name, sample(table[i].name), table[i].number);
    stop_web();
}
END_TEST

/* The names that a dashboard of this field expects, with their labels, after a little real work. */
static const char *const expected[] = {
    "drumbeat_jobs_total{queue=\"default\",kind=\"noop\",outcome=\"success\"} ",
    "drumbeat_job_duration_seconds_bucket{queue=\"default\",kind=\"noop\",le=\"+Inf\"} ",
    "drumbeat_job_duration_seconds_sum{queue=\"default\",kind=\"noop\"} ",
    "drumbeat_job_duration_seconds_count{queue=\"default\",kind=\"noop\"} ",
    "drumbeat_job_wait_seconds_bucket{queue=\"default\",kind=\"noop\",le=\"0.001\"} ",
    "drumbeat_queue_ready{queue=\"default\"} ",
    "drumbeat_queue_oldest_ready_seconds{queue=\"default\"} ",
    "drumbeat_attempts_rescued_total{reason=\"child\"} ",
    "drumbeat_attempts_rescued_total{reason=\"worker\"} ",
    "drumbeat_stale_writes_refused_total ",
    "drumbeat_commit_unknown_total{resolved=\"committed\"} ",
    "drumbeat_commit_unknown_total{resolved=\"rolled_back\"} ",
    "drumbeat_stream_lag_messages ",
    "drumbeat_ticks_total{result=\"emitted\"} ",
    "drumbeat_ticks_total{result=\"missed\"} ",
    "drumbeat_bell_lost_total ",
    "drumbeat_child_restarts_total{cause=\"signal\"} ",
    "drumbeat_child_restarts_total{cause=\"limit\"} ",
    "drumbeat_build_info{version=\"",
};

START_TEST(the_names_of_the_field_are_all_there)
{
    test_sql(pg, "SELECT drumbeat.enqueue('noop')");
    CLEANUP(test_process_freep) struct test_process *worker = test_drumbeat(url, "worker", "--burst", "--pool", "1", NULL);
    ck_assert_int_eq(test_process_status(worker), 0);
    start_web(NULL, NULL);
    wait_sample("drumbeat_jobs_total{queue=\"default\",kind=\"noop\",outcome=\"success\"}", 1, 1);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char line[160];
        snprintf(line, sizeof line, "\n%s", expected[i]);
        ck_assert_msg(strstr(reply.body, line) != NULL, "%s is missing:\n%s", expected[i], reply.body);
    }
    stop_web();
}
END_TEST

/* A task that somebody puts there without a bell, as when the notification was lost on its way: found by looking, and counted. One that was rung for
 * is not. */
START_TEST(a_lost_bell_is_counted_and_its_task_runs)
{
    CLEANUP(test_process_freep) struct test_process *worker = test_drumbeat_start(url, "worker", "--pool", "2", NULL);
    ck_assert(test_process_wait_for(worker, "worker.registered", SECONDS(20)));
    for (int i = 1; i <= 20; i++) {
        test_sql(pg, "SELECT drumbeat.enqueue('noop')");
        ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.ended", i, SOON));
        poll(NULL, 0, 50);
    }
    poll(NULL, 0, 2500); /* two rounds of the keeper, which would have their doubts by now */
    start_web(NULL, NULL);
    wait_sample("drumbeat_job_wait_seconds_count{queue=\"default\",kind=\"noop\"}", 20, 20);
    ck_assert_double_eq(sample("drumbeat_bell_lost_total"), 0);
    test_sql(pg, "WITH body AS (INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, created_by)"
                 " VALUES (drumbeat.uuid_v7(), 'noop', 'default', '{}', 5, 1, now(), 'test') RETURNING id)"
                 "INSERT INTO drumbeat.ready (queue, priority, flow, task_id, name, allowed) SELECT 'default', 5, 0, id, 'noop', 1 FROM body");
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.ended", 21, SOON));
    wait_sample("drumbeat_bell_lost_total", 1, 1);
    ck_assert(test_process_wait_for(worker, "keeper.bell_lost times=1", SOON));
    stop_web();
}
END_TEST

START_TEST(ticks_are_counted_and_timed)
{
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('often', 'noop', '{@every 1s}'), ('yearly', 'noop', '{@yearly}')");
    start_web(NULL, NULL);
    wait_sample("drumbeat_schedules", 2, 2);
    ask("GET", "/metrics");
    ck_exposition(reply.body);
    ck_assert_ptr_null(strstr(reply.body, "\ndrumbeat_beat_holder_age_seconds "));
    ck_assert_ptr_null(strstr(reply.body, "\ndrumbeat_beat_last_lateness_seconds "));
    struct test_process *beat = test_drumbeat_start(url, "beat", "--config", "/dev/null", NULL); /* without the shipped schedules */
    wait_sample("drumbeat_beat_leads", 1, 1);
    wait_sample("drumbeat_ticks_total{result=\"emitted\"}", 1, 100);
    wait_sample("drumbeat_beat_last_lateness_seconds", 0, 5);
    wait_sample("drumbeat_beat_holder_age_seconds", 0, 60);
    wait_sample("drumbeat_schedules_overdue", 0, 0);
    test_process_signal(beat, SIGTERM);
    ck_assert(test_process_wait(beat, SECONDS(10)));
    test_process_free(beat);
    wait_sample("drumbeat_schedules_overdue", 1, 1);
    wait_sample("drumbeat_beat_leads", 0, 0);
    ask("GET", "/metrics");
    ck_assert_ptr_null(strstr(reply.body, "\ndrumbeat_beat_holder_age_seconds "));
    stop_web();
}
END_TEST

static char *read_file(const char *path)
{
    char whole[4096];
    const char *source = getenv("DRUMBEAT_SOURCE");
    char *text = mem_zero(1, REPLY_MAX);
    snprintf(whole, sizeof whole, "%s/%s", source ? source : ".", path);
    FILE *file = fopen(whole, "re");
    ck_assert_msg(file != NULL, "%s", whole);
    ck_assert_uint_gt(fread(text, 1, REPLY_MAX - 1, file), 0);
    fclose(file);
    return text;
}

static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        if (!is_name(at[length]) && (at == text || !is_name(at[-1])))
            return true;
    return false;
}

START_TEST(alerts_and_manual_name_the_metrics_there_are)
{
    char *manual = read_file("docs/operations.md"), *alerts = read_file("docs/prometheus-alerts.yaml");
    start_web(NULL, NULL);
    ask("GET", "/metrics");
    for (const char *line = strstr(reply.body, "# TYPE "); line; line = strstr(line + 1, "# TYPE ")) {
        char name[128];
        ck_assert_int_eq(sscanf(line, "# TYPE %127s", name), 1);
        ck_assert_msg(has_word(manual, name), "%s is not in docs/operations.md", name);
    }
    for (const char *at = strstr(alerts, "drumbeat_"); at; at = strstr(at + 1, "drumbeat_")) {
        char name[128];
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        snprintf(name, sizeof name, "# TYPE %.*s ", (int)length, at);
        ck_assert_msg(strstr(reply.body, name) != NULL, "the alerts name %.*s", (int)length, at);
    }
    free(manual);
    free(alerts);
    stop_web();
}
END_TEST

/* Life --------------------------------------------------------------------------------------------------------------
 */

#define NOOP "{queue=\"default\",kind=\"noop\""
#define OUTCOME(kind, outcome) "drumbeat_jobs_total{queue=\"default\",kind=\"" kind "\",outcome=\"" outcome "\"}"

static void burst(void)
{
    struct test_process *worker = test_drumbeat(url, "worker", "--burst", "--pool", "1", NULL);
    ck_assert_msg(test_process_status(worker) == 0, "%s", test_process_errors(worker));
    test_process_free(worker);
}

static void check_counts(double runs)
{
    wait_sample(OUTCOME("noop", "success"), runs, runs);
    wait_sample(OUTCOME("fail", "errored"), 1, 1);
    wait_sample("drumbeat_job_duration_seconds_count" NOOP "}", runs, runs);
    wait_sample("drumbeat_job_duration_seconds_bucket" NOOP ",le=\"3600\"}", runs, runs);
    wait_sample("drumbeat_job_wait_seconds_bucket" NOOP ",le=\"+Inf\"}", runs, runs);
    wait_sample("drumbeat_attempts_rescued_total{reason=\"child\"}", 1, 1);
    wait_sample(OUTCOME("crash", "died"), 1, 1);
    wait_sample("drumbeat_child_restarts_total{cause=\"signal\"}", 1, 1);
    wait_sample("drumbeat_stale_writes_refused_total", 0, 0);
}

/* Of a worker that lives, that is gone, that has been gone for long; and whatever becomes of the tasks. */
START_TEST(what_workers_count_never_goes_back)
{
    test_sql(pg, "SELECT drumbeat.enqueue('noop') FROM generate_series(1, 5); SELECT drumbeat.enqueue('fail', '{\"retryable\": false}');"
                 "SELECT drumbeat.enqueue('crash', max_attempts => 1)");
    burst();
    start_web(NULL, NULL);
    check_counts(5);
    test_sql(pg, "SELECT drumbeat.enqueue('noop') FROM generate_series(1, 3)");
    burst();
    check_counts(8);
    test_sql(pg, "UPDATE drumbeat.tally SET written_at = written_at - interval '2 h'");
    ck_assert_int_gt(test_number(pg, "SELECT drumbeat.fold_tallies()"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(DISTINCT worker) FROM drumbeat.tally"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT drumbeat.fold_tallies()"), 0);
    test_sql(pg, "SELECT drumbeat.enqueue('noop') FROM generate_series(1, 2)");
    burst();
    check_counts(10);
    test_sql(pg, "UPDATE drumbeat.tally SET written_at = written_at - interval '2 h'"); /* put with what was put together before */
    ck_assert_int_gt(test_number(pg, "SELECT drumbeat.fold_tallies()"), 0);
    check_counts(10);
    stop_web();
}
END_TEST

START_TEST(a_reader_may_run_it)
{
    char reader[512];
    test_sql(pg, "DROP ROLE IF EXISTS web_reader; CREATE ROLE web_reader LOGIN IN ROLE drumbeat_read");
    snprintf(reader, sizeof reader, "postgresql://web_reader%s", strchr(url, '@'));
    test_sql(pg, "SELECT drumbeat.enqueue('noop')");
    add_worker();
    start_web_on(reader, "--stall", "2s");
    wait_for("/readyz", 503, "queue default");
    ask("GET", "/metrics");
    for (const char *reading = "workers\0waiting\0beat\0handlers\0depths\0gates\0totals\0outcomes\0tally\0schema\0blocker\0";
         *reading; reading += strlen(reading) + 1) {
        char name[128];
        snprintf(name, sizeof name, "drumbeat_reading_seconds{reading=\"%s\"}", reading);
        ck_assert_msg(sample(name) >= 0, "%s is missing: %s", name, test_process_errors(web));
    }
    stop_web();
}
END_TEST

START_TEST(an_outage_is_told_and_survived)
{
    start_web(NULL, NULL);
    wait_for("/readyz", 200, "\"database\":{\"status\":\"pass\"}");
    pg_close(pg);
    pg = NULL;
    test_cluster_crash(cluster);
    wait_for("/readyz", 503, "\"checks\":{\"database\":{\"status\":\"fail\",\"reason\":\"");
    ask("GET", "/livez");
    ck_assert_int_eq(reply.status, 200);
    ask("GET", "/metrics");
    ck_exposition(reply.body);
    ck_assert_double_eq(sample("drumbeat_database_connected"), 0);
    ck_assert_double_eq(sample("drumbeat_ready"), 0);
    ck_assert_double_eq(sample("drumbeat_workers"), -1);
    test_cluster_restart(cluster);
    wait_for("/readyz", 200, "\"database\":{\"status\":\"pass\"}");
    ck_assert_int_eq(test_process_status(web), -1);
    stop_web();
}
END_TEST

START_TEST(it_ends_at_once_during_an_outage)
{
    start_web(NULL, NULL);
    test_cluster_crash(cluster);
    wait_for("/readyz", 503, "\"database\":{\"status\":\"fail\"");
    stop_web();
    test_cluster_restart(cluster);
}
END_TEST

START_TEST(it_does_not_start_without_a_database)
{
    usec_t started_at = clock_boot();
    web = test_drumbeat("postgresql://postgres@/none?host=/nonexistent", "web", "--listen", "127.0.0.1:0", NULL);
    ck_assert_int_eq(test_process_status(web), 5);
    ck_assert_int_lt(clock_boot() - started_at, SECONDS(60));
    ck_assert_str_eq(test_process_output(web), "");
}
END_TEST

static const struct {
    const char *listen;
    int status;
} addresses[] = {
    {"8081", 2},  {"localhost:8081", 2}, {"127.0.0.1:", 2}, {"127.0.0.1:65536", 2}, {"127.0.0.1:http", 2},
    {":8081", 2}, {"::1:8081", 2},       {"[::1:8081", 2},  {"192.0.2.1:0", 1},
};

START_TEST(an_address_that_cannot_be_used_is_refused)
{
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        CLEANUP(test_process_freep)
        struct test_process *p = test_drumbeat(url, "web", "--listen", addresses[i].listen, NULL);
        ck_assert_msg(test_process_status(p) == addresses[i].status, "%s: %d", addresses[i].listen,
                      test_process_status(p));
        ck_assert_msg(strstr(test_process_errors(p), addresses[i].listen), "%s", test_process_errors(p));
    }
}
END_TEST

START_TEST(two_do_not_share_an_address)
{
    char at[32];
    start_web(NULL, NULL);
    snprintf(at, sizeof at, "127.0.0.1:%d", port);
    CLEANUP(test_process_freep) struct test_process *second = test_drumbeat(url, "web", "--listen", at, NULL);
    ck_assert_int_eq(test_process_status(second), 1);
    ck_assert_ptr_nonnull(strstr(test_process_errors(second), "Address already in use"));
    stop_web();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("web");
    cluster = test_cluster_start(NULL);
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, a_path_and_a_method_have_one_answer);
    tcase_add_test(tests, head_is_get_without_the_body);
    tcase_add_test(tests, problems_are_json);
    tcase_add_test(tests, a_long_body_or_header_is_refused_and_garbage_too);
    tcase_add_test(tests, silent_connections_do_not_keep_others_out);
    tcase_add_test(tests, no_worker_is_a_warning_or_a_failure_as_asked);
    tcase_add_test(tests, a_missing_schema_is_named_and_found_when_it_comes);
    tcase_add_test(tests, a_queue_stalls_only_while_a_free_seat_could_claim_from_it);
    tcase_add_test(tests, a_limit_stalls_only_while_it_has_room);
    tcase_add_test(tests, a_backlog_that_moves_is_no_stall);
    tcase_add_test(tests, what_nobody_serves_is_named);
    tcase_add_test(tests, the_session_that_blocks_claims_is_named);
    tcase_add_test(tests, a_late_schedule_fails_and_a_missing_beat_warns);
    tcase_add_test(tests, metrics_count_what_stands_in_each_queue);
    tcase_add_test(tests, a_long_queue_is_estimated_well);
    tcase_add_test(tests, counters_grow_and_outcomes_are_told_apart);
    tcase_add_test(tests, limits_show_what_holds_them_and_what_waits);
    tcase_add_test(tests, the_names_of_the_field_are_all_there);
    tcase_add_test(tests, a_lost_bell_is_counted_and_its_task_runs);
    tcase_add_test(tests, ticks_are_counted_and_timed);
    tcase_add_test(tests, alerts_and_manual_name_the_metrics_there_are);
    tcase_add_test(tests, what_workers_count_never_goes_back);
    tcase_add_test(tests, a_reader_may_run_it);
    tcase_add_test(tests, an_outage_is_told_and_survived);
    tcase_add_test(tests, it_ends_at_once_during_an_outage);
    tcase_add_test(tests, it_does_not_start_without_a_database);
    tcase_add_test(tests, an_address_that_cannot_be_used_is_refused);
    tcase_add_test(tests, two_do_not_share_an_address);
    int failed = test_main_case("web", tests);
    test_cluster_stop(cluster);
    return failed;
}
