#pragma once
/* Logs: one line an event on standard error, logfmt, written with one call so that lines of many processes never mix.
 *
 *     log_info("task.claimed", LOG_STR("queue", queue), LOG_INT("tasks", n));
 *     2026-03-29T00:30:00.123Z info task.claimed queue=sync tasks=3
 *
 * Event names are fixed words; tests may wait for them. Only loops and main() log: functions return errors.
 * Logging never blocks a task for long and never fails it. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/uuid.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct log_field {
    const char *key; /* NULL ends the list */
    enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_UUID, LOG_FIELD_DURATION } type;
    const char *str;
    int64_t number;
    struct uuid uuid;
};

#define LOG_STR(k, v) {.key = (k), .type = LOG_FIELD_STR, .str = (v)}
#define LOG_INT(k, v) {.key = (k), .type = LOG_FIELD_INT, .number = (v)}
#define LOG_UUID(k, v) {.key = (k), .type = LOG_FIELD_UUID, .uuid = (v)}
#define LOG_FOR(k, v) {.key = (k), .type = LOG_FIELD_DURATION, .number = (v)}
#define LOG_ERR(e) {.key = "error", .type = LOG_FIELD_STR, .str = (e)->text}

void log_write(enum log_level level, const char *event, const struct log_field *fields);

/* The fields given, if any, with an empty one at the end. */
#define LOG_FIELDS(...) ((const struct log_field[]){{0}, ##__VA_ARGS__, {0}} + 1)

#define log_debug(event, ...) log_write(LOG_DEBUG, event, LOG_FIELDS(__VA_ARGS__))
#define log_info(event, ...) log_write(LOG_INFO, event, LOG_FIELDS(__VA_ARGS__))
#define log_warning(event, ...) log_write(LOG_WARNING, event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...) log_write(LOG_ERROR, event, LOG_FIELDS(__VA_ARGS__))

/* Lines below `level` are dropped; LOG_INFO at the start. */
void log_set_level(enum log_level level);
void log_set_level_name(const char *name); /* "debug" to "error"; NULL and other words change nothing */
enum log_level log_level(void);

/* A word put before every event of this process, "keeper" or "child 3"; NULL for none. The string must stay valid. */
void log_set_role(const char *role);
