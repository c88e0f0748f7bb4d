/* Several schedulers over one store, in virtual time: the clock is stepped to and fro, leaders change, are killed with
 * an emission under way, lose answers and read old rows; schedules are edited. At the end every (schedule, tick) must
 * have been emitted exactly once. The store here compares and writes as the real one does. */
#include "beat/scheduler.h"
#include "common/base/text.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEDULES = 12, BEATS = 3, TURNS = 3000, TICKS_MAX = 50000, BATCH = 8 };

/* The store ----------------------------------------------------------------------------------------------------- */

struct row {
    char name[16];
    const char *spec, *tz;
    int64_t revision;
    usec_t first, mark;
    usec_t *emitted; /* in the order of emission */
    size_t count;
};

static const struct {
    const char *spec, *tz;
} kinds[] = {{"* * * * *", NULL},
             {"@every 45s", NULL},
             {"*/7 * * * *", "America/New_York"},
             {"30 2 * * *", "Europe/Paris"},
             {"0 0 * * *", "America/Sao_Paulo"},
             {"H H * * *", "Australia/Lord_Howe"},
             {"0 */2 * * *\n15 1 * * *", "Europe/Berlin"},
             {"*/20 * * * * *", NULL}};

static struct row rows[SCHEDULES];
static uint64_t dice_state;
static usec_t highest; /* the latest moment anybody emitted at */

static uint64_t dice(uint64_t sides)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return dice_state % sides;
}

