/* pg: one connection, driven with poll() and deadlines. What a SQLSTATE means for the caller is the table `classes`. */
#include "common/db/pg.h"
#include "common/base/crash_point.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Type OIDs, fixed in PostgreSQL's catalog (pg_type.dat). */
enum { OID_BOOL = 16, OID_INT8 = 20, OID_FLOAT8 = 701, OID_INT8_ARRAY = 1016, OID_INTERVAL = 1186, OID_TIMESTAMPTZ = 1184, OID_UUID = 2950, OID_UUID_ARRAY = 2951, OID_TEXT_ARRAY = 1009 };

/* 2000-01-01 in microseconds since 1970: the server's binary times count from there. */
#define PG_EPOCH ((usec_t)946684800 * 1000000)

/* A statement the server has prepared. Its parameters' types are those of the arguments it was first used with; of a NULL nothing is
 * known, so that a later value may need it prepared anew, with all types that are known by then. */
struct prepared {
    const struct sql *query;
    int version; /* how often it was prepared before; part of its name */
    bool ready;
    unsigned char types[PG_ARGS_MAX]; /* of struct pg_arg */
};

struct pg {
    PGconn *conn;
    bool pooled;
    bool in_transaction;
    int savepoints;
    usec_t call_timeout;
    PGresult *answers[PG_CALLS_MAX];
    size_t answer_count;
    PGnotify *notification;
    struct text scratch; /* binary arguments of the calls being sent */
    struct text copy;
    struct prepared *prepared; /* sorted by their queries' addresses */
    size_t prepared_count, prepared_room;
    char sqlstate[6];
    char detail[512];
};

static const struct {
    const char *prefix;
    enum err_kind kind;
} classes[] = {
    {"DBF", ERR_FENCED},        {"08", ERR_UNREACHABLE}, {"57P", ERR_UNREACHABLE}, {"25006", ERR_UNREACHABLE}, {"25P03", ERR_UNREACHABLE},
    {"40001", ERR_TRANSIENT},   {"40P01", ERR_TRANSIENT}, {"55P03", ERR_TRANSIENT}, {"53", ERR_TRANSIENT},     {"58", ERR_TRANSIENT},
    {"57014", ERR_TIMEOUT},     {"28", ERR_USAGE},       {"3D000", ERR_USAGE},     {"42501", ERR_REFUSED},     {"22", ERR_DATA},
    {"23", ERR_DATA},
};

static enum err_kind kind_of(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strncmp(sqlstate, classes[i].prefix, strlen(classes[i].prefix)) == 0)
            return classes[i].kind;
    return ERR_FAILED;
}

/* libpq's messages end in newlines and span lines; an error text is one line. */
static void one_line(char *out, size_t size, const char *message)
{
    size_t used = 0;
    for (; *message && used + 1 < size; message++) {
        char c = *message == '\n' || *message == '\t' ? ' ' : *message;
        if (c != ' ' || (used > 0 && out[used - 1] != ' '))
            out[used++] = c;
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    out[used] = '\0';
}

static bool lost(struct pg *pg, struct err *e)
{
    char message[512];
    one_line(message, sizeof message, PQerrorMessage(pg->conn));
    pg->sqlstate[0] = '\0';
    return err_set(e, ERR_UNREACHABLE, "PostgreSQL: %s", message[0] ? message : "connection lost");
}

static bool server_error(struct pg *pg, const PGresult *result, struct err *e)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
    if (!sqlstate)
        return lost(pg, e);
    snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", sqlstate);
    one_line(pg->detail, sizeof pg->detail, detail ? detail : context ? context : "");
    return err_set(e, kind_of(sqlstate), "PostgreSQL: %s%s%s (%s)", primary ? primary : "unknown error", detail ? ": " : "", detail ? detail : "",
                   sqlstate);
}

