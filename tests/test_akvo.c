/* Data points from Kafka into a database, against the cluster of straw that librdkafka has for tests: real sockets and the real protocol. */
#include "tasks/akvo/akvo.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_akvo_message.h"
#include "tests/test_http_server.h"
#include "tests/test_pmp_task.h"

#include <check.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *url;
static struct pg *pg;
static rd_kafka_t *producer;
static rd_kafka_mock_cluster_t *cluster;
static char base[256];

enum { MILLISECONDS = 30000 };

/* The cluster and who writes to it live in the process of each test. */
static void start_cluster(void)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL); /* it complains that it has no address, which it is to have none of */
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    ck_assert_msg(host != NULL, "%s", why);
    cluster = rd_kafka_mock_cluster_new(host, 1);
    snprintf(base, sizeof base, "kafka://%s", rd_kafka_mock_cluster_bootstraps(cluster));
    conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster), why, sizeof why);
    rd_kafka_conf_set(conf, "topic.metadata.refresh.interval.ms", "20", why, sizeof why); /* so that the cluster notices its end at once */
    rd_kafka_conf_set_log_cb(conf, NULL);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    ck_assert_msg(producer != NULL, "%s", why);
}

static void set_up(void)
{
    start_cluster();
    pg = test_connect(url);
    test_sql(pg, "TRUNCATE registry.akvo_tenant, registry.akvo_partition, registry.sync_log, drumbeat.attempt_lock, drumbeat.running RESTART IDENTITY;"
                 "DO $$ DECLARE s text; BEGIN FOR s IN SELECT nspname FROM pg_namespace WHERE nspname LIKE 'afm\\_%' LOOP"
                 " EXECUTE format('DROP SCHEMA %I CASCADE', s); END LOOP; END $$");
}

static void tear_down(void)
{
    rd_kafka_t *host = rd_kafka_mock_cluster_handle(cluster);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(producer);
    rd_kafka_destroy(host);
    pg_close(pg);
}

/* The producer is shown the topic at once: by itself it looks once a second. */
static void make_topic(const char *topic, int partitions)
{
    const struct rd_kafka_metadata *found;
    ck_assert_int_eq(rd_kafka_mock_topic_create(cluster, topic, partitions, 1), 0);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer, topic, NULL);
    ck_assert_int_eq(rd_kafka_metadata(producer, 0, handle, &found, MILLISECONDS), 0);
    rd_kafka_metadata_destroy(found);
    rd_kafka_topic_destroy(handle);
}

static void put_bytes(const char *topic, int32_t partition, const void *bytes, size_t len)
{
    rd_kafka_resp_err_t code = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                                 RD_KAFKA_V_VALUE((void *)(uintptr_t)bytes, len), RD_KAFKA_V_END);
    ck_assert_msg(!code, "%s", rd_kafka_err2str(code));
    ck_assert_int_eq(rd_kafka_flush(producer, MILLISECONDS), 0);
}

static void put(const char *topic, const char *identifier, double longitude, int64_t updated)
{
    const struct message message = {identifier, 7, longitude, 8.5, false, 1000, updated};
    struct wire w = wire_message(&message);
    put_bytes(topic, 0, w.bytes, w.len);
}

static struct test_run *run_with(const char *more)
{
    char args[256];
    const struct test_runner runner = {.database = url, .upstream = base};
    snprintf(args, sizeof args, "{\"upstream\": \"pmp\"%s}", more);
    return test_run(&runner, &handler_akvo_datapoints, args);
}

static void succeed(void)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with("");
    ck_assert_msg(r->end.success, "%s\n%s", r->end.error.text, text_str(&r->log));
}

/* successful, fetched, created, updated, unchanged, skipped, failed of the last run. */
static const char *last(void)
{
    return test_text(pg, "SELECT concat_ws(' ', successful, fetched, created, updated, unchanged, skipped, failed) FROM registry.sync_log ORDER BY id DESC LIMIT 1");
}

static int64_t runs(void)
{
    return test_number(pg, "SELECT count(*) FROM registry.sync_log");
}

