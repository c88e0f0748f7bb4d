/* options: the rows. Ranges, defaults and help stand here and nowhere else; what a type accepts is in value.c, rules
 * between options are in check.c. */
#include "config/options.h"

#include <ctype.h>
#include <string.h>

#define IN(type, member) .offset = offsetof(struct type, member)
#define LIST(...)                                                                                                      \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }

enum { ATTEMPTS_MAX = 1000, WEEKS_MAX = 520, FAILURES_MAX = 1000 };
static const int64_t LIMIT_MAX = INT64_C(1000000000);
#define KEEP_MAX DAYS(36600)

static const struct option database[] = {
    {"url", OPTION_URL, IN(config, database.url), .variable = "DATABASE_URL", .secret = true,
     .help = "PostgreSQL: postgres://user:password@host:port/name, or libpq's keyword=value form"},
    {"listen_url", OPTION_URL, IN(config, database.listen_url), .secret = true,
     .help = "the direct address, when url goes through a transaction pooler"},
    {0},
};

static const struct option redis[] = {
    {"url", OPTION_URL, IN(config, redis.url), .variable = "REDIS_URL", .secret = true,
     .help = "Redis: redis://user:password@host:port/number, unix:///path?db=number, redis+sentinel://host:port,host:port/service"},
    {0},
};

static const struct option celery[] = {
    {"app", OPTION_TEXT, IN(config, celery.app), .help = "a Celery application whose tasks this worker runs, as celery -A names it; none: handlers only"},
    {"python", OPTION_TEXT, IN(config, celery.python), .fallback = "python3", .help = "the Python that runs them, of the project's virtual environment"},
    {"folder", OPTION_TEXT, IN(config, celery.folder), .help = "the project's folder; none: where the worker was started"},
    {"memory", OPTION_SIZE, IN(config, celery.memory), .fallback = "2GiB", .min = 1 << 20, .max = INT64_C(1) << 44,
     .help = "memory that each of them may take, Python included; handlers.<name>.memory goes before it"},
    {"result_backend", OPTION_URL, IN(config, celery.result_backend), .secret = true, .help = "Redis that results of Celery are kept in; none: redis.url"},
    {"result_expires", OPTION_DURATION, IN(config, celery.result_expires), .fallback = "1d", .max = DAYS(3660),
     .help = "how long they are kept; 0s: for ever"},
    {"visibility_timeout", OPTION_DURATION, IN(config, celery.visibility_timeout), .fallback = "1h", .min = SECONDS(1), .max = DAYS(366),
     .help = "after which Python workers take a message back that nobody keeps fresh: the shortest of theirs"},
    {"key_prefix", OPTION_TEXT, IN(config, celery.key_prefix), .help = "global_keyprefix of the Python side; none: no prefix"},
    {"priority_steps", OPTION_TEXT, IN(config, celery.priority_steps), .fallback = "0,3,6,9", .help = "priority_steps of the Python side"},
    {"separator", OPTION_TEXT, IN(config, celery.separator), .help = "sep of the Python side; none: kombu's, the bytes 6 and 22"},
    {"unknown_tasks", OPTION_CHOICE, IN(config, celery.unknown_tasks), .fallback = "leave", .choices = LIST("leave", "fail", "quarantine"),
     .help = "messages for handlers that this worker does not have: left to others, answered by a failure, or set aside"},
    {"prefetch", OPTION_COUNT, IN(config, celery.prefetch), .fallback = "0", .max = 100000,
     .help = "messages taken beyond those that run; 0: as many as are soon run"},
    {"keep_quarantined", OPTION_COUNT, IN(config, celery.keep_quarantined), .fallback = "1000", .min = 1, .max = 1000000,
     .help = "messages that are kept of those set aside, of each queue the newest"},
    {"track_started", OPTION_BOOL, IN(config, celery.track_started), .fallback = "true", .help = "write the state STARTED to the result backend"},
    {"task_events", OPTION_BOOL, IN(config, celery.task_events), .fallback = "false",
     .help = "tell monitors (Flower, celery events) what becomes of each task; they can switch it on and off"},
    {"unreported", OPTION_DURATION, IN(config, celery.unreported), .fallback = "1d", .max = DAYS(3660),
     .help = "a task sent to Python workers that tells nothing for so long has failed; 0s: it is waited for for ever"},
    {0},
};

