/* pg: one connection, driven with poll() and deadlines. What a SQLSTATE means for the caller is the table `classes`. */
#include "common/db/pg_inside.h"
#include "common/base/crash_point.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

bool pg_lost(struct pg *pg, struct err *e)
{
    char message[512];
    one_line(message, sizeof message, pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
    pg->sqlstate[0] = '\0';
    return err_set(e, ERR_UNREACHABLE, "PostgreSQL: %s", message[0] ? message : "connection lost");
}

bool pg_server_error(struct pg *pg, const PGresult *result, struct err *e)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
    if (!sqlstate)
        return pg_lost(pg, e);
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
            return pg_lost(pg, e);
        }
    }
}

static bool check_url(const char *url, struct err *e)
{
    char *complaint = NULL;
    PQconninfoOption *parsed = PQconninfoParse(url, &complaint);
    if (!parsed && complaint)
        err_set(e, ERR_USAGE, "the database URL is neither postgresql://user@host/name nor key=value words"); /* the complaint repeats it, password and all */
    else if (!parsed)
        err_set(e, ERR_TRANSIENT, "PostgreSQL: out of memory");
    PQfreemem(complaint);
    PQconninfoFree(parsed);
    return parsed != NULL;
}

struct pg *pg_open(const struct pg_options *options, struct err *e)
{
    if (!check_url(options->url, e))
        return NULL;

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
    bool open = (PQstatus(pg->conn) != CONNECTION_BAD || pg_lost(pg, e)) && connect_wait(pg, deadline, e);
    if (!open || (PQsetnonblocking(pg->conn, 1) != 0 && !pg_lost(pg, e))) {
        pg_close(pg);
        return NULL;
    }
    PQsetNoticeReceiver(pg->conn, drop_notice, NULL);
    return pg;
}

void pg_clear_answers(struct pg *pg)
{
    for (size_t i = 0; i < pg->answer_count; i++)
        PQclear(pg->answers[i]);
    pg->answer_count = 0;
}

void pg_close(struct pg *pg)
{
    if (!pg)
        return;
    pg_clear_answers(pg);
    PQfreemem(pg->notification);
    PQfinish(pg->conn);
    text_free(&pg->scratch);
    text_free(&pg->copy);
    free(pg->prepared);
    free(pg);
}

/* The server closes its end last of all, when the session is gone from pg_stat_activity. */
void pg_leave(struct pg *pg, usec_t wait)
{
    usec_t deadline = clock_boot() + wait;
    char rest[256];
    int fd = pg && pg_alive(pg) ? fcntl(PQsocket(pg->conn), F_DUPFD_CLOEXEC, 0) : -1;
    pg_close(pg);
    struct pollfd end = {.fd = fd, .events = POLLIN};
    for (usec_t left; fd >= 0 && (left = deadline - clock_boot()) > 0;)
        if (poll(&end, 1, (int)(left / 1000) + 1) > 0 && read(fd, rest, sizeof rest) <= 0)
            break;
    if (fd >= 0)
        close(fd);
}

void pg_closep(struct pg **pg)
{
    pg_close(*pg);
}

bool pg_alive(const struct pg *pg)
{
    return pg && PQstatus(pg->conn) == CONNECTION_OK;
}

bool pg_is_swollen(const struct pg *pg)
{
    return pg->largest > PG_BUFFERS_MAX;
}

void pg_set_call_timeout(struct pg *pg, usec_t timeout)
{
    pg->call_timeout = timeout;
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

/* Commands -------------------------------------------------------------------------------------------------------------- */

bool pg_flush(struct pg *pg, usec_t deadline, struct err *e)
{
    int left;
    while ((left = PQflush(pg->conn)) > 0) {
        if (!wait_socket(pg, POLLIN | POLLOUT, deadline, e))
            return false;
        if (!PQconsumeInput(pg->conn))
            return pg_lost(pg, e);
    }
    return left == 0 || pg_lost(pg, e);
}

bool pg_next_result(struct pg *pg, usec_t deadline, PGresult **result, struct err *e)
{
    if (!pg_flush(pg, deadline, e))
        return false;
    while (PQisBusy(pg->conn)) {
        if (!wait_socket(pg, POLLIN, deadline, e))
            return false;
        if (!PQconsumeInput(pg->conn))
            return pg_lost(pg, e);
    }
    *result = PQgetResult(pg->conn);
    return true;
}

bool pg_give_up(struct pg *pg)
{
    PQfinish(pg->conn);
    pg->conn = NULL; /* libpq answers CONNECTION_BAD for it */
    pg->in_transaction = false;
    return false;
}

bool pg_result_is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_PIPELINE_SYNC || status == PGRES_EMPTY_QUERY;
}

bool pg_uncertain(struct err *e)
{
    if (e->kind == ERR_UNREACHABLE)
        e->kind = ERR_UNCERTAIN;
    return false;
}

bool pg_simple(struct pg *pg, const char *command, struct err *e)
{
    pg_clear_answers(pg);
    pg->sqlstate[0] = pg->detail[0] = '\0';
    if (!pg_alive(pg))
        return err_set(e, ERR_UNREACHABLE, "PostgreSQL: not connected");
    CRASH_POINT(command, "before");
    if (!PQsendQuery(pg->conn, command))
        return pg_lost(pg, e);
    CRASH_POINT(command, "sent");
    usec_t deadline = clock_boot() + pg->call_timeout;
    bool good = true;
    for (;;) {
        PGresult *result = NULL;
        if (!pg_next_result(pg, deadline, &result, e)) {
            pg_give_up(pg);
            return pg_uncertain(e);
        }
        if (!result)
            break;
        if (good && !pg_result_is_good(result))
            good = pg_server_error(pg, result, e);
        PQclear(result);
    }
    CRASH_POINT(command, "answered");
    if (!pg_alive(pg)) {
        pg->in_transaction = false;
        return pg_uncertain(e);
    }
    return good;
}

bool pg_script(struct pg *pg, const struct sql *script, struct err *e)
{
    return pg_simple(pg, script->text, e) || err_add(e, "%s", script->name);
}

bool pg_begin(struct pg *pg, struct err *e)
{
    pg->savepoints = 0;
    pg->in_transaction = pg_simple(pg, "BEGIN", e);
    return pg->in_transaction;
}

bool pg_rollback(struct pg *pg, struct err *e)
{
    pg->in_transaction = false;
    return pg_simple(pg, "ROLLBACK", e);
}

bool pg_commit(struct pg *pg, struct err *e)
{
    pg->in_transaction = false;
    return pg_simple(pg, "COMMIT", e);
}

bool pg_in_transaction(const struct pg *pg)
{
    return pg->in_transaction;
}

static bool savepoint_command(struct pg *pg, const char *verb, int number, struct err *e)
{
    char command[64];
    snprintf(command, sizeof command, "%s drumbeat_%d", verb, number);
    return pg_simple(pg, command, e);
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