#define POINTS "afm_liberia_datapoint.datapoint"

/* Good days ------------------------------------------------------------------------------------------- */

START_TEST(each_topic_gets_a_schema_and_its_points)
{
    make_topic("Liberia.datapoint", 1);
    make_topic("mali.datapoint", 3);
    make_topic("other", 1);
    put("Liberia.datapoint", "a", -9.5, 2000);
    put("mali.datapoint", "a", -8.25, 2000);
    put("mali.datapoint", "b", -8, 2000);
    put("other", "c", 1, 2000);
    succeed();
    ck_assert_str_eq(last(), "t 3 3 0 0 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(concat_ws(' ', tenant, schema_name, creation_state), ', ' ORDER BY tenant COLLATE \"C\") FROM registry.akvo_tenant"),
                     "Liberia.datapoint afm_liberia_datapoint done, mali.datapoint afm_mali_datapoint done");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', identifier, survey_id, extract(epoch FROM created_date_time)::int,"
                                   " extract(epoch FROM last_update_date_time)::int) FROM " POINTS), "a 7 1 2");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM afm_mali_datapoint.datapoint"), 2);
}
END_TEST

START_TEST(a_point_is_where_it_was_said_to_be)
{
    make_topic("liberia.datapoint", 1);
    put("liberia.datapoint", "a", -9.5, 2000);
    succeed();
    bool postgis = test_number(pg, "SELECT count(*) FROM pg_extension WHERE extname = 'postgis'") == 1;
    ck_assert_str_eq(test_text(pg, postgis ? "SELECT st_astext(geom) || st_srid(geom) FROM " POINTS
                                           : "SELECT concat(geom->>'type', geom->>'coordinates') FROM " POINTS),
                     postgis ? "POINT(-9.5 8.5)4326" : "Point[-9.5, 8.5]");
}
END_TEST

START_TEST(the_newest_wins_whatever_comes_first)
{
    make_topic("liberia.datapoint", 1);
    put("liberia.datapoint", "a", 3, 3000);
    put("liberia.datapoint", "a", 2, 2000);
    put("liberia.datapoint", "b", 1, 1000);
    succeed();
    ck_assert_str_eq(last(), "t 3 2 0 1 0 0");
    put("liberia.datapoint", "a", 1, 1000);
    put("liberia.datapoint", "b", 5, 5000);
    put("liberia.datapoint", "b", 4, 4000);
    succeed();
    ck_assert_str_eq(last(), "t 3 0 1 2 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(identifier || extract(epoch FROM last_update_date_time)::int, ' ' ORDER BY identifier) FROM " POINTS), "a3 b5");
}
END_TEST

/* Wherever a batch ends between them. */
START_TEST(of_two_with_one_moment_the_first_stays)
{
    make_topic("liberia.datapoint", 1);
    put("liberia.datapoint", "a", 1, 2000);
    put("liberia.datapoint", "a", 2, 2000);
    put("liberia.datapoint", "b", 2, 2000);
    succeed();
    put("liberia.datapoint", "b", 1, 2000);
    succeed();
    ck_assert_str_eq(last(), "t 1 0 0 1 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT count(DISTINCT geom::text) || ' ' || count(*) FROM " POINTS " WHERE identifier = 'a' AND geom::text <> (SELECT geom::text FROM "
                                   POINTS " WHERE identifier = 'b')"), "1 1");
}
END_TEST

START_TEST(a_run_without_news_writes_nothing)
{
    make_topic("liberia.datapoint", 2);
    put("liberia.datapoint", "a", 3, 3000);
    succeed();
    ck_assert_int_eq(runs(), 1);
    succeed();
    ck_assert_int_eq(runs(), 1);
}
END_TEST

START_TEST(a_new_tenant_is_seen_by_the_next_run)
{
    make_topic("liberia.datapoint", 1);
    put("liberia.datapoint", "a", 3, 3000);
    succeed();
    make_topic("mali.datapoint", 1);
    put("mali.datapoint", "a", 3, 3000);
    succeed();
    ck_assert_str_eq(last(), "t 1 1 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM afm_mali_datapoint.datapoint"), 1);
}
END_TEST

