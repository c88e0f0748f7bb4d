/* pg_stream: what goes one way only, rows by COPY and notifications. */
#include "common/db/pg_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPY_CHUNK = 64 * 1024 };

bool pg_copy_begin(struct pg *pg, const struct sql *query, struct err *e)
{
    PGresult *result;
    pg_clear_answers(pg);
    text_reset(&pg->copy);
    pg->sqlstate[0] = pg->detail[0] = '\0';
    if (!pg_alive(pg))
        return err_set(e, ERR_UNREACHABLE, "PostgreSQL: not connected");
    if (!PQsendQuery(pg->conn, query->text))
        return pg_lost(pg, e);
    if (!pg_next_result(pg, clock_boot() + pg->call_timeout, &result, e))
        return pg_give_up(pg);
    if (PQresultStatus(result) == PGRES_COPY_IN) {
        PQclear(result);
        return true;
    }
    bool told = pg_server_error(pg, result, e);
    while (result) {
        PQclear(result);
        result = PQgetResult(pg->conn);
    }
    return told;
}

static bool send_copy(struct pg *pg, struct err *e)
{
    usec_t deadline = clock_boot() + pg->call_timeout;
    int sent;
    while ((sent = PQputCopyData(pg->conn, text_str(&pg->copy), (int)pg->copy.len)) == 0)
        if (!pg_flush(pg, deadline, e))
            return pg_give_up(pg);
    text_reset(&pg->copy);
    return sent > 0 ? pg_flush(pg, deadline, e) || pg_give_up(pg) : pg_lost(pg, e);
}

/* What is long goes in parts: COPY does not mind where it is cut, and nothing holds a second copy of all of it. */
static bool add_copy_bytes(struct pg *pg, const char *bytes, size_t len, struct err *e)
{
    while (len > 0) {
        size_t part = len < COPY_CHUNK ? len : COPY_CHUNK;
        text_add(&pg->copy, bytes, part);
        if (pg->copy.len >= COPY_CHUNK && !send_copy(pg, e))
            return false;
        bytes += part;
        len -= part;
    }
    return true;
}

/* COPY's text format (PostgreSQL manual, COPY, "Text Format"): tab, newline, carriage return and backslash are escaped. */
static bool add_copy_field(struct pg *pg, const char *field, struct err *e)
{
    if (!field)
        return add_copy_bytes(pg, "\\N", 2, e);
    for (;;) {
        size_t plain = strcspn(field, "\t\n\r\\");
        if (!add_copy_bytes(pg, field, plain, e))
            return false;
        field += plain;
        if (*field == '\0')
            return true;
        char letter = *field == '\t' ? 't' : *field == '\n' ? 'n' : *field == '\r' ? 'r' : '\\';
        if (!add_copy_bytes(pg, (const char[]){'\\', letter}, 2, e))
            return false;
        field++;
    }
}

bool pg_copy_row(struct pg *pg, const char *const *fields, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_putc(&pg->copy, '\t');
        if (!add_copy_field(pg, fields[i], e))
            return false;
    }
    text_putc(&pg->copy, '\n');
    return pg->copy.len < COPY_CHUNK || send_copy(pg, e);
}

bool pg_copy_end(struct pg *pg, size_t *rows, struct err *e)
{
    bool good = true;
    usec_t deadline = clock_boot() + pg->call_timeout;
    if (pg->copy.len > 0 && !send_copy(pg, e))
        return false;
    if (PQputCopyEnd(pg->conn, NULL) < 0)
        return pg_lost(pg, e);
    for (;;) {
        PGresult *result;
        if (!pg_next_result(pg, deadline, &result, e))
            return pg_give_up(pg);
        if (!result)
            return good;
        if (good && !pg_result_is_good(result))
            good = pg_server_error(pg, result, e);
        else if (good && rows)
            *rows = strtoull(PQcmdTuples(result), NULL, 10);
        PQclear(result);
    }
}

/* Notifications ----------------------------------------------------------------------------------------------------- */

bool pg_listen(struct pg *pg, const char *channel, struct err *e)
{
    char command[80];
    snprintf(command, sizeof command, "LISTEN %s", channel);
    return pg_simple(pg, command, e);
}

bool pg_notification(struct pg *pg, const char **payload, struct err *e)
{
    PQfreemem(pg->notification);
    pg->notification = PQnotifies(pg->conn);
    if (!pg->notification) {
        if (!PQconsumeInput(pg->conn))
            return pg_lost(pg, e);
        pg->notification = PQnotifies(pg->conn);
    }
    *payload = pg->notification ? pg->notification->extra : NULL;
    return pg->notification != NULL;
}
