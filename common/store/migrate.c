/* migrate: numbered files in order, each once. What has run is in table drumbeat.migration; a run takes an advisory lock
 * for its one transaction, so it is all or nothing and several at once wait for each other. */
#include "common/store/migrate.h"
#include "sql/queries.h"

#include <stdio.h>
#include <string.h>

enum { MIGRATIONS_MAX = 1000 };

/* What is in the database, beside what this program brings. */
struct standing {
    bool known;           /* the schema is there */
    int missing;          /* migrations of ours that have not run */
    char unknown[64];     /* one that ran and is not ours, "" for none */
};

static bool is_ours(const char *name)
{
    for (const struct sql *m = sql_migrations; m->name; m++)
        if (strcmp(m->name, name) == 0)
            return true;
    return false;
}

static bool has_run(const struct pg_rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(pg_get_text(rows, i, 0), name) == 0)
            return true;
    return false;
}

static bool look(struct pg *pg, struct standing *s, struct err *e)
{
    struct pg_rows rows;
    *s = (struct standing){0};
    if (!pg_exec(pg, &sql_migration_known, &rows, e))
        return false;
    s->known = pg_get_bool(&rows, 0, 0);
    if (!s->known)
        return true;
    if (!pg_exec(pg, &sql_migration_applied, &rows, e))
        return false;
    for (const struct sql *m = sql_migrations; m->name; m++)
        s->missing += !has_run(&rows, m->name);
    for (size_t i = 0; i < rows.count; i++)
        if (!is_ours(pg_get_text(&rows, i, 0)))
            snprintf(s->unknown, sizeof s->unknown, "%s", pg_get_text(&rows, i, 0));
    return true;
}

static bool newer(const struct standing *s, struct err *e)
{
    return err_set(e, ERR_REFUSED, "the schema is newer than this program: it has migration %s (upgrade drumbeat)", s->unknown);
}

/* Run one migration and remember it. */
static bool run_one(struct pg *pg, const struct sql *migration, struct err *e)
{
    return pg_script(pg, migration, e) && pg_exec(pg, &sql_migration_record, NULL, e, pg_text(migration->name));
}

/* Run what has not run. Which these are is copied first: an answer lasts only until the next call. */
static bool run_missing(struct pg *pg, int *applied, struct err *e)
{
    const struct sql *missing[MIGRATIONS_MAX];
    struct pg_rows rows;
    int count = 0;
    if (!pg_exec(pg, &sql_migration_applied, &rows, e))
        return false;
    for (const struct sql *m = sql_migrations; m->name && count < MIGRATIONS_MAX; m++)
        if (!has_run(&rows, m->name))
            missing[count++] = m;
    while (*applied < count && run_one(pg, missing[*applied], e))
        ++*applied;
    return *applied == count;
}

/* Inside the transaction: lock, look again, run. */
static bool run(struct pg *pg, int *applied, struct err *e)
{
    struct standing s;
    if (!pg_exec(pg, &sql_migration_lock, NULL, e) || !look(pg, &s, e))
        return false;
    if (s.unknown[0])
        return newer(&s, e);
    if (!s.known && !(pg_exec(pg, &sql_migration_schema, NULL, e) && pg_exec(pg, &sql_migration_table, NULL, e)))
        return false;
    return run_missing(pg, applied, e);
}

bool migrate(struct pg *pg, int *applied, struct err *e)
{
    struct standing s;
    struct err ignored;
    *applied = 0;
    if (!look(pg, &s, e))
        return err_add(e, "migrate");
    if (s.known && s.missing == 0 && !s.unknown[0])
        return true;
    if (pg_begin(pg, e) && run(pg, applied, e) && pg_commit(pg, e))
        return true;
    *applied = 0;
    if (pg_alive(pg))
        pg_rollback(pg, &ignored);
    return err_add(e, "migrate");
}

bool migrate_check(struct pg *pg, struct err *e)
{
    struct standing s;
    if (!look(pg, &s, e))
        return err_add(e, "schema");
    if (!s.known)
        return err_set(e, ERR_REFUSED, "the database has no drumbeat schema yet (run drumbeat migrate)");
    return s.missing == 0 ||
           err_set(e, ERR_REFUSED, "the schema is older than this program: %d migration%s missing (run drumbeat migrate)", s.missing,
                   s.missing == 1 ? "" : "s");
}
