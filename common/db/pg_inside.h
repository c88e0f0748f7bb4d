#pragma once
/* What the files of a connection know of each other: pg.c opens it, waits and runs single commands, pg_calls.c runs statements with
 * arguments, pg_values.c translates values, pg_stream.c does COPY and notifications. */
#include "common/db/pg.h"
#include <libpq-fe.h>

/* A statement the server has prepared. Its parameters' types are those of the arguments it was first used with; of a NULL nothing is
 * known, so that a later value may need it prepared anew, with all types that are known by then. */
struct prepared {
    const struct sql *query;
    int version; /* how often it was prepared before; part of its name */
    bool ready;
    unsigned char types[PG_ARGS_MAX]; /* of struct pg_arg */
};

/* A statement that was sent and whose answer was not taken yet. */
struct sent {
    const struct sql *query; /* NULL: there is none */
    bool prepares;           /* it is preceded by its preparation */
    usec_t deadline;
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
    struct sent sent;
    struct text scratch; /* binary arguments of the calls being sent */
    struct text copy;
    size_t largest; /* message that went through it, about */
    struct prepared *prepared; /* sorted by their queries' addresses */
    size_t prepared_count, prepared_room;
    char sqlstate[6];
    char detail[512];
};

/* pg.c: errors ------------------------------------------------------------------------------------------------------- */

/* The connection is lost: ERR_UNREACHABLE with what libpq says about it. */
bool pg_lost(struct pg *pg, struct err *e);

/* What the server complained about; notes SQLSTATE and detail. */
bool pg_server_error(struct pg *pg, const PGresult *result, struct err *e);

/* The kind of "connection lost" for calls that were sent: nobody knows whether they happened. */
bool pg_uncertain(struct err *e);

/* After a time-out or a protocol surprise the connection's state is unknown: it must not be used again. */
bool pg_give_up(struct pg *pg);

/* pg.c: commands ----------------------------------------------------------------------------------------------------- */

/* Send all that libpq has buffered, reading what comes meanwhile so that neither side blocks. */
bool pg_flush(struct pg *pg, usec_t deadline, struct err *e);

/* The next result, waiting for it; NULL in *result at the end of a command. */
bool pg_next_result(struct pg *pg, usec_t deadline, PGresult **result, struct err *e);
bool pg_result_is_good(const PGresult *result);
void pg_clear_answers(struct pg *pg);

/* One command by the simple protocol: scripts and transaction control. */
bool pg_simple(struct pg *pg, const char *command, struct err *e);

/* pg_values.c: arguments --------------------------------------------------------------------------------------------- */

/* By the type of an argument; 0: the statement decides. */
extern const Oid pg_type_oids[];

/* The arguments of one statement as libpq takes them. */
struct wire {
    int count;
    Oid types[PG_ARGS_MAX];
    const char *values[PG_ARGS_MAX];
    int lengths[PG_ARGS_MAX];
    int formats[PG_ARGS_MAX];
};

/* Fill `wire`, valid until the next call on the connection. */
bool pg_to_wire(struct pg *pg, const struct pg_arg *args, struct wire *wire, struct err *e);