START_TEST(many_messages_of_several_partitions_all_arrive)
{
    enum { EACH = 1500 };
    make_topic("liberia.datapoint", 2);
    for (int i = 0; i < 2 * EACH; i++) {
        char identifier[32];
        snprintf(identifier, sizeof identifier, "point-%d", i);
        struct wire w = wire_message(&(struct message){identifier, 7, 1, 2, false, 1000, 2000});
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("liberia.datapoint"), RD_KAFKA_V_PARTITION(i % 2), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(w.bytes, w.len), RD_KAFKA_V_END);
    }
    ck_assert_int_eq(rd_kafka_flush(producer, MILLISECONDS), 0);
    struct test_run *r CLEANUP(test_run_freep) = run_with("");
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_eq(r->end.progress_value, 2 * EACH);
    ck_assert_int_eq(r->end.end_value, 2 * EACH);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM " POINTS), 2 * EACH);
    ck_assert_int_eq(test_number(pg, "SELECT sum(next_offset) FROM registry.akvo_partition WHERE lag = 0"), 2 * EACH);
}
END_TEST

/* Bad messages ---------------------------------------------------------------------------------------- */

START_TEST(a_bad_message_is_told_with_its_place_and_the_rest_comes)
{
    make_topic("liberia.datapoint", 1);
    put("liberia.datapoint", "a", 1, 2000);
    put_bytes("liberia.datapoint", 0, "not avro", 8);
    put("liberia.datapoint", "b", 999, 2000);
    put_bytes("liberia.datapoint", 0, NULL, 0);
    put("liberia.datapoint", "c", 1, 2000);
    succeed();
    ck_assert_str_eq(last(), "t 5 2 0 0 1 2");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(concat_ws('|', f->>'id', f->>'page', f->>'index', f->>'field', f->>'reason'), E'\\n')"
                                   "  FROM registry.sync_log, jsonb_array_elements(data->'failures') f"),
                     "liberia.datapoint|0|1|it does not begin with a 0 and the number of its schema\n"
                     "liberia.datapoint|0|2|longitude|999 is not on earth");
    succeed();
    ck_assert_int_eq(runs(), 1);
}
END_TEST

START_TEST(what_the_database_refuses_is_told_and_the_rest_comes)
{
    make_topic("liberia.datapoint", 1);
    put("liberia.datapoint", "a", 1, 2000);
    succeed();
    test_sql(pg, "ALTER TABLE " POINTS " ADD CHECK (identifier <> 'poison')");
    put("liberia.datapoint", "b", 1, 2000);
    put("liberia.datapoint", "poison", 1, 2000);
    put("liberia.datapoint", "c", 1, 2000);
    succeed();
    ck_assert_str_eq(last(), "t 3 2 0 0 0 1");
}
END_TEST

START_TEST(a_tenant_that_cannot_be_opened_does_not_stop_the_others)
{
    make_topic("liberia.datapoint", 1);
    make_topic("mali.datapoint", 1);
    test_sql(pg, "CREATE SCHEMA afm_liberia_datapoint; CREATE VIEW " POINTS " AS SELECT 1 AS identifier");
    put("liberia.datapoint", "a", 1, 2000);
    put("mali.datapoint", "a", 1, 2000);
    struct test_run *r CLEANUP(test_run_freep) = run_with("");
    bool told = !r->end.success || test_number(pg, "SELECT failed FROM registry.sync_log ORDER BY id DESC LIMIT 1") == 1;
    ck_assert_msg(told, "%s", text_str(&r->log));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM afm_mali_datapoint.datapoint"), 1);
}
END_TEST

/* Bad days -------------------------------------------------------------------------------------------- */

