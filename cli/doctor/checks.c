/* checks: all of them, in the order they are made and shown. */
#include "cli/doctor/doctor.h"

#include <stdarg.h>
#include <stddef.h>

static bool *configured(struct doctor *d)
{
    return &d->configured;
}

static bool *connected(struct doctor *d)
{
    return &d->connected;
}

static bool *migrated(struct doctor *d)
{
    return &d->migrated;
}

const struct check checks[] = {
    {"configuration", check_config, NULL},
    {"database", check_database, configured},
    {"server version", check_version, connected},
    {"schema", check_schema, connected},
    {"role", check_role, migrated},
    {"durability", check_durability, connected},
    {"connections", check_connections, connected},
    {"autovacuum", check_autovacuum, connected},
    {"transactions", check_transactions, connected},
    {"pooler", check_pooler, connected},
    {"notifications", check_notify, connected},
    {"clock", check_clock, connected},
    {"disk", check_disk, connected},
    {"redis", check_redis, configured},
    {"workers", check_workers, migrated},
    {"handlers", check_unknown, migrated},
    {"queues", check_unserved, migrated},
    {"waiting", check_waiting, migrated},
    {"running", check_stuck, migrated},
    {"paused", check_paused, migrated},
    {"limits", check_limits, migrated},
    {"history", check_history, migrated},
    {"beat", check_beat, migrated},
    {"open files", check_files, NULL},
    {"memory", check_memory, NULL},
    {"results", check_results, configured},
    {"overcommit", check_overcommit, NULL},
    {"cgroup", check_cgroup, NULL},
    {"upstreams", check_upstreams, configured},
    {0},
};

void found(struct finding *f, enum verdict verdict, const char *format, ...)
{
    va_list args;
    f->verdict = verdict;
    text_reset(&f->reason);
    va_start(args, format);
    text_vprintf(&f->reason, format, args);
    va_end(args);
}

void mend(struct finding *f, const char *format, ...)
{
    va_list args;
    text_reset(&f->mend);
    va_start(args, format);
    text_vprintf(&f->mend, format, args);
    va_end(args);
}
