#pragma once
/* A statement as the build embeds it: a file under sql/queries or sql/migrations. */

struct sql {
    const char *name; /* the file's name without ".sql"; prepared under it */
    const char *text;
};

/* All migrations in order; ends with a NULL name. */
extern const struct sql sql_migrations[];