START_TEST(what_a_crash_left_uncommitted_is_read_again_and_changes_nothing)
{
    make_topic("liberia.datapoint", 1);
    put("liberia.datapoint", "a", 1, 2000);
    put("liberia.datapoint", "b", 1, 2000);
    rd_kafka_mock_push_request_errors(cluster, 8 /* OffsetCommit */, 1, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    struct test_run *r CLEANUP(test_run_freep) = run_with("");
    ck_assert_int_eq(r->end.error.kind, ERR_TRANSIENT);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM " POINTS), 2);
    const char *xmin = test_text(pg, "SELECT string_agg(xmin::text, ' ') FROM " POINTS);
    char before[64];
    snprintf(before, sizeof before, "%s", xmin);
    test_sql(pg, "TRUNCATE registry.akvo_partition");
    succeed();
    ck_assert_str_eq(last(), "t 2 0 0 2 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(xmin::text, ' ') FROM " POINTS), before);
}
END_TEST

START_TEST(offsets_that_the_group_has_forgotten_are_known_here)
{
    make_topic("liberia.datapoint", 1);
    put("liberia.datapoint", "a", 1, 2000);
    put("liberia.datapoint", "b", 1, 2000);
    succeed();
    put("liberia.datapoint", "c", 1, 2000);
    struct test_run *r CLEANUP(test_run_freep) = run_with(", \"group\": \"another\"");
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(last(), "t 1 1 0 0 0 0");
}
END_TEST

START_TEST(a_schema_that_was_begun_is_finished)
{
    make_topic("liberia.datapoint", 1);
    test_sql(pg, "INSERT INTO registry.akvo_tenant (tenant, schema_name) VALUES ('liberia.datapoint', 'afm_liberia_datapoint'); CREATE SCHEMA afm_liberia_datapoint");
    put("liberia.datapoint", "a", 1, 2000);
    succeed();
    ck_assert_str_eq(test_text(pg, "SELECT creation_state FROM registry.akvo_tenant"), "done");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM " POINTS), 1);
}
END_TEST

START_TEST(tenants_whose_names_come_to_the_same_have_schemas_of_their_own)
{
    make_topic("mali.datapoint", 1);
    make_topic("mali_datapoint", 1);
    put("mali.datapoint", "a", 1, 2000);
    put("mali_datapoint", "a", 1, 2000);
    succeed();
    ck_assert_int_eq(test_number(pg, "SELECT count(DISTINCT schema_name) FROM registry.akvo_tenant WHERE schema_name LIKE 'afm\\_mali\\_datapoint%'"), 2);
}
END_TEST

START_TEST(a_run_beside_another_one_is_left_out)
{
    make_topic("liberia.datapoint", 1);
    put("liberia.datapoint", "a", 1, 2000);
    test_sql(pg, "INSERT INTO drumbeat.running (task_id, fence, worker, seat, place, seq, attempt, allowed)"
                 " VALUES ('00000000-0000-7000-8000-000000000001', 77, '00000000-0000-7000-8000-000000000002', 0, 1, 1, 1, 3);"
                 "INSERT INTO drumbeat.attempt_lock (key, task_id, fence)"
                 " VALUES ('akvo.datapoints/pmp/akvo-flow-maps-consumer', '00000000-0000-7000-8000-000000000001', 77)");
    succeed();
    ck_assert_int_eq(runs(), 0);
}
END_TEST

/* The schema of a message, asked for once, tells the order of its members. */
static bool ask_registry(struct task *task, const void *data, struct err *e)
{
    static const uint8_t bytes[] = {0, 0, 0, 0, 9, 4, 2, 6, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40, 2, 'x'};
    struct akvo_point point;
    struct http *http CLEANUP(http_closep) = http_open(task, "pmp", NULL, e);
    struct akvo_schemas *schemas = task_alloc(task, sizeof *schemas);
    (void)data;
    schemas->http = http;
    bool good = http && akvo_read_point(schemas, bytes, sizeof bytes, task_region(task), &point, e) &&
                akvo_read_point(schemas, bytes, sizeof bytes, task_region(task), &point, e);
    akvo_schemas_free(schemas);
    return good && (strcmp(point.identifier, "x") == 0 && point.survey_id == 3 && point.created_ms == 2 && point.updated_ms == 1 &&
                    strcmp(point.latitude, "1") == 0 && strcmp(point.longitude, "2") == 0);
}

