#pragma once
/* A statement as the build embeds it: a file under sql/queries, sql/migrations or, for Redis, sql/scripts. */

struct sql {
    const char *name; /* the file's name without ".sql"; prepared under it */
    const char *text;
};

/* A Lua script for Redis: a file under sql/scripts. */
struct script {
    const char *name;
    const char *text;
    const char *sha1; /* of the text: the name by which Redis knows it */
};

/* All migrations in order; ends with a NULL name. */
extern const struct sql sql_migrations[];
