/* What /readyz makes of a look: each case changes one thing in a system where all is well. */
#include "tests/fixture/main.h"
#include "web/health.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW HOURS(100)

static struct look look;
static struct health_rules rules;

static void all_is_well(void)
{
    look = (struct look){
        .turned_at = NOW, .connected = true, .connected_at = NOW - HOURS(1), .workers = {.live = 2, .seats = 8}};
    for (enum reading which = 0; which < READINGS; which++)
        look.made[which].good_at = NOW - SECONDS(1);
    look.beat.leads = true;
    look.beat.schedules = 3;
    look.waiting_count = 1;
    look.waiting[0] = (struct waiting){.queue = "sync",
                                       .served = true,
                                       .claimable = true,
                                       .task = "0190",
                                       .handler = "pmp.partners",
                                       .worker = "db1 pid 8",
                                       .since = NOW - SECONDS(1)};
    rules = (struct health_rules){.stall = SECONDS(30)};
}

static void nothing(void)
{
}

static void lose_connection(void)
{
    struct err e;
    err_set(&e, ERR_UNREACHABLE, "PostgreSQL: no answer");
    look_forget(&look, &e);
}

static void never_connect(void)
{
    look = (struct look){.turned_at = NOW};
}

static void lose_schema(void)
{
    look.made[READ_SCHEMA].failed = true;
    snprintf(look.made[READ_SCHEMA].problem, LOOK_TEXT_SIZE, "run drumbeat migrate");
}

static void leave_queues_unread(void)
{
    look.made[READ_WAITING].good_at = NOW - SECONDS(31);
    look.made[READ_WAITING].failed = true;
    snprintf(look.made[READ_WAITING].problem, LOOK_TEXT_SIZE, "statement timeout");
    snprintf(look.blocker, sizeof look.blocker, "session 7 blocks session 8");
}

static void never_read_workers(void)
{
    look.made[READ_WORKERS] = (struct made){.failed = true, .problem = "permission denied"};
    look.connected_at = NOW - SECONDS(5);
}

static void still_not_read_workers(void)
{
    never_read_workers();
    look.connected_at = NOW - SECONDS(31);
}

static void have_no_worker(void)
{
    look.workers.live = 0;
    look.waiting[0].served = false;
}

static void need_a_worker(void)
{
    have_no_worker();
    rules.need_worker = true;
}

static void let_a_worker_fall_silent(void)
{
    look.workers.silent = 1;
}

static void stall(void)
{
    look.waiting[0].since = look.made[READ_WAITING].good_at - SECONDS(30);
    snprintf(look.blocker, sizeof look.blocker, "session 7 blocks session 8");
}

static void stall_almost(void)
{
    look.waiting[0].since = look.made[READ_WAITING].good_at - SECONDS(30) + 1;
}

static void stall_two(void)
{
    stall();
    look.waiting[1] = look.waiting[0];
    snprintf(look.waiting[1].queue, LOOK_QUEUE_SIZE, "mail");
    look.waiting[1].since -= SECONDS(5);
    look.waiting_count = 2;
}

static void keep_every_seat_busy(void)
{
    stall();
    look.waiting[0].claimable = false;
}

static void leave_a_queue_unserved(void)
{
    look.waiting[0].served = look.waiting[0].claimable = false;
}

static void pause_the_unserved(void)
{
    leave_a_queue_unserved();
    look.waiting[0].paused = true;
}

static void miss_a_handler(void)
{
    snprintf(look.strangers, sizeof look.strangers, "reports.monthly");
}

static void have_no_beat(void)
{
    look.beat.leads = false;
}

static void need_no_beat(void)
{
    look.beat.leads = false;
    look.beat.schedules = 0;
}

static void miss_a_tick(void)
{
    look.beat.late = 30;
    snprintf(look.beat.late_name, sizeof look.beat.late_name, "nightly");
}

