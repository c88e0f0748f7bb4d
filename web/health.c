/* health: what makes this system fit to be relied on.
 *
 * A queue is stalled when, at every look for `stall`, the same task was the next one that some living worker with a
 * free seat could claim. A backlog is not a stall: it moves, or every seat is busy with a started task. A limit with room, for which the same task
 * waits as long, is told in the place of a queue: by kind and name. */
#include "web/health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TURN_MAX SECONDS(60)
#define READING_AGE_MAX SECONDS(30)

static int64_t seconds(usec_t duration)
{
    return duration / SECONDS(1);
}

__attribute__((format(printf, 3, 4))) static void find(struct finding *f, enum verdict verdict, const char *format, ...)
{
    va_list args;
    f->verdict = verdict;
    va_start(args, format);
    vsnprintf(f->reason, sizeof f->reason, format, args);
    va_end(args);
}

/* What is judged must have been read, lately. What was not read at all yet is no reason to fail. */
static bool is_fresh(const struct look *look, enum reading which, usec_t now, struct finding *f)
{
    const struct made *made = &look->made[which];
    const char *why = made->failed ? made->problem : "no answer yet";
    usec_t age = now - (made->good_at ? made->good_at : look->connected_at);
    if (age > READING_AGE_MAX)
        find(f, VERDICT_FAIL, "%s not read for %" PRId64 " s: %s%s%s", reading_names[which], seconds(age), why,
             look->blocker[0] ? "; " : "", look->blocker);
    else if (!made->good_at)
        find(f, VERDICT_WARN, "%s not read yet: %s", reading_names[which], why);
    return f->verdict == VERDICT_PASS;
}

static void judge_database(const struct look *look, const struct health_rules *rules, usec_t now, struct finding *f)
{
    (void)rules, (void)now;
    if (!look->connected)
        find(f, VERDICT_FAIL, "%s", look->problem[0] ? look->problem : "not connected yet");
}

static void judge_schema(const struct look *look, const struct health_rules *rules, usec_t now, struct finding *f)
{
    const struct made *made = &look->made[READ_SCHEMA];
    (void)rules;
    if (made->failed)
        find(f, VERDICT_FAIL, "%s", made->problem);
    else
        is_fresh(look, READ_SCHEMA, now, f);
}

static void judge_workers(const struct look *look, const struct health_rules *rules, usec_t now, struct finding *f)
{
    if (!is_fresh(look, READ_WORKERS, now, f))
        return;
    if (look->workers.live == 0)
        find(f, rules->need_worker ? VERDICT_FAIL : VERDICT_WARN, "no worker is alive: nothing is being run");
    else if (look->workers.silent > 0)
        find(f, VERDICT_WARN, "%.0f worker%s fell silent and no other took over yet", look->workers.silent,
             look->workers.silent == 1 ? "" : "s");
}

static void find_stalled(const struct look *look, const struct waiting *worst, usec_t longest, size_t count,
                         struct finding *f)
{
    char more[64] = "";
    if (count > 1)
        snprintf(more, sizeof more, "; %zu more queues are stalled", count - 1);
    find(f, VERDICT_FAIL,
         "%s %s: task %s (%s) could be claimed by worker %s, which has a free seat, and was not for %" PRId64
         " s%s%s%s",
         strchr(worst->queue, ' ') ? "limit" : "queue", worst->queue, worst->task, worst->handler, worst->worker, seconds(longest), look->blocker[0] ? "; " : "",
         look->blocker, more);
}

static void judge_queues(const struct look *look, const struct health_rules *rules, usec_t now, struct finding *f)
{
    const struct waiting *worst = NULL, *unserved = NULL;
    usec_t longest = 0;
    size_t count = 0;
    if (!is_fresh(look, READ_WAITING, now, f))
        return;
    for (size_t i = 0; i < look->waiting_count; i++) {
        const struct waiting *w = &look->waiting[i];
        usec_t stalled = look_stalled(look, w);
        unserved = !unserved && !w->served && !w->paused ? w : unserved;
        count += stalled >= rules->stall;
        if (stalled >= rules->stall && stalled > longest) {
            longest = stalled;
            worst = w;
        }
    }
    if (worst)
        find_stalled(look, worst, longest, count, f);
    else if (unserved && look->workers.live > 0)
        find(f, VERDICT_WARN, "queue %s: tasks wait in it and no living worker serves it", unserved->queue);
}

static void judge_handlers(const struct look *look, const struct health_rules *rules, usec_t now, struct finding *f)
{
    (void)rules;
    if (is_fresh(look, READ_HANDLERS, now, f) && look->strangers[0] && look->workers.live > 0)
        find(f, VERDICT_WARN, "tasks wait for handlers that no worker has: %s", look->strangers);
}

/* A beat is missed when a schedule is late. Whether one leads says only who would emit. */
static void judge_beat(const struct look *look, const struct health_rules *rules, usec_t now, struct finding *f)
{
    if (!is_fresh(look, READ_BEAT, now, f))
        return;
    const char *who = look->beat.leads ? "a beat leads and does not emit" : "no beat leads";
    if (look->beat.late >= (double)rules->stall / 1e6)
        find(f, VERDICT_FAIL, "%s: schedule %s is %.0f s late", who, look->beat.late_name, look->beat.late);
    else if (!look->beat.leads && look->beat.schedules > 0)
        find(f, VERDICT_WARN, "no beat leads, %.0f schedules are enabled", look->beat.schedules);
}

static const struct {
    const char *name;
    bool base; /* nothing can be told without it */
    void (*judge)(const struct look *look, const struct health_rules *rules, usec_t now, struct finding *f);
} checks[HEALTH_CHECKS] = {
    {"database", true, judge_database}, {"schema", true, judge_schema},      {"workers", false, judge_workers},
    {"queues", false, judge_queues},    {"handlers", false, judge_handlers}, {"beat", false, judge_beat},
};

enum verdict health_judge(const struct look *look, const struct health_rules *rules, usec_t now,
                          struct finding findings[static HEALTH_CHECKS])
{
    enum verdict worst = VERDICT_PASS;
    bool base = true;
    for (size_t i = 0; i < HEALTH_CHECKS; i++) {
        struct finding *f = &findings[i];
        *f = (struct finding){.check = checks[i].name, .judged = base};
        if (!base)
            continue;
        checks[i].judge(look, rules, now, f);
        base = !checks[i].base || f->verdict != VERDICT_FAIL;
        worst = f->verdict > worst ? f->verdict : worst;
    }
    return worst;
}

const char *health_verdict_name(enum verdict verdict)
{
    static const char *const names[] = {[VERDICT_PASS] = "pass", [VERDICT_WARN] = "warn", [VERDICT_FAIL] = "fail"};
    return names[verdict];
}

void health_write(const struct finding findings[static HEALTH_CHECKS], struct text *out)
{
    text_putc(out, '{');
    for (size_t i = 0; i < HEALTH_CHECKS && findings[i].judged; i++) {
        const struct finding *f = &findings[i];
        text_printf(out, "%s\"%s\":{\"status\":\"%s\"", i ? "," : "", f->check, health_verdict_name(f->verdict));
        if (f->reason[0]) {
            text_puts(out, ",\"reason\":");
            text_json_string(out, f->reason, strlen(f->reason));
        }
        text_putc(out, '}');
    }
    text_putc(out, '}');
}

bool health_turns(const struct look *look, usec_t now)
{
    return now - look->turned_at <= TURN_MAX;
}