static struct row *find_row(const char *name)
{
    for (size_t i = 0; i < SCHEDULES; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    ck_abort_msg("no schedule %s", name);
    return NULL;
}

static bool store_emit(const struct emission *m)
{
    struct row *row = find_row(m->name);
    if (row->revision != m->revision || row->mark != m->mark)
        return false;
    ck_assert_int_gt(m->what.mark, row->mark);
    row->mark = m->what.mark;
    if (m->what.tick) {
        ck_assert_uint_lt(row->count, TICKS_MAX);
        row->emitted[row->count++] = m->what.tick;
    }
    return true;
}

static struct schedule_row as_read(const struct row *row)
{
    return (struct schedule_row){.rule = {.name = row->name,
                                          .specs = row->spec,
                                          .exclude = "",
                                          .tz = row->tz,
                                          .catchup = "all",
                                          .catchup_window = DAYS(4000)},
                                 .revision = row->revision,
                                 .active = true,
                                 .mark = row->mark};
}

/* Beats --------------------------------------------------------------------------------------------------------- */

static void read_row(struct scheduler *s, const struct row *row)
{
    struct schedule_row read = as_read(row);
    struct err e;
    usec_t next;
    ck_assert_msg(scheduler_put(s, &read, &next, &e), "%s", e.text);
}

static struct scheduler *start_beat(void)
{
    struct scheduler *s = scheduler_new();
    for (size_t i = 0; i < SCHEDULES; i++)
        read_row(s, &rows[i]);
    ck_assert_uint_eq(scheduler_count(s), SCHEDULES);
    return s;
}

/* One emission: it may be lost on its way, or its answer may. */
static void emit_once(struct scheduler *s, usec_t now)
{
    struct emission batch[BATCH];
    size_t count = scheduler_take(s, now, batch, 1 + dice(BATCH));
    highest = now > highest ? now : highest;
    for (size_t i = 0; i < count; i++) {
        bool sent = dice(20) != 0, answered = dice(20) != 0;
        bool done = sent && store_emit(&batch[i]);
        if (done && answered) {
            scheduler_done(s, &batch[i], now);
            continue;
        }
        scheduler_put_back(s, &batch[i], now + MSEC(5));
        if (dice(2))
            read_row(s, find_row(batch[i].name));
    }
}

/* What was missed is paced, so it takes some time. */
static void emit_for_a_while(struct scheduler *s, usec_t now)
{
    usec_t until = now + (usec_t)dice(SECONDS(5));
    for (; now < until && scheduler_wake(s) <= until; now += MSEC(5))
        emit_once(s, now);
}

static void edit_row(struct row *row, usec_t now)
{
    size_t kind = dice(sizeof kinds / sizeof *kinds);
    row->spec = kinds[kind].spec;
    row->tz = kinds[kind].tz;
    row->revision++;
    row->first = row->mark = now;
    row->count = 0;
}

static usec_t random_step(void)
{
    switch (dice(40)) {
    case 0:
        return -(usec_t)dice(MINUTES(30));
    case 1:
        return (usec_t)dice(HOURS(1));
    case 2:
        return -(usec_t)dice(SECONDS(90));
    default:
        return (usec_t)dice(MINUTES(2));
    }
}

static void turn(struct scheduler **beats, usec_t now)
{
    size_t leader = dice(BEATS);
    for (size_t i = 0; i < BEATS; i++)
        if (i == leader || dice(10) == 0)
            emit_for_a_while(beats[i], now); /* two may believe that they lead */
        else
            scheduler_pass(beats[i], now);
    if (dice(50) == 0) {
        scheduler_free(beats[leader]);
        beats[leader] = start_beat();
    }
    if (dice(300) == 0) {
        struct row *row = &rows[dice(SCHEDULES)];
        if (now > row->mark)
            edit_row(row, now);
    }
}

/* Everybody gone but one that starts afresh: emit until nothing is due. */
static void drain(usec_t now)
{
    struct scheduler *s = start_beat();
    while (scheduler_wake(s) <= now)
        for (struct emission m; scheduler_take(s, now, &m, 1) == 1;) {
            ck_assert(store_emit(&m));
            scheduler_done(s, &m, now - HOURS(1)); /* not paced: the time it takes does not matter here */
        }
    scheduler_free(s);
}

static void check_row(const struct row *row, usec_t now)
{
    struct schedule_row read = as_read(row);
    struct err e;
    struct rule *rule = rule_parse(&read.rule, &e);
    size_t seen = 0;
    for (usec_t tick = row->first; rule_next(rule, tick, &tick) && tick <= now; seen++) {
        char got[CLOCK_TEXT_MAX], wanted[CLOCK_TEXT_MAX];
        ck_assert_msg(seen < row->count && row->emitted[seen] == tick, "%s (%s): %s instead of %s", row->name,
                      row->spec, seen < row->count ? clock_format(row->emitted[seen], got) : "nothing",
                      clock_format(tick, wanted));
    }
    ck_assert_uint_eq(seen, row->count);
    rule_free(rule);
}

START_TEST(every_tick_is_emitted_once_whatever_the_clock_and_the_beats_do)
{
    struct scheduler *beats[BEATS];
    usec_t now = 1774600000 * SECONDS(1); /* 2026-03-27, before several zones change their clocks */
    size_t ticks = 0;
    highest = now;
    dice_state = 0x9E3779B97F4A7C15u * (uint64_t)(_i + 1);
    for (size_t i = 0; i < SCHEDULES; i++) {
        snprintf(rows[i].name, sizeof rows[i].name, "s%zu", i);
        rows[i].emitted = mem_alloc(TICKS_MAX * sizeof *rows[i].emitted);
        edit_row(&rows[i], now);
    }
    for (size_t i = 0; i < BEATS; i++)
        beats[i] = start_beat();
    for (int i = 0; i < TURNS; i++) {
        now += random_step();
        turn(beats, now);
    }
    drain(highest);
    for (size_t i = 0; i < SCHEDULES; i++) {
        check_row(&rows[i], highest);
        ticks += rows[i].count;
        free(rows[i].emitted);
    }
    ck_assert_uint_gt(ticks, 1000);
    for (size_t i = 0; i < BEATS; i++)
        scheduler_free(beats[i]);
}
END_TEST

/* The tables ---------------------------------------------------------------------------------------------------- */

static struct schedule_row minute_row(const char *name, const char *spec, usec_t mark)
{
    return (struct schedule_row){
        .rule = {.name = name, .specs = spec, .exclude = "", .catchup = "last", .catchup_window = HOURS(1)},
        .revision = 1,
        .active = true,
        .mark = mark};
}

START_TEST(schedules_come_up_in_the_order_they_are_due)
{
    enum { MANY = 5000 };
    struct scheduler *s = scheduler_new();
    struct emission m;
    struct err e;
    usec_t next, before = 0;
    char name[32], spec[32];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "s%d", i);
        snprintf(spec, sizeof spec, "%d %d * * *", i * 7 % 60, i * 13 % 24);
        struct schedule_row row = minute_row(name, spec, DAYS(20000));
        ck_assert(scheduler_put(s, &row, &next, &e));
    }
    for (int i = 0; i < MANY; i += 3) {
        snprintf(name, sizeof name, "s%d", i);
        scheduler_remove(s, name);
    }
    size_t left = scheduler_count(s);
    ck_assert_uint_eq(left, MANY - (MANY + 2) / 3);
    for (size_t i = 0; i < left; i++) {
        usec_t wake = scheduler_wake(s);
        ck_assert_int_ge(wake, before);
        ck_assert_uint_eq(scheduler_take(s, wake, &m, 1), 1);
        ck_assert_int_eq(m.what.tick, wake);
        ck_assert_int_ne(atoi(m.name + 1) % 3, 0);
        scheduler_done(s, &m, wake);
        before = wake;
    }
    ck_assert_int_ge(scheduler_wake(s), DAYS(20001));
    scheduler_free(s);
}
END_TEST

