/* check: rules between options, once all sources are in. A rule is a function and a row of `rules`. */
#include "config/load.h"

#include <string.h>

/* The entry that a rule looks at. */
struct subject {
    struct entries *entries;
    size_t entry;
    const void *data;
};

static struct setting setting_at(const struct subject *s, const char *key)
{
    struct setting at = {.entries = s->entries, .entry = s->entry};
    while (strcmp(setting_option(at)->key, key) != 0)
        at.option++;
    return at;
}

/* The option's value is what is wrong. */
static bool refuse(const struct subject *s, const char *key, struct err *e, const char *problem)
{
    struct setting at = setting_at(s, key);
    err_set(e, ERR_USAGE, "%s", problem);
    return setting_refuse(at, setting_origin(at), e);
}

/* The option is not there: the entry's place is shown. */
static bool missing(const struct subject *s, const char *key, struct err *e)
{
    err_set(e, ERR_USAGE, "missing");
    return setting_refuse(setting_at(s, key), &s->entries->declared[s->entry], e);
}

/* Shelves are not made for less. */
static bool check_keep(const struct subject *s, const struct config_keep *keep, const char *const keys[4], struct err *e)
{
    const usec_t times[] = {keep->success, keep->errored, keep->killed, keep->skipped};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (times[i] > 0 && times[i] < HOURS(1))
            return refuse(s, keys[i], e, "below 1h");
    return true;
}

static bool check_queue(const struct subject *s, struct err *e)
{
    static const char *const keys[] = {"keep.success", "keep.errored", "keep.killed", "keep.skipped"};
    const struct config_queue *queue = s->data;
    if (!check_keep(s, &queue->keep, keys, e))
        return false;
    if (strcmp(queue->broker, "redis") == 0)
        return true;
    if (strcmp(queue->protocol, "celery") == 0)
        return refuse(s, "protocol", e, "celery needs broker: redis");
    return strcmp(queue->rows, "full") == 0 || refuse(s, "rows", e, "failures needs broker: redis");
}

/* Digits, rising, from 0. */
static bool check_celery(const struct subject *s, struct err *e)
{
    const struct config *config = s->data;
    const char *steps = config->celery.priority_steps;
    if (!steps || steps[0] != '0')
        return refuse(s, "priority_steps", e, "must begin with 0");
    for (size_t i = 1; steps[i]; i += 2)
        if (steps[i] != ',' || steps[i + 1] <= steps[i - 1] || steps[i + 1] > '9')
            return refuse(s, "priority_steps", e, "must be rising digits with commas between, 0,3,6,9");
    return true;
}

static bool check_worker(const struct subject *s, struct err *e)
{
    const struct config *config = s->data;
    return config->worker.cancel.term < config->worker.cancel.kill || refuse(s, "cancel.kill", e, "not later than cancel.term");
}

static bool check_results(const struct subject *s, struct err *e)
{
    const struct config *config = s->data;
    if (config->results.root && *config->results.root != '/')
        return refuse(s, "root", e, "must begin with /: workers are started in any folder");
    return config->results.file_limit >= config->results.limit || refuse(s, "file_limit", e, "below limit");
}

static bool check_history(const struct subject *s, struct err *e)
{
    static const char *const keys[] = {"success", "errored", "killed", "skipped"};
    const struct config *config = s->data;
    return check_keep(s, &config->history, keys, e);
}

static bool check_handler(const struct subject *s, struct err *e)
{
    const struct config_handler *handler = s->data;
    if (handler->limits.hard && handler->limits.soft > handler->limits.hard)
        return refuse(s, "soft", e, "longer than hard");
    if (handler->retry.delays && (handler->retry.first || handler->retry.cap))
        return refuse(s, "retry.delays", e, "stands instead of retry.first and retry.cap, not beside them");
    if (handler->retry.first && handler->retry.cap && handler->retry.first > handler->retry.cap)
        return refuse(s, "retry.first", e, "longer than retry.cap");
    if (handler->key.rate && !handler->key.by)
        return refuse(s, "rate_per_key", e, "says nothing without limit_by");
    return handler->argv || (!handler->env && !handler->cwd && !handler->keep) || missing(s, "command.argv", e);
}

static bool is_date(const char *text)
{
    CLEANUP(text_free) struct text moment = {0};
    usec_t at;
    struct err ignored;
    text_printf(&moment, "%sT00:00:00Z", text);
    return strlen(text) == strlen("2026-01-31") && clock_parse(text_str(&moment), &at, &ignored) &&
           strcmp(text, "1970") > 0 && strcmp(text, "2200") < 0;
}

static bool check_schedule(const struct subject *s, struct err *e)
{
    const struct config_schedule *schedule = s->data;
    if (!schedule->handler)
        return missing(s, "handler", e);
    if (!schedule->specs)
        return missing(s, "spec", e);
    if (schedule->start_at && schedule->end_at && schedule->start_at >= schedule->end_at)
        return refuse(s, "end", e, "not after start");
    if (!schedule->every_weeks)
        return !schedule->anchor || missing(s, "every_weeks", e);
    if (!schedule->anchor)
        return missing(s, "anchor", e);
    return is_date(schedule->anchor) || refuse(s, "anchor", e, "not a date (2026-01-31) of the years 1970 to 2199");
}

static bool (*const rules[SECTION_COUNT])(const struct subject *s, struct err *e) = {
    [SECTION_CELERY] = check_celery,
    [SECTION_WORKER] = check_worker,
    [SECTION_RESULTS] = check_results,
    [SECTION_HISTORY] = check_history,
    [SECTION_QUEUES] = check_queue,
    [SECTION_HANDLERS] = check_handler,
    [SECTION_SCHEDULES] = check_schedule,
};

bool check_rules(struct loaded *l, struct err *e)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        struct entries *entries = &l->sections[i];
        for (size_t k = 0; rules[i] && k < entries->count; k++) {
            struct subject s = {entries, k, entries->data + k * entries->section->entry_size};
            if (!rules[i](&s, e))
                return false;
        }
    }
    return true;
}
