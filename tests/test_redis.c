/* A connection to a real Redis: replies, deadlines, errors, scripts, messages. */
#include "common/db/redis_url.h"
#include "common/base/text.h"
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static struct test_redis *server;

static const struct script add_script = {
    .name = "add",
    .text = "return redis.call('INCRBY', KEYS[1], ARGV[1])",
    .sha1 = "8cd00688c05c46bde4a2e60658ef20a2e5c0b248",
};

/* Addresses --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    enum redis_way way;
    const char *user, *password, *host, *path, *service;
    size_t hosts;
    int port, number;
} good_urls[] = {
    {"redis://", REDIS_WAY_TCP, "", "", "localhost", "", "", 1, 6379, 0},
    {"redis://cache", REDIS_WAY_TCP, "", "", "cache", "", "", 1, 6379, 0},
    {"redis://cache:7000/3", REDIS_WAY_TCP, "", "", "cache", "", "", 1, 7000, 3},
    {"redis://:s%40cret@cache/1", REDIS_WAY_TCP, "", "s@cret", "cache", "", "", 1, 6379, 1},
    {"redis://ann:p%2F%3a@[::1]:7000", REDIS_WAY_TCP, "ann", "p/:", "::1", "", "", 1, 7000, 0},
    {"redis://a:1,b:2,c/0", REDIS_WAY_TCP, "", "", "a", "", "", 3, 1, 0},
    {"unix:///run/redis.sock?db=2", REDIS_WAY_UNIX, "", "", "", "/run/redis.sock", "", 0, 0, 2},
    {"redis+socket://:x@/run/r?virtual_host=4", REDIS_WAY_UNIX, "", "x", "", "/run/r", "", 0, 0, 4},
    {"redis+sentinel://s1,s2:5/main/7", REDIS_WAY_SENTINEL, "", "", "s1", "", "main", 2, 26379, 7},
};

START_TEST(an_address_is_read)
{
    struct err e;
    struct redis_url url;
    const char *text = good_urls[_i].text;
    ck_assert_msg(redis_url_parse(text, &url, &e), "%s: %s", text, e.text);
    ck_assert_msg(url.way == good_urls[_i].way && url.host_count == good_urls[_i].hosts && url.number == good_urls[_i].number, "%s", text);
    ck_assert_str_eq(url.user, good_urls[_i].user);
    ck_assert_str_eq(url.password, good_urls[_i].password);
    ck_assert_str_eq(url.hosts[0].name, good_urls[_i].host);
    ck_assert_int_eq(url.hosts[0].port, good_urls[_i].port);
    ck_assert_str_eq(url.path, good_urls[_i].path);
    ck_assert_str_eq(url.service, good_urls[_i].service);
}
END_TEST

static const char *const bad_urls[] = {
    "",  "cache:6379", "rediss://cache", "http://cache", "redis://cache:port", "redis://cache:99999", "redis://cache/x", "redis://%zz", "redis://%00",
    "unix://relative", "unix:///", "redis+sentinel://s1", "redis+sentinel://s1/", "redis://[::1", "redis://cache?ssl=1",
};

START_TEST(a_bad_address_is_wrong_use)
{
    struct err e;
    struct redis_url url;
    ck_assert_msg(!redis_url_parse(bad_urls[_i], &url, &e), "%s", bad_urls[_i]);
    ck_assert_int_eq(e.kind, ERR_USAGE);
}
END_TEST

START_TEST(tls_is_refused_and_never_replaced_by_clear_text)
{
    struct err e;
    ck_assert_ptr_null(redis_open(&(struct redis_options){.url = "rediss://:hidden@127.0.0.1:1"}, &e));
    ck_assert_int_eq(e.kind, ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(e.text, "TLS"));
    ck_assert_ptr_null(strstr(e.text, "hidden"));
}
END_TEST

/* Calls ------------------------------------------------------------------------------------------------------------- */

static struct redis *open_server(void)
{
    struct redis *redis = test_redis_connect(test_redis_url(server));
    test_redis_do(redis, "FLUSHALL", NULL);
    return redis;
}

START_TEST(any_bytes_come_back_as_they_went)
{
    struct err e;
    const struct rd_reply *reply;
    struct redis *redis = open_server();
    const char bytes[] = "a \0\r\n%s{}'\"\xff z";
    ck_assert(redis_call(redis, NULL, &e, rd_text("SET"), rd_bytes("k\0%d", 4), rd_bytes(bytes, sizeof bytes)));
    ck_assert(redis_call(redis, &reply, &e, rd_text("GET"), rd_bytes("k\0%d", 4)));
    ck_assert_int_eq(rd_type_of(reply), RD_STRING);
    ck_assert_uint_eq(rd_length_of(reply), sizeof bytes);
    ck_assert_mem_eq(rd_text_of(reply), bytes, sizeof bytes);
    redis_close(redis);
}
END_TEST

