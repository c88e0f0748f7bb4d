#pragma once
/* A history of what was seen from outside, and its judge. Clients, readers and the commands that tasks run each append what they did or
 * saw, with the moments between which it happened (CLOCK_BOOTTIME of one machine); the judge knows none of the product's tables and looks
 * for what no order of these events explains.
 *
 *     history_open(path);                                 in every process that has something to tell
 *     history_add(&(struct event){.kind = READ, …});
 *     size_t broken = history_judge(path, &report);       when all is over */
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/uuid.h"

enum event_kind {
    ENQUEUED,    /* the COMMIT was answered; `value` is EXPECTS_… of the task */
    PERHAPS,     /* the COMMIT was not answered */
    ROLLED_BACK,
    ASKED_CANCEL, /* `value`: 1 true, 0 false or unknown id, -1 nobody answered */
    ASKED_RETRY,
    READ,        /* status, attempt, started_at; `value` is the progress */
    RUNS,        /* a process of the task's own says that it runs now: attempt, `value` is its pid */
    EFFECTS,     /* at the end: `value` is how many effects there are */
    ENDS         /* at the end: status */
};

/* Flags of ENQUEUED and PERHAPS. */
enum { EXPECTS_EFFECT = 1, EXPECTS_ERROR = 2, EXPECTS_EXPIRY = 4 };

enum seen_status { SEEN_NONE, SEEN_QUEUED, SEEN_RUNNING, SEEN_SUCCESS, SEEN_ERRORED, SEEN_KILLED, SEEN_SKIPPED };

struct event {
    usec_t begin, end; /* when the question was sent, and answered */
    struct uuid task;
    int64_t value;
    usec_t started_at;
    int32_t attempt, client;
    uint8_t kind, status;
};

enum seen_status history_status(const char *word);

/* Where history_add() of this process appends. A failure ends the program. */
void history_open(const char *path);
void history_add(const struct event *event);

/* How many events break a rule, a line each in the report (at most 50): a task lost, one that was never enqueued or seen before its
 * commit, a double or missing effect, two holders at once, progress or attempts going backwards, a final status left other than by
 * retry, an ending nobody asked for. `count` is how many events there are; may be NULL. */
size_t history_judge(const char *path, struct text *report, size_t *count);
