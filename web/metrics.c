/* metrics: families, a row each: name, type, help, the reading its numbers come from, and how to write its samples. */
#include "web/metrics.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define AGE_MAX SECONDS(60)

struct scrape {
    const struct look *look;
    usec_t now, started_at;
    enum verdict verdict;
    struct finding findings[HEALTH_CHECKS];
    struct text *out;
};

struct family {
    const char *name, *type, *help;
    void (*write)(const struct scrape *s, const struct family *family);
    size_t offset;     /* of the number, where `write` takes it from a structure */
    enum reading from; /* READINGS: from none */
};

/* A label's value: backslash, quote and line end are escaped. */
static void add_escaped(struct text *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            text_putc(out, '\\');
        if (*value == '\n')
            text_puts(out, "\\n");
        else
            text_putc(out, *value);
    }
}

static void add_label(struct text *out, const char *name, const char *value)
{
    text_printf(out, "{%s=\"", name);
    add_escaped(out, value);
    text_puts(out, "\"}");
}

static void add_sample(const struct scrape *s, const struct family *family, const char *label, const char *value,
                       double number)
{
    text_puts(s->out, family->name);
    if (value)
        add_label(s->out, label, value);
    text_printf(s->out, " %.15g\n", number);
}

static double number_at(const void *structure, size_t offset)
{
    double number;
    memcpy(&number, (const char *)structure + offset, sizeof number);
    return number;
}

static void write_look(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, NULL, NULL, number_at(s->look, family->offset));
}

/* A number that is negative when there is none. */
static void write_some(const struct scrape *s, const struct family *family)
{
    if (number_at(s->look, family->offset) >= 0)
        write_look(s, family);
}

static void write_depths(const struct scrape *s, const struct family *family)
{
    for (size_t i = 0; i < s->look->depth_count; i++)
        add_sample(s, family, "queue", s->look->depths[i].queue, number_at(&s->look->depths[i], family->offset));
}

static void write_stalled(const struct scrape *s, const struct family *family)
{
    for (size_t i = 0; i < s->look->waiting_count; i++) {
        const struct waiting *w = &s->look->waiting[i];
        add_sample(s, family, "queue", w->queue, (double)look_stalled(s->look, w) / 1e6);
    }
}

static void write_gates(const struct scrape *s, const struct family *family)
{
    for (size_t i = 0; i < s->look->gate_count; i++) {
        const struct gate *g = &s->look->gates[i];
        double number = number_at(g, family->offset);
        bool limited = family->offset < offsetof(struct gate, rate) ? g->slots >= 0 : g->rate >= 0;
        if (!limited || number < 0)
            continue;
        text_printf(s->out, "%s{kind=\"%s\",name=\"", family->name, g->kind);
        add_escaped(s->out, g->name);
        text_printf(s->out, "\"} %.15g\n", number);
    }
}

static void write_outcomes(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, "status", "SUCCESS", s->look->outcomes.success);
    add_sample(s, family, "status", "ERRORED", s->look->outcomes.errored);
    add_sample(s, family, "status", "KILLED", s->look->outcomes.killed);
    add_sample(s, family, "status", "SKIPPED", s->look->outcomes.skipped);
}

/* Labels of a series, and of its member where `name` says which. */
static void add_counts(const struct scrape *s, const char *family, const struct counts *counts, const char *name, const char *value, double number)
{
    text_printf(s->out, "%s{queue=\"%s\",kind=\"", family, counts->queue);
    add_escaped(s->out, counts->name);
    text_puts(s->out, "\"");
    if (name)
        text_printf(s->out, ",%s=\"%s\"", name, value);
    text_printf(s->out, "} %.15g\n", number);
}

static void write_jobs(const struct scrape *s, const struct family *family)
{
    for (size_t i = 0; i < s->look->counts_count; i++)
        for (int outcome = 0; outcome < TALLY_OUTCOMES; outcome++)
            if (s->look->counts[i].numbers[outcome] > 0)
                add_counts(s, family->name, &s->look->counts[i], "outcome", tally_outcomes[outcome], s->look->counts[i].numbers[outcome]);
}