static const struct {
    const char *name;
    void (*change)(void);
    enum verdict verdict;
    const char *check, *reason; /* NULL: every check passes */
} cases[] = {
    {"all is well", nothing, VERDICT_PASS, NULL, NULL},
    {"no connection", lose_connection, VERDICT_FAIL, "database", "PostgreSQL: no answer"},
    {"never connected", never_connect, VERDICT_FAIL, "database", "not connected yet"},
    {"no schema", lose_schema, VERDICT_FAIL, "schema", "run drumbeat migrate"},
    {"queues unread", leave_queues_unread, VERDICT_FAIL, "queues",
     "not read for 31 s: statement timeout; session 7 blocks session 8"},
    {"workers not read yet", never_read_workers, VERDICT_WARN, "workers", "not read yet: permission denied"},
    {"workers never read", still_not_read_workers, VERDICT_FAIL, "workers", "not read for 31 s: permission denied"},
    {"no worker", have_no_worker, VERDICT_WARN, "workers", "no worker is alive"},
    {"no worker where one is needed", need_a_worker, VERDICT_FAIL, "workers", "no worker is alive"},
    {"a silent worker", let_a_worker_fall_silent, VERDICT_WARN, "workers", "1 worker fell silent"},
    {"a stall", stall, VERDICT_FAIL, "queues",
     "queue sync: task 0190 (pmp.partners) could be claimed by worker db1 pid 8, which has a free seat, and was not "
     "for 30 s; session 7 blocks session 8"},
    {"almost a stall", stall_almost, VERDICT_PASS, NULL, NULL},
    {"two stalls", stall_two, VERDICT_FAIL, "queues", "queue mail"},
    {"a busy backlog", keep_every_seat_busy, VERDICT_PASS, NULL, NULL},
    {"a queue nobody serves", leave_a_queue_unserved, VERDICT_WARN, "queues",
     "queue sync: tasks wait in it and no living worker serves it"},
    {"the same, paused", pause_the_unserved, VERDICT_PASS, NULL, NULL},
    {"an unknown handler", miss_a_handler, VERDICT_WARN, "handlers", "reports.monthly"},
    {"no beat", have_no_beat, VERDICT_WARN, "beat", "no beat leads, 3 schedules are enabled"},
    {"no beat and no schedule", need_no_beat, VERDICT_PASS, NULL, NULL},
    {"a missed tick", miss_a_tick, VERDICT_FAIL, "beat",
     "a beat leads and does not emit: schedule nightly is 30 s late"},
};

START_TEST(one_change_changes_one_check)
{
    struct finding findings[HEALTH_CHECKS];
    all_is_well();
    cases[_i].change();
    enum verdict verdict = health_judge(&look, &rules, NOW, findings);
    ck_assert_msg(verdict == cases[_i].verdict, "%s: %s", cases[_i].name, health_verdict_name(verdict));
    for (size_t i = 0; i < HEALTH_CHECKS; i++) {
        bool meant = cases[_i].check && strcmp(findings[i].check, cases[_i].check) == 0;
        enum verdict wanted = meant ? cases[_i].verdict : VERDICT_PASS;
        ck_assert_msg(findings[i].verdict == wanted, "%s: %s is %s: %s", cases[_i].name, findings[i].check,
                      health_verdict_name(findings[i].verdict), findings[i].reason);
        ck_assert_msg(!meant || strstr(findings[i].reason, cases[_i].reason), "%s: %s", cases[_i].name,
                      findings[i].reason);
    }
}
END_TEST

START_TEST(what_rests_on_a_failed_check_is_not_judged)
{
    struct finding findings[HEALTH_CHECKS];
    struct text out = {0};
    all_is_well();
    lose_schema();
    health_judge(&look, &rules, NOW, findings);
    health_write(findings, &out);
    ck_assert_str_eq(
        text_str(&out),
        "{\"database\":{\"status\":\"pass\"},\"schema\":{\"status\":\"fail\",\"reason\":\"run drumbeat migrate\"}}");
    text_free(&out);
}
END_TEST

START_TEST(a_loop_that_does_not_come_round_is_not_alive)
{
    all_is_well();
    ck_assert(health_turns(&look, NOW + SECONDS(60)));
    ck_assert(!health_turns(&look, NOW + SECONDS(61)));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("judgement");
    tcase_add_loop_test(tests, one_change_changes_one_check, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, what_rests_on_a_failed_check_is_not_judged);
    tcase_add_test(tests, a_loop_that_does_not_come_round_is_not_alive);
    return test_main_case("web_health", tests);
}
