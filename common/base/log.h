#pragma once
/* Logs: one line an event on standard error, logfmt or JSON, written with one call so that lines of many processes never mix.
 *
 *     log_info("task.claimed", LOG_STR("queue", queue), LOG_INT("tasks", n));
 *     ts=2026-03-29T00:30:00.123Z level=info role=keeper msg=task.claimed queue=sync tasks=3
 *     {"ts":"2026-03-29T00:30:00.123Z","level":"info","role":"keeper","msg":"task.claimed","queue":"sync","tasks":3}
 *
 * Whatever is in a value, a line is one line: control characters are escaped, what is longer than LOG_VALUE_MAX is cut and ends with "…".
 * For the journal of systemd a line begins with its priority, "<6>". Event names are fixed words; tests may wait for them.
 * Only loops and main() log: functions return errors.
 * Logging never blocks a task for long and never fails it. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/uuid.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };
enum { LOG_VALUE_MAX = 1024 }; /* bytes of one value */

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

/* How this process logs: lines below `level` are dropped. LOG_INFO and LOG_LOGFMT at the start. */
struct log_style {
    enum log_level level;
    enum log_format format;
};
void log_set_style(struct log_style wanted);
struct log_style log_style(void);
void log_set_level(enum log_level level);

/* The same by the words of the configuration: "debug" to "error", "logfmt" or "json". NULL and other words change nothing. */
void log_set_words(const char *level, const char *format);

/* What this process is, "keeper" or "child 3", told with every event; NULL for none. The string must stay valid. */
void log_set_role(const char *role);