/* A histogram as Prometheus has it: each bucket holds those below it too. */
static void write_histograms(const struct scrape *s, const struct family *family, int first, const double *bounds)
{
    CLEANUP(text_free) struct text member = {0};
    for (size_t i = 0; i < s->look->counts_count; i++) {
        const struct counts *counts = &s->look->counts[i];
        double count = 0;
        for (int bucket = 0; bucket < TALLY_BUCKETS; bucket++) {
            char bound[32] = "+Inf";
            if (bucket < TALLY_BOUNDS)
                snprintf(bound, sizeof bound, "%.15g", bounds[bucket]);
            count += counts->numbers[first + bucket];
            text_reset(&member);
            text_printf(&member, "%s_bucket", family->name);
            add_counts(s, text_str(&member), counts, "le", bound, count);
        }
        text_reset(&member);
        text_printf(&member, "%s_sum", family->name);
        add_counts(s, text_str(&member), counts, NULL, NULL, counts->numbers[first + TALLY_BUCKETS] / 1e6);
        text_reset(&member);
        text_printf(&member, "%s_count", family->name);
        add_counts(s, text_str(&member), counts, NULL, NULL, count);
    }
}

static void write_durations(const struct scrape *s, const struct family *family)
{
    write_histograms(s, family, TALLY_RUN, tally_run_bounds);
}

static void write_waits(const struct scrape *s, const struct family *family)
{
    write_histograms(s, family, TALLY_WAIT, tally_wait_bounds);
}

static void write_rescued(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, "reason", "child", s->look->events[TALLY_RESCUED_CHILD]);
    add_sample(s, family, "reason", "worker", s->look->events[TALLY_RESCUED_WORKER]);
}

static void write_stale(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, NULL, NULL, s->look->events[TALLY_STALE_WRITE]);
}

static void write_unknown(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, "resolved", "committed", s->look->events[TALLY_COMMITTED]);
    add_sample(s, family, "resolved", "rolled_back", s->look->events[TALLY_ROLLED_BACK]);
}

static void write_restarts(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, "cause", "signal", s->look->events[TALLY_CHILD_SIGNAL]);
    add_sample(s, family, "cause", "limit", s->look->events[TALLY_CHILD_LIMIT]);
    add_sample(s, family, "cause", "exit", s->look->events[TALLY_CHILD_EXIT]);
    add_sample(s, family, "cause", "spent", s->look->events[TALLY_CHILD_SPENT]);
}

static void write_lost_bells(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, NULL, NULL, s->look->events[TALLY_BELL_LOST]);
}

static void write_set_aside(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, NULL, NULL, s->look->events[TALLY_SET_ASIDE]);
}

static void write_ticks(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, "result", "emitted", s->look->ticks_emitted);
    add_sample(s, family, "result", "missed", s->look->ticks_missed);
}

static void write_build(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, "version", DRUMBEAT_VERSION, 1);
}

static void write_started(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, NULL, NULL, (double)s->started_at / 1e6);
}

static void write_ready(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, NULL, NULL, s->verdict != VERDICT_FAIL);
}

static void write_failing(const struct scrape *s, const struct family *family)
{
    for (size_t i = 0; i < HEALTH_CHECKS && s->findings[i].judged; i++)
        add_sample(s, family, "check", s->findings[i].check, s->findings[i].verdict == VERDICT_FAIL);
}

static void write_warning(const struct scrape *s, const struct family *family)
{
    for (size_t i = 0; i < HEALTH_CHECKS && s->findings[i].judged; i++)
        add_sample(s, family, "check", s->findings[i].check, s->findings[i].verdict == VERDICT_WARN);
}

static void write_leads(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, NULL, NULL, s->look->beat.leads);
}

static void write_connected(const struct scrape *s, const struct family *family)
{
    add_sample(s, family, NULL, NULL, s->look->connected);
}

static void write_took(const struct scrape *s, const struct family *family)
{
    for (enum reading which = 0; which < READINGS; which++)
        if (s->look->made[which].good_at)
            add_sample(s, family, "reading", reading_names[which], (double)s->look->made[which].took / 1e6);
}

static void write_age(const struct scrape *s, const struct family *family)
{
    for (enum reading which = 0; which < READINGS; which++)
        if (s->look->made[which].good_at && which != READ_BLOCKER) /* made on demand only */
            add_sample(s, family, "reading", reading_names[which],
                       (double)(s->now - s->look->made[which].good_at) / 1e6);
}