static const struct option worker[] = {
    {"pool", OPTION_INT, IN(config, worker.pool), .fallback = "4", .min = 1, .max = CONFIG_POOL_MAX,
     .help = "child processes, each runs one task at a time"},
    {"queues", OPTION_QUEUES, IN(config, worker.queues), .help = "queues to take tasks from; none: every queue"},
    {"lease", OPTION_DURATION, IN(config, worker.lease), .fallback = "15s", .min = SECONDS(5), .max = MINUTES(10),
     .help = "how long a worker that fell silent keeps its tasks"},
    {"drain", OPTION_DURATION, IN(config, worker.drain), .fallback = "25s", .max = DAYS(1),
     .help = "how long SIGTERM lets running tasks finish"},
    {"user", OPTION_TEXT, IN(config, worker.user), .help = "user as whom children run, when the worker is root; none: the worker's"},
    {"cgroup", OPTION_CHOICE, IN(config, worker.cgroup), .fallback = "auto", .choices = LIST("auto", "off"),
     .help = "auto: a control group for each child, where the worker may make them"},
    {"recycle.tasks", OPTION_COUNT, IN(config, worker.recycle.tasks), .fallback = "1000000", .max = LIMIT_MAX,
     .help = "tasks after which a child is replaced; 0: never"},
    {"recycle.age", OPTION_DURATION, IN(config, worker.recycle.age), .fallback = "4h", .max = DAYS(366),
     .help = "age at which a child is replaced once its task is over; 0s: never"},
    {"recycle.memory", OPTION_SIZE, IN(config, worker.recycle.memory), .fallback = "128MiB", .max = INT64_C(1) << 44,
     .help = "memory with which a child is replaced once its task is over; 0: never"},
    {"cancel.term", OPTION_DURATION, IN(config, worker.cancel.term), .fallback = "5s", .max = HOURS(1),
     .help = "how long after a cancel a task that goes on is sent SIGTERM"},
    {"cancel.kill", OPTION_DURATION, IN(config, worker.cancel.kill), .fallback = "10s", .min = SECONDS(1), .max = HOURS(2),
     .help = "how long after a cancel its process is killed; later than cancel.term"},
    {"ageing", OPTION_DURATION, IN(config, worker.ageing), .fallback = "30s", .max = DAYS(1),
     .help = "tasks that wait behind more urgent ones gain one priority in this time; 0s: never"},
    {0},
};

static const struct option results[] = {
    {"root", OPTION_TEXT, IN(config, results.root),
     .help = "folder for results larger than results.limit; none: such a result fails its task"},
    {"keep", OPTION_DURATION, IN(config, results.keep), .fallback = "7d", .min = HOURS(1), .max = DAYS(3660),
     .help = "how long those files are kept"},
    {"limit", OPTION_SIZE, IN(config, results.limit), .fallback = "1MiB", .min = 1 << 10, .max = 1 << 20,
     .help = "longest result that stands in the task's row"},
    {"file_limit", OPTION_SIZE, IN(config, results.file_limit), .fallback = "16MiB", .min = 1 << 10, .max = 1 << 28,
     .help = "longest result at all; it is checked in the task's memory, which takes many times as much"},
    {"mode", OPTION_CHOICE, IN(config, results.mode), .fallback = "0640", .choices = LIST("0600", "0640", "0644"),
     .help = "who may read the files: their owner is the worker's user, their group that of the folder"},
    {0},
};