START_TEST(a_schema_registry_tells_the_order_of_the_members)
{
    static const struct handler handler = {.name = "test", .run = ask_registry};
    const struct scripted rows[] = {
        {.answer = scripted_json(200, "", "{\"schema\": \"{\\\"type\\\":\\\"record\\\",\\\"fields\\\":["
                                          "{\\\"name\\\":\\\"created_date_time\\\",\\\"type\\\":\\\"long\\\"},"
                                          "{\\\"name\\\":\\\"last_update_date_time\\\",\\\"type\\\":\\\"long\\\"},"
                                          "{\\\"name\\\":\\\"survey_id\\\",\\\"type\\\":\\\"int\\\"},"
                                          "{\\\"name\\\":\\\"latitude\\\",\\\"type\\\":\\\"double\\\"},"
                                          "{\\\"name\\\":\\\"longitude\\\",\\\"type\\\":\\\"double\\\"},"
                                          "{\\\"name\\\":\\\"identifier\\\",\\\"type\\\":\\\"string\\\"}]}\"}")}, {0}};
    char registry[64];
    scripted_start(rows, registry);
    const struct test_runner runner = {.database = url, .upstream = registry};
    struct test_run *r CLEANUP(test_run_freep) = test_run(&runner, &handler, "{}");
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_eq(scripted_count(), 1);
    ck_assert_ptr_eq(strstr(scripted_request(0), "GET /schemas/ids/9 HTTP/1.1"), scripted_request(0));
    scripted_stop();
}
END_TEST

START_TEST(a_server_that_is_none_is_told)
{
    snprintf(base, sizeof base, "http://127.0.0.1:9092");
    struct test_run *r CLEANUP(test_run_freep) = run_with("");
    ck_assert_int_eq(r->end.error.kind, ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "kafka://"));
}
END_TEST

/* A process that is told the address and then runs once: begun before this one has librdkafka's threads, whose locks it would have as they were. */
static pid_t apart;
static int tell_apart;

static void set_up_apart(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    apart = fork();
    ck_assert_int_ge(apart, 0);
    if (apart == 0) {
        close(ends[1]);
        if (read(ends[0], base, sizeof base) == (ssize_t)sizeof base)
            test_run_free(run_with(""));
        _exit(EXIT_SUCCESS);
    }
    close(ends[0]);
    tell_apart = ends[1];
    set_up();
}