#define LOOK(member) write_look, offsetof(struct look, member)
#define SOME(member) write_some, offsetof(struct look, member)
#define DEPTH(member) write_depths, offsetof(struct depth, member)
#define GATE(member) write_gates, offsetof(struct gate, member)

/* clang-format off */
static const struct family families[] = {
    {"drumbeat_build_info", "gauge", "1, with the version of this program.", write_build, 0, READINGS},
    {"process_start_time_seconds", "gauge", "When this process was started.", write_started, 0, READINGS},
    {"drumbeat_ready", "gauge", "1 while /readyz answers 200.", write_ready, 0, READINGS},
    {"drumbeat_check_failing", "gauge", "1 while this check of /readyz fails.", write_failing, 0, READINGS},
    {"drumbeat_check_warning", "gauge", "1 while this check of /readyz warns.", write_warning, 0, READINGS},
    {"drumbeat_database_connected", "gauge", "1 while this process is connected to the database.", write_connected, 0, READINGS},
    {"drumbeat_reading_seconds", "gauge", "How long the last reading of the database took.", write_took, 0, READINGS},
    {"drumbeat_reading_age_seconds", "gauge", "How long ago the last good reading was made.", write_age, 0, READINGS},

    {"drumbeat_queue_ready", "gauge", "Tasks that could be claimed; an estimate above 10000 of one priority.", DEPTH(ready), READ_DEPTHS},
    {"drumbeat_queue_delayed", "gauge", "Tasks that wait for their time, of the 10000 that are due soonest.", DEPTH(delayed), READ_DEPTHS},
    {"drumbeat_queue_running", "gauge", "Tasks that are claimed.", DEPTH(running), READ_DEPTHS},
    {"drumbeat_queue_gated", "gauge", "Tasks that a limit holds back, or that would be ready if their queue were not paused or some worker had their handler; counted up to 10000 of each limit.", DEPTH(gated), READ_DEPTHS},
    {"drumbeat_queue_oldest_ready_seconds", "gauge", "For how long the longest-waiting task at the head of a priority could have run.", DEPTH(oldest), READ_DEPTHS},
    {"drumbeat_queue_paused", "gauge", "1 while the queue is paused.", DEPTH(paused), READ_DEPTHS},
    {"drumbeat_queue_stalled_seconds", "gauge", "For how long a worker with a free seat could have claimed the queue's next task and did not; queues with waiting tasks only.", write_stalled, 0, READ_WAITING},

    {"drumbeat_limit_slots", "gauge", "How many tasks the limit lets run at once; of kind keys: of each key.", GATE(slots), READ_GATES},
    {"drumbeat_limit_slots_used", "gauge", "Of those, the ones that tasks hold which run or are about to; of kind keys: of all keys together.", GATE(used), READ_GATES},
    {"drumbeat_limit_waiting", "gauge", "Tasks that wait for one.", GATE(waiting), READ_GATES},
    {"drumbeat_limit_rate_per_second", "gauge", "How many tasks the limit lets start in a second; of kind keys: of each key.", GATE(rate), READ_GATES},
    {"drumbeat_limit_rate_waiting", "gauge", "Tasks that wait for their turn at that rate.", GATE(unstarted), READ_GATES},
    {"drumbeat_limit_rate_next_seconds", "gauge", "How soon the next may start; 0: at once.", GATE(next_token_in), READ_GATES},

    {"drumbeat_workers", "gauge", "Living workers.", LOOK(workers.live), READ_WORKERS},
    {"drumbeat_workers_draining", "gauge", "Living workers that finish what they have and leave.", LOOK(workers.draining), READ_WORKERS},
    {"drumbeat_workers_silent", "gauge", "Workers whose lease is over and whose tasks nobody took over yet.", LOOK(workers.silent), READ_WORKERS},
    {"drumbeat_seats", "gauge", "Children that living workers keep.", LOOK(workers.seats), READ_WORKERS},
    {"drumbeat_seats_busy", "gauge", "Of those, the ones that hold tasks.", LOOK(workers.busy), READ_WORKERS},

    {"drumbeat_tasks_enqueued_total", "counter", "Tasks enqueued, as the server counts inserted rows; those that were forgotten since too.", LOOK(totals.enqueued), READ_TOTALS},
    {"drumbeat_tasks_ended_total", "counter", "Tasks that reached a final status, counted the same way.", LOOK(totals.ended), READ_TOTALS},
    {"drumbeat_attempts_failed_total", "counter", "Attempts that ended without success, counted the same way.", LOOK(totals.failed), READ_TOTALS},
    {"drumbeat_tasks_ended_last_minute", "gauge", "How tasks ended in the last minute, of those in the newest megabyte.", write_outcomes, 0, READ_OUTCOMES},

    {"drumbeat_jobs_total", "counter", "Attempts by how they ended, as workers count them.", write_jobs, 0, READ_TALLY},
    {"drumbeat_job_duration_seconds", "histogram", "How long attempts ran.", write_durations, 0, READ_TALLY},
    {"drumbeat_job_wait_seconds", "histogram", "How long tasks that could run waited for their first start.", write_waits, 0, READ_TALLY},
    {"drumbeat_attempts_rescued_total", "counter", "Attempts that ended because their child or their worker was gone.", write_rescued, 0, READ_TALLY},
    {"drumbeat_stale_writes_refused_total", "counter", "Times that a child was refused because its seat had been taken away.", write_stale, 0, READ_TALLY},
    {"drumbeat_commit_unknown_total", "counter", "Commits of handlers that were not answered, and what asking said.", write_unknown, 0, READ_TALLY},
    {"drumbeat_child_restarts_total", "counter", "Children that were replaced.", write_restarts, 0, READ_TALLY},
    {"drumbeat_bell_lost_total", "counter", "Times that a worker found tasks by looking of which no notification had told it.", write_lost_bells, 0, READ_TALLY},
    {"drumbeat_celery_quarantined_total", "counter", "Messages of Celery clients that could not be read and were set aside.", write_set_aside, 0, READ_TALLY},
    {"drumbeat_ticks_total", "counter", "Ticks that became tasks, and ticks that were passed over.", write_ticks, 0, READ_TALLY},

    {"drumbeat_stream_lag_messages", "gauge", "Messages of Kafka that wait to be read, as the last run of akvo.datapoints left them.", LOOK(streams.lag), READ_STREAMS},
    {"drumbeat_stream_moved_seconds", "gauge", "How long ago that run read some.", SOME(streams.moved), READ_STREAMS},

    {"drumbeat_beat_leads", "gauge", "1 while some beat holds the lease.", write_leads, 0, READ_BEAT},
    {"drumbeat_beat_last_tick_timestamp_seconds", "gauge", "The moment that the latest tick was for; 0: none.", LOOK(beat.last_tick), READ_BEAT},
    {"drumbeat_beat_last_lateness_seconds", "gauge", "How late that tick was emitted.", SOME(beat.last_late), READ_BEAT},
    {"drumbeat_beat_holder_age_seconds", "gauge", "For how long the beat that holds the lease has run.", SOME(beat.age), READ_BEAT},
    {"drumbeat_schedules", "gauge", "Schedules that are enabled and not paused.", LOOK(beat.schedules), READ_BEAT},
    {"drumbeat_schedules_overdue", "gauge", "Of those, the ones whose tick is overdue by more than a second.", LOOK(beat.overdue), READ_BEAT},
    {"drumbeat_schedule_late_seconds", "gauge", "How late the most overdue tick is; 0: none.", LOOK(beat.late), READ_BEAT},
};
/* clang-format on */

static bool is_known(const struct scrape *s, enum reading from)
{
    if (from == READINGS)
        return true;
    usec_t good_at = s->look->made[from].good_at;
    return good_at && s->now - good_at <= AGE_MAX;
}

void metrics_write(const struct web *web, struct text *out)
{
    struct scrape s = {.look = &web->look, .now = clock_boot(), .started_at = web->started_at, .out = out};
    s.verdict = health_judge(&web->look, &web->rules, s.now, s.findings);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        const struct family *family = &families[i];
        if (!is_known(&s, family->from))
            continue;
        text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name, family->type);
        family->write(&s, family);
    }
}
