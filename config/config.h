#pragma once
/* The configuration: flags > environment > file > default, read once at the start into one plain structure.
 *
 * Scalar options are rows of a table (options.c) that also feeds `drumbeat config`, --help and the manual. Unknown keys
 * and bad values are refused with file, line and column; an unknown DRUMBEAT_* variable only warns. Secrets may be
 * written as `env:NAME` or `file:PATH` and are resolved by config_secret(), late and only where they are used. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_FILE_MAX = 1 << 20, CONFIG_POOL_MAX = 256, CONFIG_NAMES_MAX = 10000 };

/* How long ended tasks are kept, by their status. */
struct config_keep {
    usec_t success, errored, killed, skipped; /* 0: for ever; of a queue: as for all */
};

struct config_queue {
    const char *name;     /* [a-z0-9_.-]{1,63} */
    const char *broker;   /* "postgres" or "redis" */
    const char *protocol; /* "native" or "celery" */
    const char *rows;     /* "full" or "failures" */
    int64_t limit;        /* tasks at once; 0: any number */
    const char *rate;     /* starts in a time, "600/m"; NULL: any */
    struct config_keep keep;
};

struct config_handler {
    const char *name;
    const char *queue; /* NULL: as the handler's descriptor says */
    int max_attempts;  /* 0: as the descriptor says, as for the rest */
    int max_deaths;    /* 0: 3, or the attempts that a task's caller asked for */
    int64_t limit;     /* tasks at once; 0: any number */
    const char *rate;  /* starts in a time, "600/m"; NULL: any */
    struct {
        const char *by; /* the argument whose value is the limit key; NULL: none. Then the two below are not used */
        int64_t limit;  /* tasks of one key at once; 0: any number */
        const char *rate;
    } key;
    struct limits limits;
    struct {
        usec_t first, cap;    /* 0: as the descriptor says */
        const usec_t *delays; /* ends with -1; NULL: none. Then first and cap are 0 */
    } retry;
    const char *const *argv; /* NULL unless a command handler; ends with NULL */
    const char *const *env;  /* NAME=VALUE, ends with NULL */
    const char *cwd;
    bool keep; /* it stays, and runs task after task */
};

struct config_schedule {
    const char *name;
    const char *handler;
    const char *args;           /* JSON object, "{}" when missing */
    const char *const *specs;   /* one or several expressions, ends with NULL */
    const char *const *exclude; /* NULL: nothing */
    const char *tz;             /* NULL: UTC */
    const char *queue;          /* NULL: the handler's */
    const char *catchup;        /* last, all, none */
    usec_t catchup_window;
    const char *overlap; /* allow (when missing), skip, queue_one, replace, cancel_other */
    usec_t jitter;
    usec_t start_at, end_at;  /* 0: none */
    int priority;             /* -1: none, the default of tasks */
    const char *tenant;       /* NULL: none */
    const char *notes;        /* NULL: none */
    int64_t max_runs;         /* 0: no limit */
    int every_weeks;          /* 0: every week counts */
    const char *anchor;       /* YYYY-MM-DD, given exactly when every_weeks is */
    int pause_after_failures; /* 0: never */
    bool enabled;
    const char *where; /* "file:line" for messages */
};

struct config_upstream {
    const char *name;
    const char *kind; /* as written, else the name where that is one of the default names; NULL otherwise */
    const char *url;  /* NULL: none, as for the rest */
    const char *user;
    const char *password; /* as written: resolve with config_secret(); the same for key, headers and a command's env */
    const char *key;
    const char *cert, *cert_key, *ca; /* PEM, as a path; or as a reference, which config_secret() makes the text */
    bool enabled;
    const char *const *headers; /* "Name: value", ends with NULL */
};