/* Wait until the socket is ready for `events` or `deadline` (CLOCK_BOOTTIME) is over. */
static bool wait_socket(struct pg *pg, short events, usec_t deadline, struct err *e)
{
    for (;;) {
        usec_t left = deadline - clock_boot();
        struct pollfd fd = {.fd = PQsocket(pg->conn), .events = events};
        int ready = left > 0 ? poll(&fd, 1, (int)((left + 999) / 1000)) : 0;
        if (ready > 0)
            return true;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return err_errno(e, ERR_FAILED, errno, "poll");
        return err_set(e, ERR_UNREACHABLE, "PostgreSQL: no answer in time");
    }
}

static void drop_notice(void *data, const PGresult *notice)
{
    (void)data;
    (void)notice;
}

static bool connect_wait(struct pg *pg, usec_t deadline, struct err *e)
{
    for (;;) {
        switch (PQconnectPoll(pg->conn)) {
        case PGRES_POLLING_OK:
            return true;
        case PGRES_POLLING_READING:
            if (!wait_socket(pg, POLLIN, deadline, e))
                return false;
            break;
        case PGRES_POLLING_WRITING:
            if (!wait_socket(pg, POLLOUT, deadline, e))
                return false;
            break;
        case PGRES_POLLING_FAILED:
        case PGRES_POLLING_ACTIVE:
            return lost(pg, e);
        }
    }
}

struct pg *pg_open(const struct pg_options *options, struct err *e)
{
    char *complaint = NULL;
    PQconninfoOption *parsed = PQconninfoParse(options->url, &complaint);
    if (!parsed) {
        PQfreemem(complaint); /* it repeats the URL, password and all */
        err_set(e, ERR_USAGE, "the database URL is neither postgresql://user@host/name nor key=value words");
        return NULL;
    }
    PQconninfoFree(parsed);

    const char *application = options->application ? options->application : "drumbeat";
    /* A pooler refuses start-up parameters it does not know, so only a direct session is made independent of settings. */
    const char *session = options->pooled ? NULL : "-c DateStyle=ISO -c TimeZone=UTC -c jit=off";
    const char *keys[] = {"dbname", "application_name", "client_encoding", "keepalives_idle", "tcp_user_timeout", "options", NULL};
    const char *values[] = {options->url, application, "UTF8", "30", "30000", session, NULL};
    struct pg *pg = mem_zero(1, sizeof *pg);
    pg->pooled = options->pooled;
    pg->call_timeout = options->call_timeout ? options->call_timeout : SECONDS(60);
    pg->conn = PQconnectStartParams(keys, values, 1);
    usec_t deadline = clock_boot() + (options->connect_timeout ? options->connect_timeout : SECONDS(10));
    bool open = pg->conn && (PQstatus(pg->conn) != CONNECTION_BAD || lost(pg, e)) && connect_wait(pg, deadline, e);
    if (!open || PQsetnonblocking(pg->conn, 1) != 0) {
        pg_close(pg);
        return NULL;
    }
    PQsetNoticeReceiver(pg->conn, drop_notice, NULL);
    return pg;
}

static void clear_answers(struct pg *pg)
{
    for (size_t i = 0; i < pg->answer_count; i++)
        PQclear(pg->answers[i]);
    pg->answer_count = 0;
}

void pg_close(struct pg *pg)
{
    if (!pg)
        return;
    clear_answers(pg);
    PQfreemem(pg->notification);
    PQfinish(pg->conn);
    text_free(&pg->scratch);
    text_free(&pg->copy);
    free(pg->prepared);
    free(pg);
}

void pg_closep(struct pg **pg)
{
    pg_close(*pg);
}

bool pg_alive(const struct pg *pg)
{
    return pg && PQstatus(pg->conn) == CONNECTION_OK;
}

int pg_backend_pid(const struct pg *pg)
{
    return PQbackendPID(pg->conn);
}

int pg_server_version(const struct pg *pg)
{
    return PQserverVersion(pg->conn);
}

int pg_socket(const struct pg *pg)
{
    return PQsocket(pg->conn);
}

