/* history: a file of events of one size. The judge sorts them by task and moment and goes over each task once a rule. */
#include "tests/storm/history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REPORTED_MAX = 50 };

static int file = -1;

static void die(const char *what)
{
    fprintf(stderr, "history: %s: %s\n", what, strerror(errno));
    abort();
}

enum seen_status history_status(const char *word)
{
    static const char *const words[] = {[SEEN_QUEUED] = "QUEUED",   [SEEN_RUNNING] = "RUNNING", [SEEN_SUCCESS] = "SUCCESS",
                                        [SEEN_ERRORED] = "ERRORED", [SEEN_KILLED] = "KILLED",   [SEEN_SKIPPED] = "SKIPPED"};
    for (size_t i = SEEN_QUEUED; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum seen_status)i;
    return SEEN_NONE;
}

void history_open(const char *path)
{
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0)
        die(path);
}

void history_add(const struct event *event)
{
    if (write(file, event, sizeof *event) != (ssize_t)sizeof *event)
        die("write");
}

/* The judge --------------------------------------------------------------------------------------------------------- */

struct judge {
    struct event *events;
    size_t count, broken;
    struct text *report;
};

static void __attribute__((format(printf, 3, 4))) blame(struct judge *j, const struct event *e, const char *format, ...)
{
    char id[UUID_TEXT_MAX], what[256];
    va_list words;
    va_start(words, format);
    vsnprintf(what, sizeof what, format, words);
    va_end(words);
    if (j->broken++ < REPORTED_MAX)
        text_printf(j->report, "%s: %s (at %" PRId64 ")\n", uuid_format(e->task, id), what, e->begin);
}

static int by_task_and_moment(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    int order = memcmp(x->task.bytes, y->task.bytes, sizeof x->task.bytes);
    if (order)
        return order;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static bool is_final(const struct event *e)
{
    return e->status >= SEEN_SUCCESS;
}

static bool is_seen(const struct event *e)
{
    return e->kind == READ || e->kind == RUNS || (e->kind == ENDS && e->status != SEEN_NONE);
}

static const struct event *find(const struct event *task, size_t count, enum event_kind kind)
{
    for (size_t i = 0; i < count; i++)
        if (task[i].kind == kind)
            return &task[i];
    return NULL;
}

/* Enqueued is enqueued: it ends; rolled back is rolled back: it is never seen; nobody sees it before its commit. */
static void judge_existence(struct judge *j, const struct event *task, size_t count)
{
    const struct event *enqueued = find(task, count, ENQUEUED), *perhaps = find(task, count, PERHAPS), *end = find(task, count, ENDS);
    const struct event *commit = enqueued ? enqueued : perhaps;
    if (enqueued && (!end || !is_final(end)))
        blame(j, enqueued, "was enqueued and is lost");
    if (perhaps && end && end->status != SEEN_NONE && !is_final(end))
        blame(j, perhaps, "its enqueue happened, and it never ended");
    for (size_t i = 0; i < count; i++)
        if (is_seen(&task[i]) && (!commit || task[i].end < commit->begin)) {
            blame(j, &task[i], commit ? "was seen before its commit" : "is seen and was never enqueued");
            return;
        }
}

static void judge_effects(struct judge *j, const struct event *task, size_t count)
{
    const struct event *effects = find(task, count, EFFECTS), *end = find(task, count, ENDS), *enqueued = find(task, count, ENQUEUED);
    if (!effects || !end)
        return;
    if (effects->value > 1)
        blame(j, effects, "%" PRId64 " effects", effects->value);
    if (effects->value > 0 && end->status != SEEN_SUCCESS)
        blame(j, effects, "an effect without success");
    if (effects->value == 0 && end->status == SEEN_SUCCESS && enqueued && enqueued->value & EXPECTS_EFFECT)
        blame(j, effects, "a success without its effect");
}

/* Each process that ran the task was its holder from its first word to its last. */
static void judge_holders(struct judge *j, const struct event *task, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (task[i].kind != RUNS)
            continue;
        /* Events are sorted: whoever spoke first and speaks again after another one has begun was not gone. */
        for (size_t k = i + 1; k < count; k++) {
            if (task[k].kind != RUNS || task[k].value == task[i].value)
                continue;
            for (size_t l = k + 1; l < count; l++)
                if (task[l].kind == RUNS && task[l].value == task[i].value && task[l].attempt == task[i].attempt) {
                    blame(j, &task[k], "process %" PRId64 " runs it while %" PRId64 " does", task[k].value, task[i].value);
                    return;
                }
        }
    }
}