/* The row of the point in the middle is held, so that the run stands still there when it is killed. */
START_TEST(after_a_kill_in_the_middle_the_next_run_brings_the_rest)
{
    enum { MANY = 3000 };
    char name[16];
    int status;
    struct pg *other = test_connect(url);
    make_topic("liberia.datapoint", 1);
    put("liberia.datapoint", "first", 1, 2000);
    succeed();
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "p%d", i);
        const struct message message = {name, 7, 1, 8.5, false, 1000, 2000};
        struct wire w = wire_message(&message);
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("liberia.datapoint"), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(w.bytes, w.len), RD_KAFKA_V_END);
    }
    ck_assert_int_eq(rd_kafka_flush(producer, MILLISECONDS), 0);
    test_sql(other, "BEGIN; INSERT INTO " POINTS " SELECT 'p2500', survey_id, created_date_time, last_update_date_time, geom FROM " POINTS);
    ck_assert_int_eq(write(tell_apart, base, sizeof base), sizeof base);
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()", 1, SECONDS(60)));
    ck_assert_int_eq(kill(apart, SIGKILL), 0);
    ck_assert_int_eq(waitpid(apart, &status, 0), apart);
    test_sql(other, "ROLLBACK");
    pg_close(other);
    int64_t kept = test_number(pg, "SELECT next_offset FROM registry.akvo_partition");
    ck_assert_int_lt(kept, 2502);
    succeed();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM " POINTS), 1 + MANY);
    ck_assert_int_eq(test_number(pg, "SELECT sum(lag) FROM registry.akvo_partition"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT created FROM registry.sync_log ORDER BY id DESC LIMIT 1"), 1 + MANY - kept);
}
END_TEST

/* What is configured reaches librdkafka, which says what is wrong with it before anything is asked. */
#define NO_PEM "akvo-no.pem" /* where the test runs: the text of a certificate that is none */
static const struct {
    const char *what, *scheme, *user, *password, *more, *args, *words;
} settings[] = {
    {"a way to sign in that there is not", "kafka", "u", "p", NULL, ", \"mechanism\": \"NONSENSE\"", "NONSENSE"},
    {"a user without a password", "kafka", "u", NULL, NULL, "", "sasl.password"},
    {"SCRAM without a password", "kafka", "u", NULL, NULL, ", \"mechanism\": \"SCRAM-SHA-512\"", "sasl.password"},
    {"authorities that are not there", "kafkas", NULL, NULL, "    ca: /nowhere/ca.pem\n", "", "ssl.ca.location"},
    {"authorities that are none", "kafkas", NULL, NULL, "    ca: file:" NO_PEM "\n", "", "ssl.ca.pem"},
    {"a certificate that is not there", "kafkas", NULL, NULL, "    cert: /nowhere/cert.pem\n    cert_key: /nowhere/key.pem\n", "", "ssl.certificate.location"},
};

START_TEST(settings_that_cannot_be_are_told)
{
    char address[256];
    FILE *pem = fopen(NO_PEM, "we");
    ck_assert_ptr_nonnull(pem);
    fputs("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", pem);
    fclose(pem);
    snprintf(address, sizeof address, "%s%s", settings[_i].scheme, strstr(base, "://"));
    const struct test_runner runner = {.database = url, .upstream = address, .user = settings[_i].user, .password = settings[_i].password, .more = settings[_i].more};
    char args[256];
    snprintf(args, sizeof args, "{\"upstream\": \"pmp\"%s}", settings[_i].args);
    struct test_run *r CLEANUP(test_run_freep) = test_run(&runner, &handler_akvo_datapoints, args);
    unlink(NO_PEM);
    ck_assert_msg(r->end.error.kind == ERR_USAGE && strstr(r->end.error.text, settings[_i].words), "%s: %s", settings[_i].what, r->end.error.text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {each_topic_gets_a_schema_and_its_points,
                                  a_point_is_where_it_was_said_to_be,
                                  the_newest_wins_whatever_comes_first,
                                  of_two_with_one_moment_the_first_stays,
                                  a_run_without_news_writes_nothing,
                                  a_new_tenant_is_seen_by_the_next_run,
                                  many_messages_of_several_partitions_all_arrive,
                                  a_bad_message_is_told_with_its_place_and_the_rest_comes,
                                  what_the_database_refuses_is_told_and_the_rest_comes,
                                  a_tenant_that_cannot_be_opened_does_not_stop_the_others,
                                  what_a_crash_left_uncommitted_is_read_again_and_changes_nothing,
                                  offsets_that_the_group_has_forgotten_are_known_here,
                                  a_schema_that_was_begun_is_finished,
                                  tenants_whose_names_come_to_the_same_have_schemas_of_their_own,
                                  a_run_beside_another_one_is_left_out,
                                  a_schema_registry_tells_the_order_of_the_members,
                                  a_server_that_is_none_is_told};
    url = test_cluster_database(test_cluster_start(NULL));
    Suite *suite = suite_create("akvo");
    TCase *group = tcase_create("akvo");
    tcase_set_timeout(group, 60);
    tcase_add_checked_fixture(group, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(group, tests[i]);
    tcase_add_loop_test(group, settings_that_cannot_be_are_told, 0, (int)(sizeof settings / sizeof *settings));
    suite_add_tcase(suite, group);
    TCase *killed = tcase_create("killed");
    tcase_set_timeout(killed, 120);
    tcase_add_checked_fixture(killed, set_up_apart, tear_down);
    tcase_add_test(killed, after_a_kill_in_the_middle_the_next_run_brings_the_rest);
    suite_add_tcase(suite, killed);
    return test_main(suite);
}