START_TEST(each_type_of_reply_is_told)
{
    struct err e;
    const struct rd_reply *reply;
    struct redis *redis = open_server();
    ck_assert(redis_call(redis, &reply, &e, rd_text("SET"), rd_text("n"), rd_int(INT64_MIN)));
    ck_assert_int_eq(rd_type_of(reply), RD_STATUS);
    ck_assert(redis_call(redis, &reply, &e, rd_text("GET"), rd_text("n")));
    ck_assert_int_eq(rd_int_of(reply), INT64_MIN);
    ck_assert(redis_call(redis, &reply, &e, rd_text("GET"), rd_text("none")));
    ck_assert_int_eq(rd_type_of(reply), RD_NIL);
    ck_assert_str_eq(rd_text_of(reply), "");
    ck_assert(redis_call(redis, &reply, &e, rd_text("RPUSH"), rd_text("l"), rd_text("a"), rd_text("b")));
    ck_assert_int_eq(rd_int_of(reply), 2);
    ck_assert(redis_call(redis, &reply, &e, rd_text("LRANGE"), rd_text("l"), rd_int(0), rd_int(-1)));
    ck_assert_uint_eq(rd_count_of(reply), 2);
    ck_assert_str_eq(rd_text_of(rd_at(reply, 1)), "b");
    ck_assert_ptr_null(rd_at(reply, 2));
    redis_close(redis);
}
END_TEST

START_TEST(an_error_is_told_and_the_connection_stays)
{
    struct err e;
    struct redis *redis = open_server();
    test_redis_do(redis, "SET", "k", "text", NULL);
    ck_assert(!redis_call(redis, NULL, &e, rd_text("LPUSH"), rd_text("k"), rd_text("x")));
    ck_assert_int_eq(e.kind, ERR_DATA);
    ck_assert_str_eq(redis_error_code(redis), "WRONGTYPE");
    ck_assert(redis_alive(redis));
    ck_assert_str_eq(test_redis_text(redis, "GET", "k", NULL), "text");
    redis_close(redis);
}
END_TEST

START_TEST(commands_sent_together_each_have_their_reply)
{
    struct err e;
    const struct rd_reply *replies[1000];
    struct rd_call calls[1000];
    struct redis *redis = open_server();
    const struct rd_arg *incr = RD_ARGS(rd_text("INCR"), rd_text("n")), *bad = RD_ARGS(rd_text("HGET"), rd_text("n"), rd_text("f"));
    for (size_t i = 0; i < 1000; i++)
        calls[i] = (struct rd_call){.args = i == 500 ? bad : incr};
    ck_assert(!redis_calls(redis, calls, 1000, replies, &e));
    ck_assert_int_eq(rd_type_of(replies[500]), RD_ERROR);
    ck_assert_int_eq(rd_int_of(replies[499]), 500);
    ck_assert_int_eq(rd_int_of(replies[999]), 999);
    redis_close(redis);
}
END_TEST

START_TEST(a_script_that_the_server_has_forgotten_is_loaded_again)
{
    struct err e;
    const struct rd_reply *replies[2], *reply;
    struct redis *redis = open_server();
    struct rd_call calls[2] = {{.script = &add_script, .keys = 1, .args = RD_ARGS(rd_text("n"), rd_int(1))},
                               {.script = &add_script, .keys = 1, .args = RD_ARGS(rd_text("n"), rd_int(10))}};
    for (int i = 1; i <= 3; i++) {
        test_redis_do(redis, "SCRIPT", "FLUSH", NULL);
        ck_assert_msg(redis_calls(redis, calls, 2, replies, &e), "%s", e.text);
        ck_assert_int_eq(rd_int_of(replies[1]), 11 * i);
    }
    ck_assert(redis_script(redis, &add_script, 1, RD_ARGS(rd_text("n"), rd_int(-33)), &reply, &e));
    ck_assert_int_eq(rd_int_of(reply), 0);
    redis_close(redis);
}
END_TEST

START_TEST(a_command_can_be_waited_for_with_poll)
{
    struct err e;
    const struct rd_reply *reply;
    struct redis *redis = open_server(), *other = test_redis_connect(test_redis_url(server));
    ck_assert(redis_send(redis, RD_ARGS(rd_text("BLPOP"), rd_text("l"), rd_int(30)), &e));
    ck_assert(redis_take(redis, &reply, &e));
    ck_assert_ptr_null(reply);
    test_redis_do(other, "RPUSH", "l", "here", NULL);
    usec_t deadline = clock_boot() + SECONDS(20);
    while (!reply && clock_boot() < deadline)
        ck_assert(redis_take(redis, &reply, &e));
    ck_assert_str_eq(rd_text_of(rd_at(reply, 1)), "here");
    redis_close(other);
    redis_close(redis);
}
END_TEST