static const struct option history[] = {
    {"success", OPTION_DURATION, IN(config, history.success), .fallback = "30d", .max = KEEP_MAX,
     .help = "how long tasks are kept that ended as SUCCESS; 0s: for ever"},
    {"errored", OPTION_DURATION, IN(config, history.errored), .fallback = "90d", .max = KEEP_MAX, .help = "the same for ERRORED"},
    {"killed", OPTION_DURATION, IN(config, history.killed), .fallback = "90d", .max = KEEP_MAX, .help = "the same for KILLED"},
    {"skipped", OPTION_DURATION, IN(config, history.skipped), .fallback = "30d", .max = KEEP_MAX, .help = "the same for SKIPPED"},
    {0},
};

static const struct option logging[] = {
    {"level", OPTION_CHOICE, IN(config, log.level), .fallback = "info",
     .choices = LIST("debug", "info", "warning", "error"), .help = "the least important events that are written"},
    {"format", OPTION_CHOICE, IN(config, log.format), .fallback = "logfmt", .choices = LIST("logfmt", "json"),
     .help = "how their lines are written, on standard error"},
    {0},
};

static const struct option queues[] = {
    {"broker", OPTION_CHOICE, IN(config_queue, broker), .fallback = "postgres", .choices = LIST("postgres", "redis"),
     .help = "where waiting tasks are kept"},
    {"protocol", OPTION_CHOICE, IN(config_queue, protocol), .fallback = "native", .choices = LIST("native", "celery"),
     .help = "celery: exchange messages with Python clients and workers (redis only)"},
    {"rows", OPTION_CHOICE, IN(config_queue, rows), .fallback = "full", .choices = LIST("full", "failures"),
     .help = "failures: only tasks that failed get a row (redis only)"},
    {"limit", OPTION_COUNT, IN(config_queue, limit), .fallback = "0", .max = LIMIT_MAX,
     .help = "most tasks of this queue that run at once, over all workers; 0: no limit"},
    {"rate", OPTION_RATE, IN(config_queue, rate), .help = "most that start in a time, over all workers: 10/s, 600/m, 5/10m; none: no limit"},
    {"keep.success", OPTION_DURATION, IN(config_queue, keep.success), .max = KEEP_MAX,
     .help = "how long its tasks are kept that ended as SUCCESS; none: as history says"},
    {"keep.errored", OPTION_DURATION, IN(config_queue, keep.errored), .max = KEEP_MAX, .help = "the same for ERRORED"},
    {"keep.killed", OPTION_DURATION, IN(config_queue, keep.killed), .max = KEEP_MAX, .help = "the same for KILLED"},
    {"keep.skipped", OPTION_DURATION, IN(config_queue, keep.skipped), .max = KEEP_MAX, .help = "the same for SKIPPED"},
    {0},
};

