#pragma once
/* Quirks: what the sandbox does like the real servers on a bad day, each with a name and a rule that says when.
 *
 * A rule is written as   off | on | NUMBER | KEY=NUMBER-OR-TEXT   with commas between, for example
 *     bad-gateway=3                       every third matching request
 *     slow=200,every=5,path=partners      200 ms, every fifth request of a path with "partners" in it
 *     bad-gateway=on,workspace=0160,offset=20,times=2
 * What a bare NUMBER means stands in the table (quirks.c): every, percent, milliseconds or seconds.
 * Keys: every, times, workspace, path, offset, id, after (seconds, of Retry-After). */
#include "common/base/err.h"
#include "common/base/text.h"
#include <stddef.h>
#include <stdint.h>

enum quirk {
    /* what may happen to a request */
    QUIRK_SLOW,
    QUIRK_HANG,
    QUIRK_DROP,
    QUIRK_AUTH_FAILURE,
    QUIRK_FORBIDDEN,
    QUIRK_TOO_MANY,
    QUIRK_SERVER_ERROR,
    QUIRK_BAD_GATEWAY,
    QUIRK_UNAVAILABLE,
    QUIRK_GATEWAY_TIMEOUT,
    QUIRK_LOGIN_PAGE,
    QUIRK_REDIRECT_LOOP,
    QUIRK_TRUNCATED,
    QUIRK_CUT_OFF,
    QUIRK_CUT_CHUNKED,
    QUIRK_HUGE,
    QUIRK_GZIP,
    /* what may happen to a list while it is read */
    QUIRK_REPEATED_ROWS,
    QUIRK_INSERTED_ROWS,
    QUIRK_REMOVED_ROWS,
    QUIRK_TOUCHED_ROWS,
    /* what is wrong in the data */
    QUIRK_BAD_DOCUMENTS,
    QUIRK_BAD_PARTNERS,
    QUIRK_MISSING_PARTNERS,
    QUIRK_LONG_TEXTS,
    QUIRK_VENDOR_DIFFERS,
    /* what is odd in the data, as in the real one */
    QUIRK_ODD_TARGETS,
    QUIRK_EMPTY_UNITS,
    QUIRK_NO_VENDOR,
    QUIRK_NO_DATES,
    QUIRK_ODD_LOCATIONS,
    QUIRK_NO_PARENT,
    QUIRK_EMAIL_CASE,
    QUIRK_NO_EMAIL,
    QUIRK_UNSIGNED_AMENDMENTS,
    QUIRK_LARGE_AMOUNTS,
    QUIRK_NO_DISBURSEMENT,
    QUIRK_EMPTY_DISAGGREGATIONS,
    QUIRK_SHARED_VENDORS,
    QUIRK_ODD_WORKSPACES,
    /* CARTO */
    QUIRK_STATEMENT_TIMEOUT,
    QUIRK_ERROR_BESIDE_ROWS,
    QUIRK_ROWS_IN_ANY_ORDER,
    QUIRK_NUMERIC_CODES,
    QUIRK_REPEATED_CODES,
    QUIRK_LOST_PARENTS,
    QUIRK_BAD_SHAPES,
    QUIRK_BLANK_PLACES,
    /* of DHIS2 */
    QUIRK_OVERLAPPING_PAGES,
    QUIRK_OLD_GEOMETRY,
    QUIRK_ZONED_DATES,
    QUIRK_UNNAMED_LEVEL,
    QUIRK_BAD_UNITS,
    QUIRK_ODD_GEOMETRY,
    QUIRK_BLANK_NAMES,
    QUIRK_NO_CODES,
    QUIRK_REFUSED_VALUES,
    QUIRK_NAMELESS_CONFLICTS,
    QUIRK_FAILED_IMPORTS,
    /* of mail */
    QUIRK_MAIL_SLOW,
    QUIRK_MAIL_AWAY,
    QUIRK_MAIL_BUSY,
    QUIRK_MAIL_REFUSED,
    QUIRK_MAIL_DROPPED,
    /* VISION */
    QUIRK_NO_DATA,
    QUIRK_ONE_ROW,
    QUIRK_LEGACY_FORM,
    QUIRK_MISSING_KEYS,
    QUIRK_BAD_AMOUNTS,
    QUIRK_REPEATED_LINES,
    /* OCHA */
    QUIRK_ANONYMOUS_LIMIT,
    QUIRK_BAD_STATUS,
    QUIRK_CIRCLING_PAGES,
    QUIRK_BAD_FLOWS,
    QUIRK_BAD_ATTACHMENTS,
    QUIRK_ODD_TOTALS,
    QUIRK_NO_BASELINE,
    QUIRK_SUPPORT_OBJECT,
    QUIRK_LOST_CLUSTERS,
    QUIRK_FLAT_PLANS,
    QUIRK_UNPUBLISHED,
    QUIRKS
};

enum { QUIRK_WORD_MAX = 64, QUIRK_RULE_MAX = 256 };

struct quirk_rule {
    bool on;
    int64_t value;                  /* percent, milliseconds, seconds or MiB: see the table */
    int64_t every;                  /* 1: each time */
    int64_t times;                  /* 0: without end */
    int64_t offset;                 /* -1: any */
    int64_t id;                     /* -1: any */
    int64_t after;                  /* seconds, for Retry-After */
    char workspace[QUIRK_WORD_MAX]; /* "": any */
    char path[QUIRK_WORD_MAX];      /* "": any */
    uint64_t seen, fired;
};

/* Zero is not a valid start: use quirks_reset(). */
struct quirks {
    struct quirk_rule rules[QUIRKS];
};

/* What a rule is matched against; a missing member (NULL or -1) matches only rules that do not ask for it. */
struct occasion {
    const char *workspace;
    const char *path;
    int64_t offset;
    int64_t id;
};

void quirks_reset(struct quirks *q); /* every rule as the table has it */
bool quirks_set(struct quirks *q, const char *name, const char *rule, struct err *e);
bool quirks_set_text(struct quirks *q, const char *name_and_rule, struct err *e); /* "NAME" or "NAME=RULE" */

/* Does this occasion, the next of those that match, call for the quirk? Counts. */
bool quirks_fire(struct quirks *q, enum quirk quirk, const struct occasion *o);

/* Is the record with this id one of every `every`? Does not count, so that it is the same record each time. */
bool quirks_marks(const struct quirks *q, enum quirk quirk, const struct occasion *o);

/* Is the thing with this hash one of the rule's percent? Does not count either. */
bool quirks_chance(const struct quirks *q, enum quirk quirk, const char *workspace, uint64_t hash);

const char *quirk_name(enum quirk quirk);
void quirks_help(struct text *out);                          /* a line a quirk */
void quirks_write(const struct quirks *q, struct text *out); /* JSON: {"slow":{"rule":"off","fired":0}, …} */