/* Faults ------------------------------------------------------------------------------------------------------------ */

static void on_alarm(int number)
{
    (void)number;
}

START_TEST(signals_interrupt_neither_connecting_nor_waiting)
{
    struct err e;
    struct sigaction act = {.sa_handler = on_alarm};
    struct itimerval often = {.it_interval.tv_usec = 200, .it_value.tv_usec = 200}, never = {0};
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 50; i++) {
        struct redis *redis = redis_open(&(struct redis_options){.url = test_redis_url(server)}, &e);
        ck_assert_msg(redis && redis_call(redis, NULL, &e, rd_text("PING")), "%s", e.text);
        redis_close(redis);
    }
    setitimer(ITIMER_REAL, &never, NULL);
}
END_TEST

START_TEST(a_server_that_does_not_answer_is_given_up_at_the_deadline)
{
    struct err e;
    struct test_redis *own = test_redis_start(NULL);
    struct redis *redis = test_redis_connect(test_redis_url(own));
    redis_set_call_timeout(redis, MSEC(200));
    kill(test_redis_pid(own), SIGSTOP);
    ck_assert(!redis_call(redis, NULL, &e, rd_text("PING")));
    ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
    ck_assert(!redis_alive(redis));
    kill(test_redis_pid(own), SIGCONT);
    ck_assert_msg(redis_reopen(redis, &e), "%s", e.text);
    redis_set_call_timeout(redis, SECONDS(20));
    ck_assert(redis_call(redis, NULL, &e, rd_text("PING")));
    redis_close(redis);
    test_redis_stop(own);
}
END_TEST

START_TEST(a_replica_is_no_server_to_write_to)
{
    struct err e;
    struct redis *redis = open_server();
    test_redis_do(redis, "REPLICAOF", "127.0.0.1", "1", NULL);
    ck_assert(!redis_call(redis, NULL, &e, rd_text("SET"), rd_text("k"), rd_text("v")));
    ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
    ck_assert_str_eq(redis_error_code(redis), "READONLY");
    ck_assert(!redis_alive(redis));
    ck_assert(redis_reopen(redis, &e));
    test_redis_do(redis, "REPLICAOF", "NO", "ONE", NULL);
    test_redis_do(redis, "SET", "k", "v", NULL);
    redis_close(redis);
}
END_TEST

START_TEST(a_full_server_refuses_for_now)
{
    struct err e;
    struct test_redis *own = test_redis_start(&(struct test_redis_options){.settings = (const char *const[]){"--maxmemory", "1", NULL}});
    struct redis *redis = test_redis_connect(test_redis_url(own));
    ck_assert(!redis_call(redis, NULL, &e, rd_text("SET"), rd_text("k"), rd_text("v")));
    ck_assert_int_eq(e.kind, ERR_TRANSIENT);
    ck_assert(redis_alive(redis));
    redis_close(redis);
    test_redis_stop(own);
}
END_TEST

START_TEST(a_wrong_password_is_wrong_configuration)
{
    struct err e;
    char url[512];
    struct test_redis *own = test_redis_start(&(struct test_redis_options){.settings = (const char *const[]){"--requirepass", "s@cret", NULL}});
    const char *path = test_redis_url(own) + strlen("unix://");
    snprintf(url, sizeof url, "unix://:wrong@%s", path);
    ck_assert_ptr_null(redis_open(&(struct redis_options){.url = url}, &e));
    ck_assert_int_eq(e.kind, ERR_USAGE);
    ck_assert_ptr_null(redis_open(&(struct redis_options){.url = test_redis_url(own)}, &e));
    ck_assert_int_eq(e.kind, ERR_USAGE);
    snprintf(url, sizeof url, "unix://:s%%40cret@%s?db=3", path);
    struct redis *redis = redis_open(&(struct redis_options){.url = url, .name = "keeper/1"}, &e);
    ck_assert_msg(redis != NULL, "%s", e.text);
    ck_assert_str_eq(test_redis_text(redis, "CLIENT", "GETNAME", NULL), "keeper/1");
    test_redis_do(redis, "SET", "k", "v", NULL);
    ck_assert_ptr_nonnull(strstr(test_redis_text(redis, "INFO", "keyspace", NULL), "db3:"));
    redis_close(redis);
    test_redis_stop(own);
}
END_TEST

/* Messages ---------------------------------------------------------------------------------------------------------- */