static const struct option handlers[] = {
    {"queue", OPTION_QUEUE, IN(config_handler, queue), .help = "queue of its tasks; none: as the handler says"},
    {"max_attempts", OPTION_INT, IN(config_handler, max_attempts), .min = 1, .max = ATTEMPTS_MAX,
     .help = "starts before a failing task ends; none: as the handler says, else 3"},
    {"max_deaths", OPTION_INT, IN(config_handler, max_deaths), .min = 1, .max = ATTEMPTS_MAX,
     .help = "how often a task may kill its process before it is set aside; none: 3, or the attempts its caller asked for"},
    {"soft", OPTION_DURATION, IN(config_handler, limits.soft), .min = SECONDS(1), .max = DAYS(366),
     .help = "time after which the task is asked to stop; none: as the handler says, else 55m"},
    {"hard", OPTION_DURATION, IN(config_handler, limits.hard), .min = SECONDS(1), .max = DAYS(366),
     .help = "time after which its process is killed; none: as the handler says, else 1h"},
    {"memory", OPTION_SIZE, IN(config_handler, limits.memory), .min = 1 << 20, .max = INT64_C(1) << 44,
     .help = "memory of its process and all it started; none: as the handler says, else 512MiB"},
    {"cpu", OPTION_DURATION, IN(config_handler, limits.cpu), .min = SECONDS(1), .max = DAYS(366),
     .help = "processor time of the same; none: as the handler says, else as long as hard"},
    {"files", OPTION_COUNT, IN(config_handler, limits.files), .min = 32, .max = 1 << 20,
     .help = "files that one process may have open; none: as the handler says, else 1024"},
    {"output", OPTION_SIZE, IN(config_handler, limits.output), .min = 1, .max = INT64_C(1) << 44,
     .help = "bytes it may write: log, a command's descriptors, each of its files; none: as the handler says, else 512MiB"},
    {"log_lines", OPTION_COUNT, IN(config_handler, limits.log_lines), .min = 1, .max = LIMIT_MAX,
     .help = "log lines of an attempt that are kept; none: as the handler says, else 10000"},
    {"processes", OPTION_COUNT, IN(config_handler, limits.processes), .min = 1, .max = 16384,
     .help = "processes it may be at once, its own included; none: as the handler says, else 256"},
    {"limit", OPTION_COUNT, IN(config_handler, limit), .fallback = "0", .max = LIMIT_MAX,
     .help = "most of its tasks that run at once, over all workers; 0: no limit"},
    {"rate", OPTION_RATE, IN(config_handler, rate), .help = "most of them that start in a time: 10/s, 600/m, 5/10m; none: no limit"},
    {"limit_by", OPTION_TEXT, IN(config_handler, key.by),
     .help = "an argument: tasks with the same value of it share limit_per_key and rate_per_key; none: nothing is shared"},
    {"limit_per_key", OPTION_COUNT, IN(config_handler, key.limit), .fallback = "1", .max = LIMIT_MAX,
     .help = "most tasks with one value of limit_by that run at once; 1: one after the other, 0: no limit"},
    {"rate_per_key", OPTION_RATE, IN(config_handler, key.rate), .help = "most of those that start in a time; none: no limit"},
    {"retry.first", OPTION_DURATION, IN(config_handler, retry.first), .min = MSEC(1), .max = DAYS(30),
     .help = "longest wait before the second attempt, doubled for each further one; none: as the handler says, else 10s"},
    {"retry.cap", OPTION_DURATION, IN(config_handler, retry.cap), .min = MSEC(1), .max = DAYS(30),
     .help = "longest wait before any attempt; none: as the handler says, else 10m"},
    {"retry.delays", OPTION_DURATIONS, IN(config_handler, retry.delays), .max = DAYS(30),
     .help = "instead: the exact wait before each attempt after the first, the last one again and again"},
    {"command.argv", OPTION_ARGV, IN(config_handler, argv),
     .help = "a command to run: program and arguments, no shell"},
    {"command.env", OPTION_ENV, IN(config_handler, env), .secret = true, .help = "variables added for the command"},
    {"command.keep", OPTION_BOOL, IN(config_handler, keep), .fallback = "false",
     .help = "the program stays and runs task after task, those of all handlers with the same command"},
    {"command.cwd", OPTION_TEXT, IN(config_handler, cwd), .help = "folder the command runs in"},
    {0},
};

