/* pg_calls: statements with arguments, prepared where that is possible, sent together in pipeline mode. */
#include "common/db/pg_inside.h"
#include "common/base/crash_point.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t prepared_place(const struct pg *pg, const struct sql *query)
{
    size_t low = 0, high = pg->prepared_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((uintptr_t)pg->prepared[middle].query < (uintptr_t)query)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The entry of a statement, made when there is none. */
static struct prepared *prepared_entry(struct pg *pg, const struct sql *query)
{
    size_t place = prepared_place(pg, query);
    if (place < pg->prepared_count && pg->prepared[place].query == query)
        return &pg->prepared[place];
    if (pg->prepared_count == pg->prepared_room) {
        pg->prepared_room = pg->prepared_room * 2 + 16;
        pg->prepared = mem_grow(pg->prepared, pg->prepared_room * sizeof *pg->prepared);
    }
    memmove(pg->prepared + place + 1, pg->prepared + place, (pg->prepared_count - place) * sizeof *pg->prepared);
    pg->prepared[place] = (struct prepared){.query = query, .version = -1};
    pg->prepared_count++;
    return &pg->prepared[place];
}

/* Will the server read these arguments as they are meant? */
static bool prepared_fits(const struct prepared *p, const struct pg_arg *args)
{
    for (size_t i = 0; args[i].type != PG_END; i++)
        if (pg_type_oids[args[i].type] && pg_type_oids[args[i].type] != pg_type_oids[p->types[i]])
            return false;
    return p->ready;
}

enum { STATEMENT_NAME_MAX = 80 };

static const char *prepared_name(const struct prepared *p, char out[static STATEMENT_NAME_MAX])
{
    if (p->version == 0)
        return p->query->name;
    snprintf(out, STATEMENT_NAME_MAX, "%.60s.%d", p->query->name, p->version);
    return out;
}

static bool send_prepare(struct pg *pg, struct prepared *p, const struct pg_arg *args, struct err *e)
{
    char name[STATEMENT_NAME_MAX];
    Oid types[PG_ARGS_MAX];
    int count = 0;
    for (; args[count].type != PG_END; count++) {
        if (pg_type_oids[args[count].type])
            p->types[count] = (unsigned char)args[count].type;
        types[count] = pg_type_oids[p->types[count]];
    }
    p->version++;
    p->ready = true;
    return PQsendPrepare(pg->conn, prepared_name(p, name), p->query->text, count, types) || pg_lost(pg, e);
}

static void note_size(struct pg *pg, size_t bytes)
{
    if (bytes > pg->largest)
        pg->largest = bytes;
}

static void note_sent(struct pg *pg, const struct wire *wire)
{
    size_t bytes = pg->scratch.len;
    for (int i = 0; i < wire->count; i++)
        bytes += wire->values[i] && !wire->formats[i] ? strlen(wire->values[i]) : 0;
    note_size(pg, bytes);
}

/* A row is a message; that of a small result is small. */
static void note_taken(struct pg *pg, const PGresult *result)
{
    if (PQresultMemorySize(result) <= PG_BUFFERS_MAX)
        return;
    for (int row = 0; row < PQntuples(result); row++) {
        size_t bytes = 0;
        for (int column = 0; column < PQnfields(result); column++)
            bytes += (size_t)PQgetlength(result, row, column);
        note_size(pg, bytes);
    }
}

/* Send one statement in pipeline mode; counts the results that will come before its own. */
static bool send_call(struct pg *pg, const struct sql *query, const struct pg_arg *args, bool *prepares, struct err *e)
{
    struct wire wire;
    *prepares = false;
    if (!pg_to_wire(pg, args, &wire, e))
        return false;
    note_sent(pg, &wire);
    if (pg->pooled)
        return PQsendQueryParams(pg->conn, query->text, wire.count, wire.types, wire.values, wire.lengths, wire.formats, 0) || pg_lost(pg, e);
    char name[STATEMENT_NAME_MAX];
    struct prepared *p = prepared_entry(pg, query);
    *prepares = !prepared_fits(p, args);
    if (*prepares && !send_prepare(pg, p, args, e))
        return false;
    return PQsendQueryPrepared(pg->conn, prepared_name(p, name), wire.count, wire.values, wire.lengths, wire.formats, 0) || pg_lost(pg, e);
}

/* Read everything up to the synchronisation point. The first error is the one told; statements it kept from being
 * prepared are forgotten. */
static bool read_pipeline(struct pg *pg, const struct pg_call *calls, size_t count, const bool *prepares, usec_t deadline, struct err *e)
{
    bool good = true;
    size_t call = 0;
    bool preparing = count > 0 && prepares[0];
    for (;;) {
        PGresult *result;
        if (!pg_next_result(pg, deadline, &result, e))
            return pg_give_up(pg);
        if (!result) {
            if (!pg_alive(pg)) {
                pg_lost(pg, e);
                return pg_give_up(pg);
            }
            continue;
        }
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return good;
        }
        if (good && !pg_result_is_good(result)) {
            good = pg_server_error(pg, result, e);
            if (!pg->sqlstate[0]) {
                PQclear(result);
                return pg_give_up(pg);
            }
        }
        if (preparing) {
            preparing = false;
            if (status != PGRES_COMMAND_OK)
                prepared_entry(pg, calls[call].query)->ready = false;
            PQclear(result);
            continue;
        }
        note_taken(pg, result);
        pg->answers[pg->answer_count++] = result;
        call++;
        preparing = call < count && prepares[call];
    }
}

