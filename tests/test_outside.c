/* The outside checker: enqueuers, readers and an operator, each a process with a connection of its own, write down what they did and saw;
 * so do the commands that tasks run. Meanwhile children, keepers, workers, sessions and the server are killed or stopped at random. In
 * the end the judge (tests/storm/history.h), who knows none of the product's tables, looks for what cannot be; and the invariants are
 * read. That the judge would find it is shown with the fence switched off.
 *
 * OUTSIDE_SECONDS makes it longer, OUTSIDE_SEED replays the dice of a run (not the scheduling of the machine). */
#include "tests/fixture/main.h"
#include "tests/storm/family.h"
#include "tests/storm/history.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 2, ENQUEUERS = 2, READERS = 2, CLIENTS = ENQUEUERS + READERS + 1, DEPTH_CHILDREN = 2, DEPTH_COMMANDS, FAMILY_MAX = 64 };

struct outside {
    struct stage stage;
    const char *history, *config;
    struct test_process *worker[WORKERS];
    pid_t clients[CLIENTS];
    usec_t lasts, until;
    int faults, crashes;
};

/* Dice -------------------------------------------------------------------------------------------------------------- */

static uint64_t dice;

static unsigned throw_dice(unsigned sides)
{
    uint64_t z = (dice += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (unsigned)((z ^ (z >> 31)) >> 33) % sides;
}

static long number_from(const char *variable, long fallback)
{
    const char *text = getenv(variable);
    return text && *text ? atol(text) : fallback;
}

/* The command that some tasks run ------------------------------------------------------------------------------------- */

/* Tells the history that it runs, again and again, and the worker how far it is. */
static int witness(const char *history)
{
    const char *id = getenv("DRUMBEAT_TASK_ID"), *attempt = getenv("DRUMBEAT_ATTEMPT");
    struct event event = {.kind = RUNS, .value = getpid(), .attempt = atoi(attempt ? attempt : "0")};
    if (!id || !uuid_parse(id, &event.task))
        return 1;
    history_open(history);
    for (int step = 0; step <= 10; step++) {
        event.begin = event.end = clock_boot();
        history_add(&event);
        dprintf(3, "{\"progress\": %d, \"total\": 10}\n", step);
        usleep(10000);
    }
    return 0;
}

/* Clients ------------------------------------------------------------------------------------------------------------- */

static struct pg *again(const char *url)
{
    struct err e;
    struct pg_options options = {.url = url, .application = "test", .pooled = true, .connect_timeout = SECONDS(2)};
    return pg_open(&options, &e);
}

static const struct kind {
    const char *name, *args, *options;
    int expects;
} kinds[] = {
    {"witness", "{}", "", 0},
    {"witness", "{}", ", priority => 2", 0},
    {"witness", "{}", ", queue => 'other'", 0},
    {"effect", "{}", "", EXPECTS_EFFECT},
    {"effect", "{}", ", run_at => clock_timestamp() + interval '200 ms'", EXPECTS_EFFECT},
    {"noop", "{}", "", 0},
    {"echo", "{\"a\": [1, 2]}", "", 0},
    {"sleep", "{\"seconds\": 0.2, \"steps\": 10}", "", 0},
    {"fail", "{\"times\": 1}", "", 0},
    {"fail", "{\"retryable\": false}", "", EXPECTS_ERROR},
    {"crash", "{\"times\": 1}", "", 0},
    {"hog", "{\"memory_mib\": 16, \"seconds\": 0.1}", "", 0},
    {"noop", "{}", ", expires_at => clock_timestamp() + interval '50 ms', priority => 9", EXPECTS_EXPIRY},
};

/* One transaction: it is committed, rolled back, or nobody knows. False: the connection is gone. */
static bool enqueue_one(struct pg *pg, int client)
{
    const struct kind *kind = &kinds[throw_dice(sizeof kinds / sizeof *kinds)];
    char text[512];
    struct err e;
    struct pg_rows rows;
    struct event event = {.client = client, .value = kind->expects};
    snprintf(text, sizeof text, "SELECT drumbeat.enqueue('%s', '%s', max_attempts => 100%s)", kind->name, kind->args, kind->options);
    struct sql query = {.name = "enqueue", .text = text};
    if (!pg_begin(pg, &e) || !pg_exec(pg, &query, &rows, &e))
        return false;
    event.task = pg_get_uuid(&rows, 0, 0);
    bool rolls_back = throw_dice(8) == 0;
    event.begin = clock_boot();
    bool good = rolls_back ? pg_rollback(pg, &e) : pg_commit(pg, &e);
    event.end = clock_boot();
    event.kind = rolls_back ? ROLLED_BACK : good ? ENQUEUED : PERHAPS;
    history_add(&event);
    return good;
}

static bool read_some(struct pg *pg, int client)
{
    static const struct sql query = {.name = "read", .text =
        "(SELECT id, status, attempt, coalesce(progress_value, 0), started_at FROM drumbeat.task ORDER BY id DESC LIMIT 60)"
        " UNION ALL (SELECT id, status, attempt, coalesce(progress_value, 0), started_at FROM drumbeat.task WHERE id > $1 ORDER BY id LIMIT 20)"};
    static struct uuid newest;
    struct err e;
    struct pg_rows rows;
    struct uuid from = newest;
    /* Ids begin with their millisecond: some that are up to 16 s older than the newest one. */
    unsigned back = throw_dice(16384);
    for (int byte = 5; byte >= 0 && back; byte--) {
        unsigned part = back & 255;
        back = (back >> 8) + (from.bytes[byte] < part);
        from.bytes[byte] = (uint8_t)(from.bytes[byte] - part);
    }
    usec_t begin = clock_boot();
    if (!pg_exec(pg, &query, &rows, &e, pg_uuid(from)))
        return false;
    usec_t end = clock_boot();
    for (size_t i = 0; i < rows.count; i++)
        history_add(&(struct event){.kind = READ, .begin = begin, .end = end, .client = client, .task = pg_get_uuid(&rows, i, 0),
                                    .status = (uint8_t)history_status(pg_get_text(&rows, i, 1)), .attempt = (int32_t)pg_get_int(&rows, i, 2),
                                    .value = pg_get_int(&rows, i, 3), .started_at = pg_get_time(&rows, i, 4)});
    if (rows.count > 0)
        newest = pg_get_uuid(&rows, 0, 0);
    return true;
}

/* Ask for something about a task. The question is part of the history before it is sent: it may happen and nobody is left to tell. */
static bool ask(struct pg *pg, int client, struct uuid task, enum event_kind kind)
{
    static const struct sql cancel = {.name = "cancel", .text = "SELECT drumbeat.cancel($1)"}, retry = {.name = "retry", .text = "SELECT drumbeat.retry($1)"};
    struct err e;
    struct pg_rows rows;
    struct event event = {.kind = (uint8_t)kind, .client = client, .task = task, .begin = clock_boot(), .value = -1};
    bool good = pg_exec(pg, kind == ASKED_CANCEL ? &cancel : &retry, &rows, &e, pg_uuid(task));
    event.end = clock_boot();
    if (good)
        event.value = !pg_is_null(&rows, 0, 0) && pg_get_bool(&rows, 0, 0);
    else
        event.end += SECONDS(5); /* its session may not have noticed yet */
    history_add(&event);
    return good || pg_alive(pg); /* a key that another task holds refuses a retry */
}

static bool operate(struct pg *pg, int client)
{
    static const struct sql pick = {.name = "pick", .text = "SELECT id, status FROM (SELECT id, status FROM drumbeat.task ORDER BY id DESC LIMIT 40) t ORDER BY random() LIMIT 2"},
                            pause = {.name = "pause", .text = "SELECT drumbeat.pause('other')"}, resume = {.name = "resume", .text = "SELECT drumbeat.resume('other')"};
    struct err e;
    struct pg_rows rows;
    struct uuid task[2];
    bool final[2];
    if (!pg_exec(pg, throw_dice(2) ? &resume : &pause, NULL, &e) || !pg_exec(pg, &pick, &rows, &e))
        return false;
    size_t count = rows.count;
    for (size_t i = 0; i < count; i++) {
        task[i] = pg_get_uuid(&rows, i, 0);
        final[i] = history_status(pg_get_text(&rows, i, 1)) >= SEEN_SUCCESS;
    }
    for (size_t i = 0; i < count; i++)
        if (!ask(pg, client, task[i], final[i] ? ASKED_RETRY : ASKED_CANCEL))
            return false;
    return true;
}

typedef bool client_turn(struct pg *pg, int client);

static void client_loop(const struct outside *o, int number, client_turn *turn, unsigned pause)
{
    struct pg *pg = NULL;
    dice += (uint64_t)number * 7919;
    history_open(o->history);
    while (clock_boot() < o->until) {
        if (!pg)
            pg = again(o->stage.url);
        if (pg && !turn(pg, number)) {
            pg_close(pg);
            pg = NULL;
        }
        usleep(pg ? 1000 + throw_dice(2 * pause) : 20000);
    }
    pg_close(pg);
    _exit(0);
}

static void start_clients(struct outside *o)
{
    for (int i = 0; i < CLIENTS; i++) {
        o->clients[i] = check_fork();
        if (o->clients[i] > 0)
            continue;
        if (i < ENQUEUERS)
            client_loop(o, i, enqueue_one, 30000);
        else if (i < ENQUEUERS + READERS)
            client_loop(o, i, read_some, 15000);
        else
            client_loop(o, i, operate, 50000);
    }
}

static void await_clients(struct outside *o)
{
    for (int i = 0; i < CLIENTS; i++) {
        int status;
        ck_assert_int_eq(waitpid(o->clients[i], &status, 0), o->clients[i]);
        ck_assert_int_eq(status, 0);
    }
}

/* Faults -------------------------------------------------------------------------------------------------------------- */

static void start_worker(struct outside *o, int i)
{
    char url[600];
    snprintf(url, sizeof url, "DATABASE_URL=%s", o->stage.url);
    const char *argv[] = {test_build_path("drumbeat"), "worker", "--config", o->config, NULL}, *env[] = {url, NULL};
    test_process_free(o->worker[i]);
    o->worker[i] = test_process_start(&(struct test_program){.argv = argv, .env = env});
}

static void kill_worker(struct outside *o)
{
    int i = (int)throw_dice(WORKERS);
    test_process_signal(o->worker[i], SIGKILL);
    ck_assert(test_process_wait(o->worker[i], SECONDS(5)));
    start_worker(o, i);
}

static void signal_all(const pid_t *pids, size_t count, int number)
{
    for (size_t i = 0; i < count; i++)
        kill(pids[i], number);
}

static void stop_a_child(struct outside *o)
{
    pid_t members[FAMILY_MAX];
    size_t count = family(test_process_pid(o->worker[throw_dice(WORKERS)]), DEPTH_CHILDREN, members, FAMILY_MAX);
    signal_all(members, count > 0, SIGSTOP);
    usleep(300000);
    signal_all(members, count > 0, SIGCONT);
}

/* Longer than its lease: others take its tasks meanwhile. Nobody can keep a process that wakes from its next instruction, so its commands sleep on
 * until the worker has ended them, or time enough for that is over. */
static void stop_a_worker(struct outside *o)
{
    pid_t members[FAMILY_MAX], commands[FAMILY_MAX];
    struct test_process *worker = o->worker[throw_dice(WORKERS)];
    pid_t pid = test_process_pid(worker);
    test_process_signal(worker, SIGSTOP);
    for (int depth = 1; depth <= DEPTH_CHILDREN; depth++) /* from above, so that there are no new ones below */
        signal_all(members, family(pid, depth, members, FAMILY_MAX), SIGSTOP);
    size_t count = family(pid, DEPTH_COMMANDS, commands, FAMILY_MAX);
    signal_all(commands, count, SIGSTOP);
    usleep(5500000);
    for (int depth = 1; depth <= DEPTH_CHILDREN; depth++)
        signal_all(members, family(pid, depth, members, FAMILY_MAX), SIGCONT);
    test_process_signal(worker, SIGCONT);
    usec_t until = clock_boot() + SECONDS(3);
    for (size_t i = 0; i < count; i++)
        while (is_alive(commands[i]) && clock_boot() < until)
            usleep(5000);
    signal_all(commands, count, SIGCONT);
}

static void crash_server(struct outside *o)
{
    pg_close(o->stage.pg);
    test_cluster_crash(o->stage.cluster);
    usleep(throw_dice(300000));
    test_cluster_restart(o->stage.cluster);
    o->stage.pg = test_connect(o->stage.url);
    o->crashes++;
}

static void cut_sessions(struct outside *o)
{
    test_sql(o->stage.pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'drumbeat%'"
                          " AND datname = current_database() AND random() < 0.5");
}

static void listen_to(struct outside *o)
{
    for (int i = 0; i < WORKERS; i++)
        test_process_wait(o->worker[i], 0);
}

/* Every 20 throws hold all kinds once or more, so that the dice leave none out. */
static void make_faults(struct outside *o, bool only_children)
{
    while (clock_boot() < o->until) {
        unsigned kind = only_children ? 19 : (unsigned)o->faults % 20;
        o->faults++;
        usleep(50000 + throw_dice(only_children ? 50000 : 200000));
        listen_to(o);
        if (kind == 2)
            stop_a_worker(o);
        else if (kind == 6)
            crash_server(o);
        else if (kind % 10 == 0)
            kill_worker(o);
        else if (kind % 5 == 3)
            cut_sessions(o);
        else if (kind % 5 == 4 && !only_children)
            stop_a_child(o);
        else
            family_kill(test_process_pid(o->worker[throw_dice(WORKERS)]), DEPTH_CHILDREN, throw_dice(1000));
    }
}

/* The run --------------------------------------------------------------------------------------------------------------- */

static struct test_cluster *cluster;

static void open_outside(struct outside *o, usec_t duration)
{
    char path[512], yaml[1024];
    *o = (struct outside){.lasts = duration};
    dice = (uint64_t)number_from("OUTSIDE_SEED", (long)clock_now());
    printf("outside: OUTSIDE_SEED=%llu\n", (unsigned long long)dice);
    fflush(stdout);
    stage_open(&o->stage, cluster);
    snprintf(path, sizeof path, "%s/history-%d", test_cluster_folder(cluster), (int)getpid());
    o->history = stage_keep(path);
    unlink(path); /* of a try before */
    history_open(o->history);
    snprintf(yaml, sizeof yaml, "worker: {pool: 3, lease: 5s}\nhandlers: {witness: {command: {argv: ['%s', witness, '%s']}}}\n",
             test_build_path("test_outside"), path);
    o->config = stage_config(&o->stage, yaml);
}

static const char left[] = "SELECT count(*) FROM drumbeat.task WHERE ended_at IS NULL AND status IN ('QUEUED', 'RUNNING')";

static bool drain(struct outside *o, usec_t limit)
{
    usec_t deadline = clock_boot() + limit;
    test_sql(o->stage.pg, "SELECT drumbeat.resume('other')");
    while (test_number(o->stage.pg, left) > 0) {
        if (clock_boot() > deadline)
            return false;
        listen_to(o);
        usleep(20000);
    }
    return true;
}

/* What stands there in the end, of every task there is. */
static void write_endings(struct outside *o)
{
    static const struct sql query = {.name = "endings", .text = "SELECT t.id, t.status, t.attempt, (SELECT count(*) FROM drumbeat.trial_effect f WHERE f.task_id = t.id)"
                                                                " FROM drumbeat.task t"};
    struct err e;
    struct pg_rows rows;
    usec_t begin = clock_boot();
    ck_assert(pg_exec(o->stage.pg, &query, &rows, &e));
    usec_t end = clock_boot();
    for (size_t i = 0; i < rows.count; i++) {
        struct event event = {.kind = ENDS, .begin = begin, .end = end, .task = pg_get_uuid(&rows, i, 0),
                              .status = (uint8_t)history_status(pg_get_text(&rows, i, 1)), .attempt = (int32_t)pg_get_int(&rows, i, 2)};
        history_add(&event);
        event.kind = EFFECTS;
        event.value = pg_get_int(&rows, i, 3);
        history_add(&event);
    }
}

static void run(struct outside *o, bool only_children)
{
    for (int i = 0; i < WORKERS; i++)
        start_worker(o, i);
    for (int i = 0; i < WORKERS; i++)
        ck_assert(test_process_wait_for(o->worker[i], "worker.registered", SECONDS(10)));
    o->until = clock_boot() + o->lasts;
    start_clients(o);
    make_faults(o, only_children);
    await_clients(o);
}

static void end_workers(struct outside *o)
{
    for (int i = 0; i < WORKERS; i++) {
        test_process_signal(o->worker[i], SIGTERM);
        ck_assert(test_process_wait(o->worker[i], SECONDS(15)));
    }
}

static void leave(struct outside *o)
{
    for (int i = 0; i < WORKERS; i++)
        test_process_free(o->worker[i]);
    pg_close(o->stage.pg);
}

START_TEST(nothing_seen_from_outside_contradicts_the_promises)
{
    struct text report CLEANUP(text_free) = {0};
    struct outside o;
    size_t events;
    open_outside(&o, SECONDS(number_from("OUTSIDE_SECONDS", 12)));
    run(&o, false);
    bool drained = drain(&o, SECONDS(120));
    end_workers(&o);
    write_endings(&o);
    size_t broken = history_judge(o.history, &report, &events);
    printf("outside: %zu events of %d tasks, %d faults, %d crashes of the server\n", events,
           (int)test_number(o.stage.pg, "SELECT count(*) FROM drumbeat.task"), o.faults, o.crashes);
    fflush(stdout);
    ck_assert_uint_gt(events, 1000);
    ck_assert_msg(broken == 0, "%zu contradictions:\n%.6000s", broken, text_str(&report));
    ck_assert(drained);
    invariants_assert(o.stage.pg, true);
    leave(&o);
}
END_TEST

/* So that children claim all the time. */
static void enqueue_backlog(struct outside *o)
{
    static const struct sql query = {.name = "backlog", .text = "SELECT * FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[3000]), max_attempts => 100)"};
    struct err e;
    struct pg_rows rows;
    usec_t begin = clock_boot();
    ck_assert(pg_exec(o->stage.pg, &query, &rows, &e));
    for (size_t i = 0; i < rows.count; i++)
        history_add(&(struct event){.kind = ENQUEUED, .begin = begin, .end = clock_boot(), .task = pg_get_uuid(&rows, i, 0)});
}

static bool judge_finds_what_is_wrong(usec_t lasts)
{
    struct text report CLEANUP(text_free) = {0};
    struct outside o;
    size_t events;
    open_outside(&o, lasts);
    /* A dead child's claim commits late, nobody ends its session, and nobody asks whose the seat is. */
    test_sql(o.stage.pg, "CREATE OR REPLACE FUNCTION drumbeat.end_sessions(application text) RETURNS void LANGUAGE sql AS '';"
                         "CREATE OR REPLACE FUNCTION drumbeat.hold_seat(worker uuid, seat int, epoch bigint) RETURNS void LANGUAGE sql AS '';"
                         "CREATE FUNCTION be_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(random() * 0.3); RETURN NULL; END $$;"
                         "CREATE TRIGGER be_late AFTER INSERT ON drumbeat.running FOR EACH STATEMENT EXECUTE FUNCTION be_late()");
    enqueue_backlog(&o);
    run(&o, true);
    drain(&o, SECONDS(6));
    write_endings(&o);
    bool found = history_judge(o.history, &report, &events) > 0;
    leave(&o);
    return found;
}

/* By chance: on a slow machine less happens in the same time. A claim takes longer than such a machine needs for the next child. */
START_TEST(without_the_fence_the_judge_finds_what_is_wrong)
{
    for (int tries = 1; tries <= 6; tries++)
        if (judge_finds_what_is_wrong(SECONDS(5 * tries)))
            return;
    ck_abort_msg("nothing is found");
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "witness") == 0)
        return witness(argv[2]);
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("outside");
    tcase_set_timeout(tests, (double)number_from("OUTSIDE_SECONDS", 12) * 3 + 120);
    tcase_add_test(tests, nothing_seen_from_outside_contradicts_the_promises);
    tcase_add_test(tests, without_the_fence_the_judge_finds_what_is_wrong);
    int failed = test_main_case("outside", tests);
    test_cluster_stop(cluster);
    return failed;
}