const char *pg_sqlstate(const struct pg *pg)
{
    return pg->sqlstate;
}

const char *pg_error_detail(const struct pg *pg)
{
    return pg->detail;
}

/* Arguments --------------------------------------------------------------------------------------------------------- */

struct pg_arg pg_null(void)
{
    return (struct pg_arg){.type = PG_NULL};
}

struct pg_arg pg_text(const char *text)
{
    return (struct pg_arg){.type = text ? PG_TEXT : PG_NULL, .text = text};
}

struct pg_arg pg_json(const char *text)
{
    return pg_text(text);
}

struct pg_arg pg_int(int64_t number)
{
    return (struct pg_arg){.type = PG_INT, .number = number};
}

struct pg_arg pg_bool(bool value)
{
    return (struct pg_arg){.type = PG_BOOL, .number = value};
}

struct pg_arg pg_real(double value)
{
    return (struct pg_arg){.type = PG_REAL, .real = value};
}

struct pg_arg pg_uuid(struct uuid id)
{
    return (struct pg_arg){.type = PG_UUID, .uuid = id};
}

struct pg_arg pg_uuid_or_null(struct uuid id)
{
    return uuid_is_zero(id) ? pg_null() : pg_uuid(id);
}

struct pg_arg pg_time(usec_t at)
{
    return (struct pg_arg){.type = PG_TIME, .number = at};
}

struct pg_arg pg_time_or_null(usec_t at)
{
    return at ? pg_time(at) : pg_null();
}

struct pg_arg pg_duration(usec_t duration)
{
    return (struct pg_arg){.type = PG_DURATION, .number = duration};
}

struct pg_arg pg_texts(const char *const *texts, size_t count)
{
    return (struct pg_arg){.type = texts ? PG_TEXT_ARRAY : PG_NULL, .array = {.count = count, .texts = texts}};
}

struct pg_arg pg_ints(const int64_t *ints, size_t count)
{
    return (struct pg_arg){.type = PG_INT_ARRAY, .array = {.count = count, .ints = ints}};
}

struct pg_arg pg_uuids(const struct uuid *ids, size_t count)
{
    return (struct pg_arg){.type = PG_UUID_ARRAY, .array = {.count = count, .uuids = ids}};
}

static void put32(struct text *out, uint32_t value)
{
    unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16), (unsigned char)(value >> 8), (unsigned char)value};
    text_add(out, bytes, sizeof bytes);
}

static void put64(struct text *out, uint64_t value)
{
    put32(out, (uint32_t)(value >> 32));
    put32(out, (uint32_t)value);
}

/* The head of a one-dimensional array (array_recv in PostgreSQL's arrayfuncs.c): dimensions, has-null, element type,
 * length, lower bound. */
static void put_array_head(struct text *out, size_t count, uint32_t element)
{
    put32(out, count > 0);
    put32(out, 1);
    put32(out, element);
    if (count > 0) {
        put32(out, (uint32_t)count);
        put32(out, 1);
    }
}

static void put_element(struct text *out, const void *bytes, size_t size)
{
    put32(out, (uint32_t)size);
    text_add(out, bytes, size);
}

static void put_binary(struct text *out, const struct pg_arg *arg)
{
    uint64_t bits;
    switch (arg->type) {
    case PG_INT:
        put64(out, (uint64_t)arg->number);
        break;
    case PG_BOOL:
        text_putc(out, (char)arg->number);
        break;
    case PG_REAL:
        memcpy(&bits, &arg->real, sizeof bits);
        put64(out, bits);
        break;
    case PG_UUID:
        text_add(out, arg->uuid.bytes, sizeof arg->uuid.bytes);
        break;
    case PG_TIME:
        put64(out, (uint64_t)(arg->number - PG_EPOCH));
        break;
    case PG_DURATION:
        put64(out, (uint64_t)arg->number);
        put64(out, 0); /* days and months */
        break;
    case PG_TEXT_ARRAY:
        put_array_head(out, arg->array.count, 25);
        for (size_t i = 0; i < arg->array.count; i++)
            if (arg->array.texts[i])
                put_element(out, arg->array.texts[i], strlen(arg->array.texts[i]));
            else
                put32(out, UINT32_MAX);
        break;
    case PG_INT_ARRAY:
        put_array_head(out, arg->array.count, OID_INT8);
        for (size_t i = 0; i < arg->array.count; i++) {
            put32(out, 8);
            put64(out, (uint64_t)arg->array.ints[i]);
        }
        break;
    case PG_UUID_ARRAY:
        put_array_head(out, arg->array.count, OID_UUID);
        for (size_t i = 0; i < arg->array.count; i++)
            put_element(out, arg->array.uuids[i].bytes, 16);
        break;
    case PG_END:
    case PG_NULL:
    case PG_TEXT:
        break;
    }
}

