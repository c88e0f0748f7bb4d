/* message: one JSON line of a command. A new kind of message is a row of `kinds`. */
#include "tasks/command/message.h"

#include <stdio.h>
#include <string.h>

static int64_t number(const struct js *object, const char *key)
{
    int64_t whole = 0;
    double real;
    const struct js *value = js_get(object, key);
    if (js_integer(value, &whole))
        return whole;
    return js_number(value, &real) && real > -9e18 && real < 9e18 ? (int64_t)real : 0;
}

static void take_progress(struct outcome_of_command *o, const struct js *message)
{
    struct err ignored; /* whether to stop is asked apart from it */
    task_progress(o->task, number(message, "progress"), number(message, "total"), js_text(js_get(message, "message")), &ignored);
}

static void take_result(struct outcome_of_command *o, const struct js *message)
{
    struct text json CLEANUP(text_free) = {0};
    struct err e;
    js_write(&json, js_get(message, "result"));
    if (!task_result(o->task, text_str(&json), &e))
        o->error = region_strdup(task_region(o->task), e.text);
}

static void take_error(struct outcome_of_command *o, const struct js *message)
{
    const char *text = js_text(js_get(message, "error"));
    o->error = region_strdup(task_region(o->task), text ? text : "the command reported an error without a text");
    o->retryable_told = js_bool(js_get(message, "retryable"), &o->retryable);
}

static void take_snooze(struct outcome_of_command *o, const struct js *message)
{
    double seconds = 0;
    const char *why = js_text(js_get(message, "message"));
    if (!js_number(js_get(message, "snooze"), &seconds) || !(seconds > 0)) {
        task_log(o->task, LOG_WARNING, "ignored on descriptor 3: snooze must be a number of seconds above 0");
        return;
    }
    o->snooze = seconds > 1e9 ? SNOOZE_MAX : (usec_t)(seconds * 1e6) + 1;
    o->snooze_why = region_strdup(task_region(o->task), why ? why : "the command asked for it");
}

static void take_log(struct outcome_of_command *o, const struct js *message)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"debug", LOG_DEBUG}, {"warning", LOG_WARNING}, {"warn", LOG_WARNING}, {"error", LOG_ERROR}};
    const char *text = js_text(js_get(message, "log")), *name = js_text(js_get(message, "level"));
    enum log_level level = LOG_INFO;
    for (size_t i = 0; name && i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i].name, name) == 0)
            level = levels[i].level;
    task_log_line(o->task, level, text ? text : "");
}

/* Of programs that stay ---------------------------------------------------------------------------------------------- */

static bool is_true(const struct js *message, const char *key)
{
    bool value = false;
    return js_bool(js_get(message, key), &value) && value;
}

static void take_ready(struct outcome_of_command *o, const struct js *message)
{
    o->ready = true;
    o->interrupts = is_true(message, "interrupt");
}

/* The end of another task than the one that runs is late news. */
static void take_end(struct outcome_of_command *o, const struct js *message)
{
    char id[UUID_TEXT_MAX];
    const char *ended = js_text(js_get(message, "end"));
    o->ended = ended && strcmp(ended, uuid_format(task_id(o->task), id)) == 0;
    o->leaving = o->ended && is_true(message, "leaving");
    o->stopped = o->ended && is_true(message, "stopped");
}

static void take_retry(struct outcome_of_command *o, const struct js *message)
{
    struct text headers CLEANUP(text_free) = {0};
    double seconds = 0;
    o->retry_told = js_number(js_get(message, "retry"), &seconds) && seconds >= 0;
    o->retry_after = seconds > 1e9 ? SNOOZE_MAX : (usec_t)(seconds * 1e6);
    take_error(o, message);
    if (js_type(js_get(message, "headers")) != JS_OBJECT)
        return;
    js_write(&headers, js_get(message, "headers"));
    o->headers = region_strndup(task_region(o->task), text_str(&headers), headers.len);
}

/* ---------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    void (*take)(struct outcome_of_command *o, const struct js *message);
    bool kept, idle; /* said by programs that stay alone; while no task runs, too */
} kinds[] = {
    {"ready", take_ready, true, true},       {"end", take_end, true, false},         {"retry", take_retry, true, false},
    {"progress", take_progress, false, false}, {"total", take_progress, false, false}, {"result", take_result, false, false},
    {"error", take_error, false, false},     {"snooze", take_snooze, false, false},  {"log", take_log, false, false},
};

void command_message(struct outcome_of_command *o, const char *line, size_t len)
{
    struct err e;
    struct js *message CLEANUP(js_freep) = js_parse(line, len, &e);
    for (size_t i = 0; message && i < sizeof kinds / sizeof *kinds; i++) {
        if (!js_get(message, kinds[i].key) || (kinds[i].kept && !o->kept))
            continue;
        if (o->task || kinds[i].idle)
            kinds[i].take(o, message);
        return;
    }
    if (!o->task)
        command_output(o, line, len);
    else if (!message || js_type(message) != JS_OBJECT)
        task_log(o->task, LOG_WARNING, "ignored on descriptor 3, %s: %.200s", message ? "not a JSON object" : e.text, line);
    else
        task_log(o->task, LOG_WARNING, "ignored on descriptor 3, no progress, result, error, snooze or log in it: %.200s", line);
}

void command_overlong(struct outcome_of_command *o)
{
    o->error = "a line on descriptor 3 is longer than 64 KiB";
    o->retryable = false;
    o->retryable_told = true;
}

void command_output(struct outcome_of_command *o, const char *line, size_t len)
{
    (void)len;
    if (o->task) {
        task_log_line(o->task, LOG_INFO, line);
        return;
    }
    snprintf(o->said, sizeof o->said, "%s", line);
    log_info("command.output", LOG_STR("line", line));
}