struct config {
    const char *file; /* the file that was read, NULL for the shipped default */
    struct {
        const char *url;        /* NULL: not configured */
        const char *listen_url; /* NULL: as url */
    } database;
    struct {
        const char *url;
    } redis;
    struct {
        const char *app;            /* as Celery's -A names it; NULL: none */
        const char *python, *folder; /* that runs its tasks, and where; folder NULL: the worker's */
        int64_t memory;             /* limit of each of its tasks; default 2 GiB */
        const char *result_backend; /* NULL: as redis.url */
        usec_t result_expires;      /* 0: never; default 1 day */
        usec_t visibility_timeout;  /* default 1 h, Celery's */
        const char *key_prefix;     /* NULL: none */
        const char *priority_steps; /* "0,3,6,9" */
        const char *separator;      /* NULL: kombu's */
        const char *unknown_tasks;  /* leave, fail, quarantine */
        int64_t prefetch;           /* messages held beyond those that run; 0: as fast as they go */
        int64_t keep_quarantined;   /* of each queue; default 1000 */
        bool track_started;
        bool task_events; /* default false, as in Celery */
        usec_t unreported;          /* 0: for ever; default 1 day */
    } celery;
    struct {
        int pool;                  /* children, 1 to CONFIG_POOL_MAX; default 4 */
        const char *const *queues; /* ends with NULL; NULL: every queue */
        usec_t lease;              /* 5 s to 10 min, default 15 s */
        struct {
            int64_t tasks;  /* after so many a child is replaced, 0: never; the same for the others */
            usec_t age;
            int64_t memory; /* bytes resident after a task */
        } recycle;
        const char *user;   /* NULL: children stay who the worker is */
        const char *cgroup; /* auto, off */
        usec_t drain;              /* how long SIGTERM lets running tasks finish; default 25 s */
        struct {
            usec_t term, kill; /* after the request, while the task does not stop by itself; term < kill; default 5 s, 10 s */
        } cancel;
        usec_t ageing;             /* waiting tasks gain one priority in this time; 0: never; default 30 s */
    } worker;
    struct {
        const char *root;   /* an absolute path; NULL: results beyond `limit` fail */
        usec_t keep;        /* how long files are kept; default 7 days */
        int64_t limit;      /* bytes of a result in the task's row; default 1 MiB */
        int64_t file_limit; /* bytes of one in a file; default 16 MiB */
        const char *mode;   /* "0600", "0640", "0644" */
    } results;
    struct config_keep history;
    struct {
        const char *level;  /* debug, info, warning, error */
        const char *format; /* logfmt, json */
    } log;
    const char **strangers; /* variables DRUMBEAT_… that name no option: whoever loads warns of them */
    size_t stranger_count;
    struct config_queue *queues;
    size_t queue_count;
    struct config_handler *handlers;
    size_t handler_count;
    struct config_schedule *schedules;
    size_t schedule_count;
    struct config_upstream *upstreams;
    size_t upstream_count;
};

/* One flag of the command line that sets an option: {"worker.pool", "8"}. */
struct config_flag {
    const char *option;
    const char *value;
};

/* Read everything. `file` NULL: DRUMBEAT_CONFIG, ./drumbeat.yaml, /etc/drumbeat/drumbeat.yaml, in this order, else the
 * text of config_default_text(). `flags` ends with a NULL option; NULL: none. NULL and ERR_USAGE when something is
 * wrong, with its place: "drumbeat.yaml:12:7: worker.lease: '2s' is below 5s". The result is owned by the caller:
 * config_free(), and everything in it lives as long as it does. */
struct config *config_load(const char *file, const struct config_flag *flags, struct err *e);
void config_free(struct config *config);
void config_freep(struct config **config); /* for CLEANUP */

/* The shipped default, config/drumbeat.yaml as it was when the program was built. */
const char *config_default_text(void);

/* Add what `history` and the queues' `keep` say as the policy of drumbeat.prune() (JSON, seconds). Answers the shortest of these times, 0 when
 * everything is kept for ever. */
usec_t config_history(const struct config *config, struct text *policy);

/* NULL when there is none of that name. The arrays are in the order of their names. */
const struct config_queue *config_queue(const struct config *config, const char *name);

/* The tasks of this queue are in Redis alone: `rows: failures`, and not another's protocol. NULL: no. */
bool config_queue_is_light(const struct config_queue *queue);

const struct config_handler *config_handler(const struct config *config, const char *name);
const struct config_upstream *config_upstream(const struct config *config, const char *name);

/* Does a worker of this configuration take tasks from the queue? */
bool config_serves(const struct config *config, const char *queue);

/* The value behind `env:NAME` or `file:PATH` (trailing newline dropped, at most 64 KiB), else the text itself. */
bool config_secret(const char *written, struct text *out, struct err *e);

/* The same for the part after `separator` of "NAME=VALUE" or "Name: value"; the name and the separator are added as
 * they are. */
bool config_secret_pair(const char *written, const char *separator, struct text *out, struct err *e);

/* Add the address of a service without what is secret in it: passwords of URLs, of their queries and of libpq's
 * keyword form become ***. For messages and logs. */
void config_mask(const char *url, struct text *out);

/* Print every option with its value and where it came from ("flag", "environment DATABASE_URL", "file x.yaml:12",
 * "built-in", "default"); secrets and passwords inside URLs are masked. `json`: one object a line {option, value,
 * origin}. */
void config_print(const struct config *config, bool json, struct text *out);