static const Oid type_oids[] = {
    [PG_INT] = OID_INT8,           [PG_BOOL] = OID_BOOL,           [PG_REAL] = OID_FLOAT8,         [PG_UUID] = OID_UUID,
    [PG_TIME] = OID_TIMESTAMPTZ,   [PG_DURATION] = OID_INTERVAL,   [PG_TEXT_ARRAY] = OID_TEXT_ARRAY, [PG_INT_ARRAY] = OID_INT8_ARRAY,
    [PG_UUID_ARRAY] = OID_UUID_ARRAY,
};

/* The arguments of one statement as libpq takes them. */
struct wire {
    int count;
    Oid types[PG_ARGS_MAX];
    const char *values[PG_ARGS_MAX];
    int lengths[PG_ARGS_MAX];
    int formats[PG_ARGS_MAX];
};

static bool to_wire(struct pg *pg, const struct pg_arg *args, struct wire *wire, struct err *e)
{
    size_t offsets[PG_ARGS_MAX];
    text_reset(&pg->scratch);
    for (wire->count = 0; args[wire->count].type != PG_END; wire->count++) {
        const struct pg_arg *arg = &args[wire->count];
        int i = wire->count;
        if (i == PG_ARGS_MAX)
            return err_set(e, ERR_LIMIT, "more than %d arguments", PG_ARGS_MAX);
        wire->types[i] = type_oids[arg->type];
        wire->formats[i] = arg->type != PG_TEXT;
        offsets[i] = pg->scratch.len;
        put_binary(&pg->scratch, arg);
        wire->lengths[i] = (int)(pg->scratch.len - offsets[i]);
    }
    for (int i = 0; i < wire->count; i++)
        wire->values[i] = args[i].type == PG_NULL ? NULL : args[i].type == PG_TEXT ? args[i].text : text_str(&pg->scratch) + offsets[i];
    return true;
}

/* Calls ------------------------------------------------------------------------------------------------------------- */

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
        if (type_oids[args[i].type] && type_oids[args[i].type] != type_oids[p->types[i]])
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
        if (type_oids[args[count].type])
            p->types[count] = (unsigned char)args[count].type;
        types[count] = type_oids[p->types[count]];
    }
    p->version++;
    p->ready = true;
    return PQsendPrepare(pg->conn, prepared_name(p, name), p->query->text, count, types) || lost(pg, e);
}

/* Send all that libpq has buffered, reading what comes meanwhile so that neither side blocks. */
static bool flush(struct pg *pg, usec_t deadline, struct err *e)
{
    int left;
    while ((left = PQflush(pg->conn)) > 0) {
        if (!wait_socket(pg, POLLIN | POLLOUT, deadline, e))
            return false;
        if (!PQconsumeInput(pg->conn))
            return lost(pg, e);
    }
    return left == 0 || lost(pg, e);
}

/* The next result, waiting for it; NULL in *result at the end of a command. */
static bool next_result(struct pg *pg, usec_t deadline, PGresult **result, struct err *e)
{
    if (!flush(pg, deadline, e))
        return false;
    while (PQisBusy(pg->conn)) {
        if (!wait_socket(pg, POLLIN, deadline, e))
            return false;
        if (!PQconsumeInput(pg->conn))
            return lost(pg, e);
    }
    *result = PQgetResult(pg->conn);
    return true;
}