static struct pg_rows rows_of(const PGresult *result)
{
    return (struct pg_rows){
        .result = result,
        .count = (size_t)PQntuples(result),
        .affected = strtoull(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10),
        .columns = (size_t)PQnfields(result),
    };
}

/* Everything that comes before the answers. */
static bool send_pipeline(struct pg *pg, const struct pg_call *calls, size_t count, bool *prepares, struct err *e)
{
    assert(count > 0 && !pg->sent.query);
    pg_clear_answers(pg);
    pg->sqlstate[0] = pg->detail[0] = '\0';
    if (!pg_alive(pg))
        return err_set(e, ERR_UNREACHABLE, "PostgreSQL: not connected");
    if (count > PG_CALLS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d statements at once", PG_CALLS_MAX);
    if (!PQenterPipelineMode(pg->conn))
        return pg_lost(pg, e);
    for (size_t i = 0; i < count; i++) {
        CRASH_POINT(calls[i].query->name, "before");
        if (!send_call(pg, calls[i].query, calls[i].args, &prepares[i], e))
            return pg_give_up(pg);
    }
    if (!PQpipelineSync(pg->conn)) {
        pg_lost(pg, e);
        return pg_give_up(pg);
    }
    if (pg->scratch.room > PG_BUFFERS_MAX) /* libpq has its copy */
        text_free(&pg->scratch);
    CRASH_POINT(calls[count - 1].query->name, "sent");
    return true;
}

static bool take_pipeline(struct pg *pg, const struct pg_call *calls, size_t count, const bool *prepares, usec_t deadline, struct pg_rows *answers, struct err *e)
{
    bool good = read_pipeline(pg, calls, count, prepares, deadline, e);
    CRASH_POINT(calls[count - 1].query->name, "answered");
    if (!pg_alive(pg))
        return pg_uncertain(e);
    if (!PQexitPipelineMode(pg->conn)) {
        pg_lost(pg, e);
        return pg_give_up(pg);
    }
    for (size_t i = 0; good && answers && i < count; i++)
        answers[i] = rows_of(pg->answers[i]);
    return good;
}

bool pg_exec_calls(struct pg *pg, const struct pg_call *calls, size_t count, struct pg_rows *answers, struct err *e)
{
    bool prepares[PG_CALLS_MAX];
    return send_pipeline(pg, calls, count, prepares, e) && take_pipeline(pg, calls, count, prepares, clock_boot() + pg->call_timeout, answers, e);
}

static bool make_call(const struct sql *query, const struct pg_arg *args, struct pg_call *call, struct err *e)
{
    size_t count = 0;
    call->query = query;
    for (; args[count].type != PG_END; count++) {
        if (count + 1 == PG_ARGS_MAX)
            return err_set(e, ERR_LIMIT, "%s: more than %d arguments", query->name, PG_ARGS_MAX - 1);
        call->args[count] = args[count];
    }
    call->args[count].type = PG_END;
    return true;
}

bool pg_exec_args(struct pg *pg, const struct sql *query, const struct pg_arg *args, struct pg_rows *rows, struct err *e)
{
    struct pg_call call;
    return make_call(query, args, &call, e) && pg_exec_calls(pg, &call, 1, rows, e);
}

bool pg_send(struct pg *pg, const struct sql *query, const struct pg_arg *args, struct err *e)
{
    struct pg_call call;
    bool prepares;
    usec_t deadline = clock_boot() + pg->call_timeout;
    if (!make_call(query, args, &call, e) || !send_pipeline(pg, &call, 1, &prepares, e))
        return false;
    if (!pg_flush(pg, deadline, e)) {
        pg_give_up(pg);
        return pg_uncertain(e);
    }
    pg->sent = (struct sent){.query = query, .prepares = prepares, .deadline = deadline};
    return true;
}

/* The server sends what it has when it has all, or as much as it buffers: where there is a beginning the rest need not be waited for long. */
bool pg_take(struct pg *pg, bool waits, bool *done, struct pg_rows *rows, struct err *e)
{
    struct pollfd fd = {.fd = pg_socket(pg), .events = POLLIN};
    struct sent sent = pg->sent;
    assert(sent.query);
    *done = waits || clock_boot() >= sent.deadline || poll(&fd, 1, 0) > 0;
    if (!*done)
        return true;
    pg->sent.query = NULL;
    return take_pipeline(pg, &(struct pg_call){.query = sent.query}, 1, &sent.prepares, sent.deadline, rows, e);
}
