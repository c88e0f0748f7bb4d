/* bench: how fast is it here? */
#include "cli/bench/bench.h"
#include "cli/verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct args {
    const char *what;
    int64_t tasks, samples, pool;
    bool light, json;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, what, "WHAT", .help = "enqueue, throughput, latency, schedules or upsert; all but the last when missing"),
    NUMBER_FLAG(struct args, tasks, "tasks", .value = "N", .min = 1, .max = BENCH_TASKS_MAX, .help = "how many tasks to run, schedules to load or rows to upsert (100000)"),
    NUMBER_FLAG(struct args, samples, "samples", .value = "N", .min = 1, .max = BENCH_SAMPLES_MAX, .help = "how many tasks to time one by one (1000)"),
    NUMBER_FLAG(struct args, pool, "pool", .value = "N", .min = 1, .max = CONFIG_POOL_MAX, .help = "children of the worker (2)"),
    SWITCH_FLAG(struct args, light, "redis", .help = "of a queue in Redis alone (broker: redis, rows: failures): enqueue, throughput, latency"),
    SWITCH_FLAG(struct args, json, "json", .help = "print one JSON object; what was not measured is null"),
    {0},
};

typedef bool measurement(struct bench *b, struct err *e);

/* What each word measures. */
static const struct {
    const char *what;
    measurement *steps[6]; /* ends with NULL */
    measurement *light[6]; /* with --redis */
} kinds[] = {
    {"enqueue", {bench_enqueue}, {bench_light_enqueue}},
    {"throughput", {bench_throughput, bench_raw, bench_start}, {bench_light_throughput}},
    {"latency", {bench_latency, bench_start}, {bench_light_latency}},
    {"schedules", {bench_schedules, bench_beat}, {NULL}},
    {"upsert", {bench_upsert}, {NULL}},
    {"", {bench_throughput, bench_raw, bench_latency, bench_start, bench_schedules}, {bench_light_throughput, bench_light_latency}},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static void add_number(struct text *out, const char *before, double value, int digits)
{
    text_puts(out, before);
    if (value < 0)
        text_puts(out, "null");
    else
        text_printf(out, "%.*f", digits, value);
}

static void print_json(const struct bench *b)
{
    CLEANUP(text_free) struct text out = {0};
    text_printf(&out, "{\"tasks\": %" PRId64, b->tasks);
    add_number(&out, ", \"seconds\": ", b->seconds, 3);
    add_number(&out, ", \"tasks_per_s\": ", b->tasks_per_s, 0);
    add_number(&out, ", \"enqueue_per_s\": ", b->enqueue_per_s, 0);
    add_number(&out, ", \"start_ms\": {\"p50\": ", b->p50, 3);
    add_number(&out, ", \"p95\": ", b->p95, 3);
    add_number(&out, ", \"p99\": ", b->p99, 3);
    add_number(&out, "}, \"pss_mib\": ", b->pss_mib, 2);
    add_number(&out, ", \"busy_pss_mib\": ", b->busy_pss_mib, 2);
    add_number(&out, ", \"start_to_first_task_ms\": ", b->first_task_ms, 1);
    add_number(&out, ", \"raw_per_s\": ", b->raw_per_s, 0);
    add_number(&out, ", \"upsert\": {\"raw_per_s\": ", b->upsert_raw, 0);
    add_number(&out, ", \"staged_per_s\": ", b->upsert_staged, 0);
    add_number(&out, ", \"changed_per_s\": ", b->upsert_changed, 0);
    add_number(&out, ", \"same_per_s\": ", b->upsert_same, 0);
    add_number(&out, ", \"peak_mib\": ", b->upsert_mib, 1);
    add_number(&out, "}, \"next_ticks_per_s\": ", b->ticks_per_s, 0);
    text_printf(&out, ", \"beat\": {\"schedules\": %" PRId64, b->schedules);
    add_number(&out, ", \"load_s\": ", b->beat_load_s, 3);
    add_number(&out, ", \"load_cpu_s\": ", b->beat_load_cpu_s, 2);
    add_number(&out, ", \"pss_mib\": ", b->beat_pss_mib, 2);
    add_number(&out, ", \"idle_cpu_ms_per_s\": ", b->beat_idle_cpu, 2);
    add_number(&out, ", \"emit_s\": ", b->beat_emit_s, 3);
    add_number(&out, ", \"emit_cpu_s\": ", b->beat_emit_cpu_s, 2);
    add_number(&out, ", \"emitted_pss_mib\": ", b->beat_busy_pss_mib, 2);
    text_putc(&out, '}');
    printf("%s}\n", text_str(&out));
}

static void print_beat(const struct bench *b)
{
    printf("beat             %" PRId64 " schedules loaded in %.3f s (%.2f s of its CPU), %.2f MiB (PSS), idle %.2f ms of CPU a second\n", b->schedules,
           b->beat_load_s, b->beat_load_cpu_s, b->beat_pss_mib, b->beat_idle_cpu);
    printf("all due at once  emitted %.3f s later (%.2f s of its CPU), %.0f/s, %.2f MiB\n", b->beat_emit_s, b->beat_emit_cpu_s,
           (double)b->schedules / b->beat_emit_s, b->beat_busy_pss_mib);
}

static void print_upsert(const struct bench *b)
{
    printf("raw upsert       %.0f rows/s: one COPY, one INSERT … ON CONFLICT of %" PRId64 " rows\n", b->upsert_raw, b->tasks);
    printf("staged upsert    %.0f rows/s, %.2f of it; changed rows %.0f/s, unchanged ones %.0f/s; at most %.1f MiB resident\n",
           b->upsert_staged, b->upsert_staged / b->upsert_raw, b->upsert_changed, b->upsert_same, b->upsert_mib);
}

static void print(const struct bench *b)
{
    if (b->enqueue_per_s >= 0)
        printf("enqueue          %" PRId64 " tasks in %.3f s: %.0f/s\n", b->tasks, b->enqueue_seconds, b->enqueue_per_s);
    if (b->tasks_per_s >= 0)
        printf("throughput       %" PRId64 " tasks in %.3f s: %.0f/s, each SUCCESS at its first start, %d children\n", b->tasks, b->seconds,
               b->tasks_per_s, b->pool);
    if (b->raw_per_s >= 0)
        printf("raw cycle        %.0f/s: claims and settlements alone, %d clients\n", b->raw_per_s, b->pool);
    if (b->p50 >= 0)
        printf("commit to start  p50 %.3f ms, p95 %.3f ms, p99 %.3f ms of %" PRId64 " tasks one by one\n", b->p50, b->p95, b->p99, b->samples);
    if (b->first_task_ms >= 0)
        printf("first task       %.1f ms after the worker was executed\n", b->first_task_ms);
    if (b->pss_mib >= 0)
        printf("idle worker      %.2f MiB with %d children (PSS of all its processes)\n", b->pss_mib, BENCH_IDLE_POOL);
    if (b->busy_pss_mib >= 0)
        printf("busy worker      %.2f MiB with %d children\n", b->busy_pss_mib, b->pool);
    if (b->ticks_per_s >= 0)
        printf("schedules        %.0f next ticks/s, %.2f us each\n", b->ticks_per_s, 1e6 / b->ticks_per_s);
    if (b->schedules > 0)
        print_beat(b);
    if (b->upsert_staged >= 0)
        print_upsert(b);
}

static bool run_steps(struct bench *b, const char *what, bool light, struct err *e)
{
    for (size_t i = 0; i < KINDS; i++) {
        measurement *const *step = light ? kinds[i].light : kinds[i].steps;
        if (strcmp(kinds[i].what, what) != 0)
            continue;
        if (!*step)
            return err_set(e, ERR_USAGE, "bench: %s has nothing to do with Redis", what);
        for (; *step; step++)
            if (!(*step)(b, e))
                return false;
        return true;
    }
    return err_set(e, ERR_USAGE, "bench: '%s' is not enqueue, throughput, latency, schedules or upsert", what);
}

static int run(int argc, char **argv)
{
    struct args args = {.what = "", .tasks = BENCH_TASKS_DEFAULT, .samples = BENCH_SAMPLES_DEFAULT, .pool = 2};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_open(&s, &e))
        return verb_failed(&e);
    struct bench b = {.session = &s, .tasks = args.tasks, .samples = args.samples, .pool = (int)args.pool,
                      .seconds = -1, .tasks_per_s = -1, .enqueue_per_s = -1, .p50 = -1, .p95 = -1, .p99 = -1,
                      .first_task_ms = -1, .pss_mib = -1, .busy_pss_mib = -1, .raw_per_s = -1, .ticks_per_s = -1,
                      .beat_load_s = -1, .beat_pss_mib = -1, .beat_busy_pss_mib = -1, .beat_idle_cpu = -1, .beat_load_cpu_s = -1,
                      .beat_emit_cpu_s = -1, .beat_emit_s = -1, .upsert_raw = -1, .upsert_staged = -1, .upsert_changed = -1,
                      .upsert_same = -1, .upsert_mib = -1};
    bench_catch_interrupts();
    if (!run_steps(&b, args.what, args.light, &e))
        return verb_failed(&e);
    if (args.json)
        print_json(&b);
    else
        print(&b);
    return EXIT_DONE;
}

const struct verb verb_bench = {
    .name = "bench",
    .summary = "how fast it is here: enqueue, throughput, latency, schedules, upsert",
    .details = "Uses queues and workers of its own and removes its tasks. `schedules` starts a beat on a database of its own, "
               "drumbeat_bench, which it makes and removes: the role needs CREATEDB, no schedule of yours is touched. `upsert` makes "
               "and removes a table, drumbeat.bench_upsert. Measure on an otherwise idle server.",
    .example = "drumbeat bench\ndrumbeat bench throughput --tasks 1000000 --pool 4 --json\ndrumbeat bench schedules --tasks 100000\n"
               "drumbeat bench upsert --tasks 200000\ndrumbeat bench throughput --redis --tasks 1000000",
    .flags = flags,
    .run = run,
};