/* After a time-out or a protocol surprise the connection's state is unknown: it must not be used again. */
static bool give_up(struct pg *pg)
{
    PQfinish(pg->conn);
    pg->conn = NULL; /* libpq answers CONNECTION_BAD for it */
    pg->in_transaction = false;
    return false;
}

/* Send one statement in pipeline mode; counts the results that will come before its own. */
static bool send_call(struct pg *pg, const struct sql *query, const struct pg_arg *args, bool *prepares, struct err *e)
{
    struct wire wire;
    *prepares = false;
    if (!to_wire(pg, args, &wire, e))
        return false;
    if (pg->pooled)
        return PQsendQueryParams(pg->conn, query->text, wire.count, wire.types, wire.values, wire.lengths, wire.formats, 0) || lost(pg, e);
    char name[STATEMENT_NAME_MAX];
    struct prepared *p = prepared_entry(pg, query);
    *prepares = !prepared_fits(p, args);
    if (*prepares && !send_prepare(pg, p, args, e))
        return false;
    return PQsendQueryPrepared(pg->conn, prepared_name(p, name), wire.count, wire.values, wire.lengths, wire.formats, 0) || lost(pg, e);
}

static bool result_is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_PIPELINE_SYNC || status == PGRES_EMPTY_QUERY;
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
        if (!next_result(pg, deadline, &result, e))
            return give_up(pg);
        if (!result) {
            if (!pg_alive(pg)) {
                lost(pg, e);
                return give_up(pg);
            }
            continue;
        }
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return good;
        }
        if (good && !result_is_good(result)) {
            good = server_error(pg, result, e);
            if (!pg->sqlstate[0]) {
                PQclear(result);
                return give_up(pg);
            }
        }
        if (preparing) {
            preparing = false;
            if (status != PGRES_COMMAND_OK)
                prepared_entry(pg, calls[call].query)->ready = false;
            PQclear(result);
            continue;
        }
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

/* The kind of "connection lost" for calls that were sent: nobody knows whether they happened. */
static bool uncertain(struct err *e)
{
    if (e->kind == ERR_UNREACHABLE)
        e->kind = ERR_UNCERTAIN;
    return false;
}