static const struct option schedules[] = {
    {"handler", OPTION_TEXT, IN(config_schedule, handler), .help = "handler of the tasks it emits (required)"},
    {"args", OPTION_JSON, IN(config_schedule, args), .fallback = "{}", .help = "their arguments"},
    {"spec", OPTION_SPECS, IN(config_schedule, specs),
     .help = "when: cron fields or @every 30m, one or several (required)"},
    {"exclude", OPTION_SPECS, IN(config_schedule, exclude), .help = "moments to leave out, written like spec"},
    {"tz", OPTION_TEXT, IN(config_schedule, tz), .help = "time zone, Africa/Nairobi; none: UTC"},
    {"queue", OPTION_QUEUE, IN(config_schedule, queue), .help = "queue of its tasks; none: the handler's"},
    {"catchup", OPTION_CHOICE, IN(config_schedule, catchup), .fallback = "last", .choices = LIST("last", "all", "none"),
     .help = "which of the missed ticks are made up for"},
    {"catchup_window", OPTION_DURATION, IN(config_schedule, catchup_window), .fallback = "1h", .max = DAYS(366),
     .help = "how old a missed tick may be"},
    {"overlap", OPTION_CHOICE, IN(config_schedule, overlap), .fallback = "allow",
     .choices = LIST("allow", "skip", "queue_one", "replace", "cancel_other"),
     .help = "what a tick does while an earlier task is unfinished"},
    {"jitter", OPTION_DURATION, IN(config_schedule, jitter), .fallback = "0s", .max = DAYS(1),
     .help = "spread the ticks over this time"},
    {"start", OPTION_MOMENT, IN(config_schedule, start_at), .help = "no tick before this moment"},
    {"end", OPTION_MOMENT, IN(config_schedule, end_at), .help = "no tick after this moment"},
    {"priority", OPTION_INT, IN(config_schedule, priority), .fallback = "-1", .min = -1, .max = 9,
     .help = "of its tasks, 0 (first) to 9; -1: the default, 5"},
    {"tenant", OPTION_TEXT, IN(config_schedule, tenant), .help = "tenant of its tasks"},
    {"notes", OPTION_TEXT, IN(config_schedule, notes), .help = "for people who look at it"},
    {"max_runs", OPTION_COUNT, IN(config_schedule, max_runs), .fallback = "0", .max = LIMIT_MAX,
     .help = "ticks after which it is over; 0: no limit"},
    {"every_weeks", OPTION_INT, IN(config_schedule, every_weeks), .fallback = "0", .max = WEEKS_MAX,
     .help = "only in each such week from the anchor's; 0: in every week"},
    {"anchor", OPTION_TEXT, IN(config_schedule, anchor), .help = "a date in a week that counts, for every_weeks"},
    {"pause_after_failures", OPTION_INT, IN(config_schedule, pause_after_failures), .fallback = "0", .max = FAILURES_MAX,
     .help = "tasks that fail in a row before it is paused; 0: never"},
    {"enabled", OPTION_BOOL, IN(config_schedule, enabled), .fallback = "true", .help = "false: it emits nothing"},
    {0},
};

static const struct option upstreams[] = {
    {"kind", OPTION_TEXT, IN(config_upstream, kind), .help = "what it speaks; none: its name, where that is a kind"},
    {"url", OPTION_ADDRESS, IN(config_upstream, url), .help = "base address"},
    {"user", OPTION_TEXT, IN(config_upstream, user), .help = "user name"},
    {"password", OPTION_TEXT, IN(config_upstream, password), .secret = true, .help = "password"},
    {"key", OPTION_TEXT, IN(config_upstream, key), .secret = true, .help = "API key or token"},
    {"cert", OPTION_TEXT, IN(config_upstream, cert), .help = "client certificate, a PEM file or a reference to its text"},
    {"cert_key", OPTION_TEXT, IN(config_upstream, cert_key), .help = "its key, likewise"},
    {"ca", OPTION_TEXT, IN(config_upstream, ca), .help = "certificates to trust, likewise; none: the system's"},
    {"headers", OPTION_HEADERS, IN(config_upstream, headers), .secret = true, .help = "headers added to every request"},
    {"enabled", OPTION_BOOL, IN(config_upstream, enabled), .fallback = "true", .help = "false: nothing is asked of it, tasks that would fail"},
    {0},
};

#define OPTIONS(list) .options = (list), .option_count = sizeof(list) / sizeof *(list)-1
#define ENTRIES(type, array, length)                                                                                   \
    .entry_size = sizeof(struct type), .entries = offsetof(struct config, array),                                      \
    .count = offsetof(struct config, length)

