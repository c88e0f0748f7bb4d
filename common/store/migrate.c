/* migrate: numbered files in order, each once. What has run is in table drumbeat.migration; a run takes an advisory lock
 * for its one transaction, so it is all or nothing and several at once wait for each other. */
#include "common/store/migrate.h"
#include "sql/queries.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MIGRATIONS_MAX = 1000, DIGEST_TEXT_MAX = 17 };

/* What is in the database, beside what this program brings. */
struct standing {
    bool known;           /* the schema is there */
    int missing;          /* migrations of ours that have not run */
    char unknown[64];     /* one that ran and is not ours, "" for none */
    char changed[64];     /* the first of ours that was another text when it ran, "" for none */
};

/* FNV-1a, 64 bits: against mistakes, not against malice. */
static const char *digest(const struct sql *migration, char out[DIGEST_TEXT_MAX])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *c = migration->text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    snprintf(out, DIGEST_TEXT_MAX, "%016" PRIx64, hash);
    return out;
}

static const struct sql *ours(const char *name)
{
    for (const struct sql *m = sql_migrations; m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

/* What ran under that name, against what would run today. */
static void compare(struct standing *s, const char *name, const char *ran)
{
    char today[DIGEST_TEXT_MAX];
    const struct sql *migration = ours(name);
    if (!migration)
        snprintf(s->unknown, sizeof s->unknown, "%s", name);
    else if (!s->changed[0] && (!ran || strcmp(ran, digest(migration, today)) != 0))
        snprintf(s->changed, sizeof s->changed, "%s", name);
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
        compare(s, pg_get_text(&rows, i, 0), pg_is_null(&rows, i, 1) ? NULL : pg_get_text(&rows, i, 1));
    return true;
}

static bool newer(const struct standing *s, struct err *e)
{
    return err_set(e, ERR_REFUSED, "the schema is newer than this program: it has migration %s (upgrade drumbeat)", s->unknown);
}

/* A schema of a program that was still being developed: nobody knows the way from there to here. */
static bool other(const struct standing *s, struct err *e)
{
    return err_set(e, ERR_REFUSED, "the schema was made by a development version of drumbeat whose migration %s was another one "
                   "(use an empty database, or start `up` on an empty state folder)", s->changed);
}

/* Run one migration and remember it. */
static bool run_one(struct pg *pg, const struct sql *migration, struct err *e)
{
    char sum[DIGEST_TEXT_MAX];
    return pg_script(pg, migration, e) && pg_exec(pg, &sql_migration_record, NULL, e, pg_text(migration->name), pg_text(digest(migration, sum)));
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
    if (s.changed[0])
        return other(&s, e);
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
    if (s.known && s.missing == 0 && !s.unknown[0] && !s.changed[0])
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
    if (s.changed[0])
        return other(&s, e);
    return s.missing == 0 ||
           err_set(e, ERR_REFUSED, "the schema is older than this program: %d migration%s missing (run drumbeat migrate)", s.missing,
                   s.missing == 1 ? "" : "s");
}