bool pg_exec_calls(struct pg *pg, const struct pg_call *calls, size_t count, struct pg_rows *answers, struct err *e)
{
    bool prepares[PG_CALLS_MAX];
    clear_answers(pg);
    pg->sqlstate[0] = pg->detail[0] = '\0';
    if (!pg_alive(pg))
        return err_set(e, ERR_UNREACHABLE, "PostgreSQL: not connected");
    if (count > PG_CALLS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d statements at once", PG_CALLS_MAX);
    if (!PQenterPipelineMode(pg->conn))
        return lost(pg, e);
    for (size_t i = 0; i < count; i++) {
        CRASH_POINT(calls[i].query->name, "before");
        if (!send_call(pg, calls[i].query, calls[i].args, &prepares[i], e))
            return give_up(pg);
    }
    if (!PQpipelineSync(pg->conn)) {
        lost(pg, e);
        return give_up(pg);
    }
    CRASH_POINT(calls[count - 1].query->name, "sent");
    bool good = read_pipeline(pg, calls, count, prepares, clock_boot() + pg->call_timeout, e);
    CRASH_POINT(calls[count - 1].query->name, "answered");
    if (!pg_alive(pg))
        return uncertain(e);
    if (!PQexitPipelineMode(pg->conn)) {
        lost(pg, e);
        return give_up(pg);
    }
    for (size_t i = 0; good && answers && i < count; i++)
        answers[i] = rows_of(pg->answers[i]);
    return good;
}

bool pg_exec_args(struct pg *pg, const struct sql *query, const struct pg_arg *args, struct pg_rows *rows, struct err *e)
{
    struct pg_call call = {.query = query};
    size_t count = 0;
    for (; args[count].type != PG_END; count++) {
        if (count + 1 == PG_ARGS_MAX)
            return err_set(e, ERR_LIMIT, "%s: more than %d arguments", query->name, PG_ARGS_MAX - 1);
        call.args[count] = args[count];
    }
    call.args[count].type = PG_END;
    return pg_exec_calls(pg, &call, 1, rows, e);
}

/* One command by the simple protocol: scripts and transaction control. */
static bool simple(struct pg *pg, const char *command, struct err *e)
{
    clear_answers(pg);
    pg->sqlstate[0] = pg->detail[0] = '\0';
    if (!pg_alive(pg))
        return err_set(e, ERR_UNREACHABLE, "PostgreSQL: not connected");
    CRASH_POINT(command, "before");
    if (!PQsendQuery(pg->conn, command))
        return lost(pg, e);
    CRASH_POINT(command, "sent");
    usec_t deadline = clock_boot() + pg->call_timeout;
    bool good = true;
    for (;;) {
        PGresult *result = NULL;
        if (!next_result(pg, deadline, &result, e)) {
            give_up(pg);
            return uncertain(e);
        }
        if (!result)
            break;
        if (good && !result_is_good(result))
            good = server_error(pg, result, e);
        PQclear(result);
    }
    CRASH_POINT(command, "answered");
    if (!pg_alive(pg)) {
        pg->in_transaction = false;
        return uncertain(e);
    }
    return good;
}

bool pg_script(struct pg *pg, const struct sql *script, struct err *e)
{
    return simple(pg, script->text, e) || err_add(e, "%s", script->name);
}

bool pg_begin(struct pg *pg, struct err *e)
{
    pg->savepoints = 0;
    pg->in_transaction = simple(pg, "BEGIN", e);
    return pg->in_transaction;
}

bool pg_rollback(struct pg *pg, struct err *e)
{
    pg->in_transaction = false;
    return simple(pg, "ROLLBACK", e);
}

bool pg_commit(struct pg *pg, struct err *e)
{
    pg->in_transaction = false;
    return simple(pg, "COMMIT", e);
}

bool pg_in_transaction(const struct pg *pg)
{
    return pg->in_transaction;
}

static bool savepoint_command(struct pg *pg, const char *verb, int number, struct err *e)
{
    char command[64];
    snprintf(command, sizeof command, "%s drumbeat_%d", verb, number);
    return simple(pg, command, e);
}

bool pg_savepoint(struct pg *pg, struct err *e)
{
    return savepoint_command(pg, "SAVEPOINT", ++pg->savepoints, e);
}

bool pg_release_savepoint(struct pg *pg, struct err *e)
{
    return savepoint_command(pg, "RELEASE SAVEPOINT", pg->savepoints--, e);
}

bool pg_rollback_to_savepoint(struct pg *pg, struct err *e)
{
    return savepoint_command(pg, "ROLLBACK TO SAVEPOINT", pg->savepoints, e) && pg_release_savepoint(pg, e);
}

/* COPY -------------------------------------------------------------------------------------------------------------- */

enum { COPY_CHUNK = 64 * 1024 };

bool pg_copy_begin(struct pg *pg, const struct sql *query, struct err *e)
{
    PGresult *result;
    clear_answers(pg);
    text_reset(&pg->copy);
    pg->sqlstate[0] = pg->detail[0] = '\0';
    if (!pg_alive(pg))
        return err_set(e, ERR_UNREACHABLE, "PostgreSQL: not connected");
    if (!PQsendQuery(pg->conn, query->text))
        return lost(pg, e);
    if (!next_result(pg, clock_boot() + pg->call_timeout, &result, e))
        return give_up(pg);
    if (PQresultStatus(result) == PGRES_COPY_IN) {
        PQclear(result);
        return true;
    }
    bool told = server_error(pg, result, e);
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
        if (!flush(pg, deadline, e))
            return give_up(pg);
    text_reset(&pg->copy);
    return sent > 0 ? flush(pg, deadline, e) || give_up(pg) : lost(pg, e);
}

/* COPY's text format (PostgreSQL manual, COPY, "Text Format"): tab, newline, carriage return and backslash are escaped. */
static void add_copy_field(struct text *out, const char *field)
{
    if (!field) {
        text_puts(out, "\\N");
        return;
    }
    for (;;) {
        size_t plain = strcspn(field, "\t\n\r\\");
        text_add(out, field, plain);
        field += plain;
        if (*field == '\0')
            return;
        text_putc(out, '\\');
        text_putc(out, *field == '\t' ? 't' : *field == '\n' ? 'n' : *field == '\r' ? 'r' : '\\');
        field++;
    }
}

bool pg_copy_row(struct pg *pg, const char *const *fields, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_putc(&pg->copy, '\t');
        add_copy_field(&pg->copy, fields[i]);
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
        return lost(pg, e);
    for (;;) {
        PGresult *result;
        if (!next_result(pg, deadline, &result, e))
            return give_up(pg);
        if (!result)
            return good;
        if (good && !result_is_good(result))
            good = server_error(pg, result, e);
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
    return simple(pg, command, e);
}

bool pg_notification(struct pg *pg, const char **payload, struct err *e)
{
    PQfreemem(pg->notification);
    pg->notification = PQnotifies(pg->conn);
    if (!pg->notification) {
        if (!PQconsumeInput(pg->conn))
            return lost(pg, e);
        pg->notification = PQnotifies(pg->conn);
    }
    *payload = pg->notification ? pg->notification->extra : NULL;
    return pg->notification != NULL;
}

/* Answers ----------------------------------------------------------------------------------------------------------- */

bool pg_is_null(const struct pg_rows *rows, size_t row, size_t column)
{
    return PQgetisnull(rows->result, (int)row, (int)column);
}

const char *pg_get_text(const struct pg_rows *rows, size_t row, size_t column)
{
    return PQgetvalue(rows->result, (int)row, (int)column);
}

size_t pg_get_length(const struct pg_rows *rows, size_t row, size_t column)
{
    return (size_t)PQgetlength(rows->result, (int)row, (int)column);
}

int64_t pg_get_int(const struct pg_rows *rows, size_t row, size_t column)
{
    return strtoll(pg_get_text(rows, row, column), NULL, 10);
}

double pg_get_real(const struct pg_rows *rows, size_t row, size_t column)
{
    return strtod(pg_get_text(rows, row, column), NULL);
}

bool pg_get_bool(const struct pg_rows *rows, size_t row, size_t column)
{
    return pg_get_text(rows, row, column)[0] == 't';
}

struct uuid pg_get_uuid(const struct pg_rows *rows, size_t row, size_t column)
{
    struct uuid id = {{0}};
    if (!uuid_parse(pg_get_text(rows, row, column), &id))
        memset(&id, 0, sizeof id);
    return id;
}

/* "2026-03-29 00:30:00.5+00" as DateStyle ISO writes it: RFC 3339 but for the offset's missing minutes. */
usec_t pg_get_time(const struct pg_rows *rows, size_t row, size_t column)
{
    char text[CLOCK_TEXT_MAX];
    struct err ignored;
    usec_t at = 0;
    int used = snprintf(text, sizeof text, "%s", pg_get_text(rows, row, column));
    if (used > 3 && used + 3 < (int)sizeof text && (text[used - 3] == '+' || text[used - 3] == '-'))
        memcpy(text + used, ":00", 4);
    return clock_parse(text, &at, &ignored) ? at : 0;
}

int pg_column(const struct pg_rows *rows, const char *name)
{
    return PQfnumber(rows->result, name);
}

const char *pg_column_name(const struct pg_rows *rows, size_t column)
{
    return PQfname(rows->result, (int)column);
}