const struct section config_sections[SECTION_COUNT] = {
    [SECTION_DATABASE] = {"database", OPTIONS(database)},
    [SECTION_REDIS] = {"redis", OPTIONS(redis)},
    [SECTION_CELERY] = {"celery", OPTIONS(celery)},
    [SECTION_WORKER] = {"worker", OPTIONS(worker)},
    [SECTION_RESULTS] = {"results", OPTIONS(results)},
    [SECTION_HISTORY] = {"history", OPTIONS(history)},
    [SECTION_LOG] = {"log", OPTIONS(logging)},
    [SECTION_QUEUES] = {"queues", OPTIONS(queues), NAME_SHORT, ENTRIES(config_queue, queues, queue_count),
                        .default_names = LIST("default", "sync")},
    [SECTION_HANDLERS] = {"handlers", OPTIONS(handlers), NAME_LONG, ENTRIES(config_handler, handlers, handler_count)},
    [SECTION_SCHEDULES] = {"schedules", OPTIONS(schedules), NAME_LONG,
                           ENTRIES(config_schedule, schedules, schedule_count)},
    [SECTION_UPSTREAMS] = {"upstreams", OPTIONS(upstreams), NAME_SHORT,
                           ENTRIES(config_upstream, upstreams, upstream_count),
                           .default_names = LIST("pmp", "vision", "ezhact", "ocha", "carto", "dhis2", "smtp", "kafka")},
};

_Static_assert(offsetof(struct config_queue, name) == 0 && offsetof(struct config_handler, name) == 0 &&
                   offsetof(struct config_schedule, name) == 0 && offsetof(struct config_upstream, name) == 0,
               "entries begin with their name");

bool is_one_line(const char *s)
{
    for (; *s; s++)
        if (iscntrl((unsigned char)*s))
            return false;
    return true;
}

bool name_fits(enum name_rule rule, const char *name)
{
    size_t length = strlen(name);
    if (rule == NAME_SHORT)
        return length >= 1 && length <= NAME_SHORT_MAX &&
               strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == length;
    return length >= 1 && length <= NAME_LONG_MAX && is_one_line(name);
}

void option_path(const struct section *section, const char *name, const struct option *option, struct text *out)
{
    text_printf(out, "%s.", section->name);
    if (name)
        text_printf(out, "%s.", name);
    text_puts(out, option->key);
}

/* Environment names are in capitals, with _ for what is neither letter nor digit. */
static char capital(char c)
{
    unsigned char u = (unsigned char)c;
    return isascii(u) && isalnum(u) ? (char)toupper(u) : '_';
}

static void add_capitals(struct text *out, const char *s)
{
    text_putc(out, '_');
    for (; *s; s++)
        text_putc(out, capital(*s));
}

void option_variable(const struct section *section, const char *name, const struct option *option, struct text *out)
{
    text_puts(out, "DRUMBEAT");
    add_capitals(out, section->name);
    if (name)
        add_capitals(out, name);
    add_capitals(out, option->key);
}

/* What follows _ and `s` in capitals, NULL when `variable` does not begin with them. */
static const char *skip_capitals(const char *variable, const char *s)
{
    if (!variable || *variable++ != '_')
        return NULL;
    for (; *s; s++)
        if (*variable++ != capital(*s))
            return NULL;
    return variable;
}

bool option_has_variable(const struct section *section, const char *name, const struct option *option,
                         const char *variable)
{
    static const char program[] = "DRUMBEAT";
    if (strncmp(variable, program, sizeof program - 1) != 0)
        return false;
    const char *rest = skip_capitals(variable + sizeof program - 1, section->name);
    rest = name ? skip_capitals(rest, name) : rest;
    rest = skip_capitals(rest, option->key);
    return rest && (*rest == '\0' || *rest == '=');
}

bool option_is_scalar(const struct option *option)
{
    return option->type != OPTION_ARGV && option->type != OPTION_ENV && option->type != OPTION_HEADERS;
}