/* Attempts that are over: the one that runs may be returned uncounted. */
static int counted(const struct event *read)
{
    return read->attempt - (read->status == SEEN_RUNNING);
}

static void judge_progress(struct judge *j, const struct event *task, size_t count)
{
    const struct event *before = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct event *now = &task[i];
        if (now->kind != READ)
            continue;
        if (before && before->end < now->begin) {
            if (counted(now) < counted(before))
                blame(j, now, "%d attempts are over after %d were", counted(now), counted(before));
            bool same = before->status == SEEN_RUNNING && now->status == SEEN_RUNNING && now->started_at == before->started_at && now->attempt == before->attempt;
            if (same && now->value < before->value)
                blame(j, now, "progress %" PRId64 " after %" PRId64, now->value, before->value);
        }
        if (!before || now->end > before->end)
            before = now;
    }
}

/* Somebody asked for a retry at a moment that can lie between the two reads. */
static bool was_retried(const struct event *task, size_t count, const struct event *before, const struct event *now)
{
    for (size_t i = 0; i < count; i++)
        if (task[i].kind == ASKED_RETRY && task[i].value != 0 && task[i].end > before->begin && task[i].begin < now->end)
            return true;
    return false;
}

static void judge_finality(struct judge *j, const struct event *task, size_t count)
{
    const struct event *final = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct event *now = &task[i];
        if (now->kind != READ && now->kind != ENDS)
            continue;
        if (final && final->end < now->begin && now->status != final->status &&
            (final->status == SEEN_SUCCESS || !was_retried(task, count, final, now)))
            blame(j, now, "status %d after the final status %d, and nobody retried", now->status, final->status);
        if (is_final(now) && (!final || now->end > final->end))
            final = now;
    }
}

static void judge_ending(struct judge *j, const struct event *task, size_t count)
{
    const struct event *end = find(task, count, ENDS), *enqueued = find(task, count, ENQUEUED);
    if (!end || !enqueued)
        return;
    if (end->status == SEEN_KILLED && !find(task, count, ASKED_CANCEL))
        blame(j, end, "is KILLED and nobody cancelled it");
    if (end->status == SEEN_ERRORED && !(enqueued->value & EXPECTS_ERROR))
        blame(j, end, "is ERRORED and cannot fail");
    if (end->status == SEEN_SKIPPED && !(enqueued->value & EXPECTS_EXPIRY))
        blame(j, end, "is SKIPPED and does not expire");
}

typedef void rule(struct judge *j, const struct event *task, size_t count);

static rule *const rules[] = {judge_existence, judge_effects, judge_holders, judge_progress, judge_finality, judge_ending};

static struct event *read_all(const char *path, size_t *count)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0)
        die(path);
    *count = (size_t)info.st_size / sizeof(struct event);
    struct event *events = mem_zero(*count + 1, sizeof *events);
    for (size_t done = 0; done < *count * sizeof *events;) {
        ssize_t got = read(fd, (char *)events + done, *count * sizeof *events - done);
        if (got <= 0)
            die(path);
        done += (size_t)got;
    }
    close(fd);
    return events;
}

size_t history_judge(const char *path, struct text *report, size_t *count)
{
    struct judge j = {.report = report};
    j.events = read_all(path, &j.count);
    qsort(j.events, j.count, sizeof *j.events, by_task_and_moment);
    for (size_t first = 0, next; first < j.count; first = next) {
        for (next = first + 1; next < j.count && uuid_equal(j.events[next].task, j.events[first].task); next++)
            ;
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
            rules[i](&j, &j.events[first], next - first);
    }
    if (count)
        *count = j.count;
    free(j.events);
    return j.broken;
}
