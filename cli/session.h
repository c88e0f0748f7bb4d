#pragma once
/* What a verb works with: the configuration and a connection. */
#include "common/db/pg.h"
#include "common/db/redis.h"
#include "config/config.h"
#include "worker/catalog.h"

struct session {
    struct config *config;
    struct pg *pg;       /* NULL until session_open() */
    struct redis *redis; /* NULL until session_redis() */
    struct text url;
};

/* Read the configuration with the flags of every verb on top. `more` are a verb's own, ends with a NULL option; NULL: none. */
bool session_config(struct session *s, const struct config_flag *more, struct err *e);

/* Read it once more, for a reload: the caller's, to config_free(). The session goes on with the one it has. */
struct config *session_reread(const struct config_flag *more, struct err *e);

/* Log a warning for each option that `now` has another value of than `was` and that is taken over at the next start only: of all programs,
 * and of workers. */
void session_tell_fixed(const struct config *was, const struct config *now, bool worker);

/* The handlers of this program as the configuration has them. Lives as long as the process. */
const struct catalog *session_catalog(struct session *s, enum catalog_scope scope, struct err *e);

/* The database: --database-url, DATABASE_URL, the configuration, else the private cluster of a running `drumbeat up`.
 * ERR_USAGE when there is none. Valid as long as the session. */
const char *session_url(struct session *s, struct err *e);

/* Add the folder of large results: results.root, else that of the `drumbeat up` whose cluster this session uses. False: none is known. */
bool session_results(const struct session *s, struct text *folder);

/* Connect and see that the schema is there. Reads the configuration where that was not done. */
bool session_open(struct session *s, struct err *e);

/* The same without looking at the schema. */
bool session_connect(struct session *s, struct err *e);

/* A second connection, which can LISTEN: to database.listen_url, else as session_connect(). */
struct pg *session_listener(struct session *s, struct err *e);

/* The Redis of the configuration, connected to at the first call. ERR_USAGE when none is configured. */
struct redis *session_redis(struct session *s, struct err *e);

void session_close(struct session *s); /* for CLEANUP */