static void expect_message(struct redis *redis, const char *channel, const char *payload)
{
    struct err e;
    struct redis_message message = {0};
    ck_assert_msg(redis_receive(redis, SECONDS(20), &message, &e), "%s", e.text);
    ck_assert_ptr_nonnull(message.channel);
    ck_assert_str_eq(message.channel, channel);
    ck_assert_str_eq(message.payload, payload);
}

START_TEST(messages_come_in_order_and_none_is_no_error)
{
    struct err e;
    struct redis_message message;
    struct redis *listener = open_server(), *other = test_redis_connect(test_redis_url(server));
    ck_assert(redis_subscribe(listener, "news", false, &e));
    test_redis_do(other, "PUBLISH", "news", "1", NULL);
    ck_assert(redis_subscribe(listener, "deep/*", true, &e));
    test_redis_do(other, "PUBLISH", "deep/er", "2", NULL);
    expect_message(listener, "news", "1");
    expect_message(listener, "deep/er", "2");
    ck_assert(redis_receive(listener, 0, &message, &e));
    ck_assert_ptr_null(message.channel);
    ck_assert(redis_unsubscribe(listener, "news", &e));
    test_redis_do(other, "PUBLISH", "deep/est", "3", NULL);
    expect_message(listener, "deep/est", "3");
    redis_close(other);
    redis_close(listener);
}
END_TEST

START_TEST(a_listener_that_connects_again_hears_all_it_heard_before)
{
    struct err e;
    struct redis_message message;
    struct test_redis *own = test_redis_start(NULL);
    struct redis *listener = test_redis_connect(test_redis_url(own));
    ck_assert(redis_subscribe(listener, "a", false, &e));
    ck_assert(redis_subscribe(listener, "b*", true, &e));
    test_redis_crash(own);
    ck_assert(!redis_receive(listener, SECONDS(20), &message, &e));
    ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
    ck_assert(!redis_reopen(listener, &e));
    test_redis_restart(own);
    ck_assert_msg(redis_reopen(listener, &e), "%s", e.text);
    struct redis *other = test_redis_connect(test_redis_url(own));
    test_redis_do(other, "PUBLISH", "a", "1", NULL);
    test_redis_do(other, "PUBLISH", "bb", "2", NULL);
    expect_message(listener, "a", "1");
    expect_message(listener, "bb", "2");
    redis_close(other);
    redis_close(listener);
    test_redis_stop(own);
}
END_TEST

START_TEST(a_silent_server_is_noticed_by_a_listener)
{
    struct err e;
    struct redis_message message;
    struct test_redis *own = test_redis_start(NULL);
    struct redis *listener = test_redis_connect(test_redis_url(own));
    ck_assert(redis_subscribe(listener, "a", false, &e));
    redis_set_call_timeout(listener, MSEC(200));
    ck_assert_msg(redis_receive(listener, SECONDS(1), &message, &e), "an idle connection is alive: %s", e.text);
    kill(test_redis_pid(own), SIGSTOP);
    ck_assert(!redis_receive(listener, SECONDS(20), &message, &e));
    ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
    redis_close(listener);
    kill(test_redis_pid(own), SIGCONT);
    test_redis_stop(own);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("redis");
    TCase *c = tcase_create("connection");
    tcase_set_timeout(c, 90);
    tcase_add_loop_test(c, an_address_is_read, 0, sizeof good_urls / sizeof *good_urls);
    tcase_add_loop_test(c, a_bad_address_is_wrong_use, 0, sizeof bad_urls / sizeof *bad_urls);
    tcase_add_test(c, tls_is_refused_and_never_replaced_by_clear_text);
    tcase_add_test(c, any_bytes_come_back_as_they_went);
    tcase_add_test(c, each_type_of_reply_is_told);
    tcase_add_test(c, an_error_is_told_and_the_connection_stays);
    tcase_add_test(c, commands_sent_together_each_have_their_reply);
    tcase_add_test(c, a_script_that_the_server_has_forgotten_is_loaded_again);
    tcase_add_test(c, a_command_can_be_waited_for_with_poll);
    tcase_add_test(c, signals_interrupt_neither_connecting_nor_waiting);
    tcase_add_test(c, a_server_that_does_not_answer_is_given_up_at_the_deadline);
    tcase_add_test(c, a_replica_is_no_server_to_write_to);
    tcase_add_test(c, a_full_server_refuses_for_now);
    tcase_add_test(c, a_wrong_password_is_wrong_configuration);
    tcase_add_test(c, messages_come_in_order_and_none_is_no_error);
    tcase_add_test(c, a_listener_that_connects_again_hears_all_it_heard_before);
    tcase_add_test(c, a_silent_server_is_noticed_by_a_listener);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    server = test_redis_start(NULL);
    return test_main(suite());
}
