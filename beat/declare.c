/* declare: the file's schedules, checked and handed over as arrays. */
#include "beat/declare.h"
#include "beat/rule.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/region.h"
#include "sql/queries.h"

#include <stdio.h>
#include <string.h>

static char *join(struct region *region, const char *const *lines)
{
    struct text all CLEANUP(text_free) = {0};
    for (size_t i = 0; lines && lines[i]; i++) {
        if (i > 0)
            text_putc(&all, '\n');
        text_puts(&all, lines[i]);
    }
    return region_strdup(region, text_str(&all));
}

/* The configuration has checked that it is a date. */
static int64_t anchor_day(const struct config_schedule *schedule)
{
    int year = 1970, month = 1, day = 1;
    return schedule->anchor && sscanf(schedule->anchor, "%d-%d-%d", &year, &month, &day) == 3
               ? days_from_date(year, month, day)
               : 0;
}

static bool check_args(const struct config_schedule *schedule, struct err *e)
{
    struct js *args CLEANUP(js_freep) = js_parse(schedule->args, strlen(schedule->args), e);
    if (!args)
        return err_add(e, "args");
    return js_type(args) == JS_OBJECT ||
           err_set(e, ERR_USAGE, "args must be an object, not %s", js_type_name(js_type(args)));
}

static bool check_schedule(struct region *region, const struct config_schedule *schedule, struct err *e)
{
    struct rule_text text = {
        .name = schedule->name,
        .specs = join(region, schedule->specs),
        .exclude = join(region, schedule->exclude),
        .tz = schedule->tz,
        .catchup = schedule->catchup,
        .catchup_window = schedule->catchup_window,
        .jitter = schedule->jitter,
        .start_at = schedule->start_at,
        .end_at = schedule->end_at,
        .every_weeks = schedule->every_weeks,
        .anchor_day = anchor_day(schedule),
    };
    usec_t tick;
    struct rule *rule = rule_parse(&text, e);
    if (!rule)
        return false;
    if (schedule->enabled && !rule_next(rule, clock_now(), &tick))
        log_warning("schedule.never", LOG_STR("schedule", schedule->name), LOG_STR("where", schedule->where));
    rule_free(rule);
    return check_args(schedule, e);
}

bool declare_check(const struct config *config, struct err *e)
{
    struct region *region = region_new();
    bool good = true;
    for (size_t i = 0; good && i < config->schedule_count; i++) {
        const struct config_schedule *schedule = &config->schedules[i];
        good = check_schedule(region, schedule, e) || err_add(e, "%s: schedules.%s", schedule->where, schedule->name);
    }
    region_free(region);
    e->kind = good ? e->kind : ERR_USAGE;
    return good;
}

static void log_outcomes(const struct pg_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const char *name = pg_get_text(rows, i, 0), *outcome = pg_get_text(rows, i, 1);
        if (strcmp(outcome, "collides") == 0)
            log_warning("schedule.collision", LOG_STR("schedule", name),
                        LOG_STR("reason", "made by SQL under the same name: the file's is not used"));
        else
            log_info("schedule.declared", LOG_STR("schedule", name), LOG_STR("outcome", outcome));
    }
}

/* The columns of the statement, an array each. */
enum { TEXTS = 12, NUMBERS = 9 };

struct columns {
    const char **texts[TEXTS];
    int64_t *numbers[NUMBERS];
};

static void fill_row(struct columns *c, size_t i, const struct config_schedule *schedule, struct region *region)
{
    const char *texts[TEXTS] = {schedule->name,
                                schedule->handler,
                                schedule->args,
                                join(region, schedule->specs),
                                join(region, schedule->exclude),
                                schedule->tz,
                                schedule->queue,
                                schedule->catchup,
                                schedule->overlap,
                                schedule->tenant,
                                schedule->notes,
                                schedule->anchor};
    int64_t numbers[NUMBERS] = {schedule->catchup_window, schedule->jitter,   schedule->start_at,
                                schedule->end_at,         schedule->enabled,  schedule->priority,
                                schedule->every_weeks,    schedule->max_runs, schedule->pause_after_failures};
    for (size_t column = 0; column < TEXTS; column++)
        c->texts[column][i] = texts[column];
    for (size_t column = 0; column < NUMBERS; column++)
        c->numbers[column][i] = numbers[column];
}

static bool declare_columns(struct pg *pg, const struct columns *c, size_t count, struct err *e)
{
    struct pg_rows rows;
    const char *const *const *t = (const char *const *const *)c->texts;
    int64_t *const *n = c->numbers;
    if (!pg_exec(pg, &sql_beat_declare, &rows, e, pg_texts(t[0], count), pg_texts(t[1], count), pg_texts(t[2], count),
                 pg_texts(t[3], count), pg_texts(t[4], count), pg_texts(t[5], count), pg_texts(t[6], count),
                 pg_texts(t[7], count), pg_texts(t[8], count), pg_texts(t[9], count), pg_texts(t[10], count),
                 pg_texts(t[11], count), pg_ints(n[0], count), pg_ints(n[1], count), pg_ints(n[2], count),
                 pg_ints(n[3], count), pg_ints(n[4], count), pg_ints(n[5], count), pg_ints(n[6], count),
                 pg_ints(n[7], count), pg_ints(n[8], count)))
        return err_add(e, "declaring schedules");
    log_outcomes(&rows);
    return true;
}

bool declare_schedules(struct pg *pg, const struct config *config, struct err *e)
{
    struct region *region = region_new();
    struct columns columns;
    size_t count = config->schedule_count;
    for (size_t i = 0; i < TEXTS; i++)
        columns.texts[i] = region_alloc(region, (count + 1) * sizeof(char *));
    for (size_t i = 0; i < NUMBERS; i++)
        columns.numbers[i] = region_alloc(region, (count + 1) * sizeof(int64_t));
    for (size_t i = 0; i < count; i++)
        fill_row(&columns, i, &config->schedules[i], region);
    bool good = declare_columns(pg, &columns, count, e);
    region_free(region);
    return good;
}