START_TEST(a_row_that_is_not_active_is_forgotten_and_comes_back)
{
    struct scheduler *s = scheduler_new();
    struct schedule_row row = minute_row("a", "* * * * *", DAYS(20000));
    struct err e;
    usec_t next;
    ck_assert(scheduler_put(s, &row, &next, &e));
    ck_assert_int_eq(next, DAYS(20000) + MINUTES(1));
    row.active = false;
    row.revision = 2;
    ck_assert(scheduler_put(s, &row, &next, &e));
    ck_assert_uint_eq(scheduler_count(s), 0);
    ck_assert_int_eq(scheduler_wake(s), SCHEDULER_NEVER);
    row.active = true;
    row.revision = 3;
    row.mark += HOURS(1);
    ck_assert(scheduler_put(s, &row, &next, &e));
    ck_assert_int_eq(scheduler_wake(s), row.mark + MINUTES(1));
    row.rule.specs = "nonsense";
    row.revision = 4;
    ck_assert(!scheduler_put(s, &row, &next, &e));
    ck_assert_uint_eq(scheduler_count(s), 0);
    scheduler_free(s);
}
END_TEST

START_TEST(a_row_that_did_not_change_keeps_its_time)
{
    struct scheduler *s = scheduler_new();
    struct schedule_row row = minute_row("a", "* * * * *", DAYS(20000));
    struct emission m;
    struct err e;
    usec_t next, due = row.mark + MINUTES(1);
    ck_assert(scheduler_put(s, &row, &next, &e));
    ck_assert_uint_eq(scheduler_take(s, due, &m, 1), 1);
    scheduler_put_back(s, &m, due + SECONDS(5));
    ck_assert(scheduler_put(s, &row, &next, &e));
    ck_assert_int_eq(next, due);
    ck_assert_int_eq(scheduler_wake(s), due + SECONDS(5));
    row.mark = due;
    ck_assert(scheduler_put(s, &row, &next, &e));
    ck_assert_int_eq(scheduler_wake(s), due + MINUTES(1));
    scheduler_free(s);
}
END_TEST

START_TEST(a_schedule_that_never_ticks_never_wakes)
{
    struct scheduler *s = scheduler_new();
    struct schedule_row row = minute_row("a", "0 0 30 2 *", DAYS(20000));
    struct err e;
    usec_t next;
    ck_assert(scheduler_put(s, &row, &next, &e));
    ck_assert_int_eq(next, 0);
    ck_assert_int_eq(scheduler_wake(s), SCHEDULER_NEVER);
    scheduler_free(s);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("scheduler");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, every_tick_is_emitted_once_whatever_the_clock_and_the_beats_do, 0, 5);
    tcase_add_test(tests, schedules_come_up_in_the_order_they_are_due);
    tcase_add_test(tests, a_row_that_is_not_active_is_forgotten_and_comes_back);
    tcase_add_test(tests, a_row_that_did_not_change_keeps_its_time);
    tcase_add_test(tests, a_schedule_that_never_ticks_never_wakes);
    return test_main_case("scheduler", tests);
}
