/* invariants: reads the statement from the source tree, because it belongs to the tests and not to the program. */
#include "tests/storm/invariants.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, const char *why)
{
    fprintf(stderr, "invariants: %s: %s\n", what, why);
    abort();
}

static const char *statement(void)
{
    static struct text sql;
    char path[4096], bytes[4096];
    const char *source = getenv("DRUMBEAT_SOURCE");
    if (sql.len > 0)
        return text_str(&sql);
    snprintf(path, sizeof path, "%s/tests/sql/invariants.sql", source ? source : ".");
    FILE *file = fopen(path, "re");
    if (!file)
        die(path, strerror(errno));
    for (size_t got; (got = fread(bytes, 1, sizeof bytes, file)) > 0;)
        text_add(&sql, bytes, got);
    fclose(file);
    return text_str(&sql);
}

size_t invariants_broken(struct pg *pg, bool over, struct text *report)
{
    struct sql query = {.name = "invariants", .text = statement()};
    struct pg_rows rows;
    struct err e;
    /* Nobody has counted these tables: a plan for empty ones would take hours. */
    static const struct sql hash = {.name = "hash", .text = "SET enable_nestloop = off; SET jit = off; SET work_mem = '64MB'"};
    static const struct sql reset = {.name = "reset", .text = "RESET enable_nestloop; RESET jit; RESET work_mem"};
    if (!pg_script(pg, &hash, &e) || !pg_exec(pg, &query, &rows, &e, pg_bool(over)))
        die("reading", e.text);
    for (size_t i = 0; i < rows.count; i++)
        text_printf(report, "%s: %s\n", pg_get_text(&rows, i, 0), pg_get_text(&rows, i, 1));
    size_t count = rows.count;
    if (!pg_script(pg, &reset, &e))
        die("reading", e.text);
    return count;
}

void invariants_assert(struct pg *pg, bool over)
{
    struct text report CLEANUP(text_free) = {0};
    size_t broken = invariants_broken(pg, over, &report);
    ck_assert_msg(broken == 0, "%zu rows break a rule:\n%s", broken, text_str(&report));
}
