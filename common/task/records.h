#pragma once
/* The records of an answer that may be larger than memory: the answer lies in a file, and one record at a time is
 * parsed, so that what is held does not grow with it.
 *
 *     struct records *records CLEANUP(records_freep) = http_get_records(http, "/partners/?…", "ROWSET.ROW", e);
 *     struct record record;
 *     while (records && records_next(records, &record))
 *         …
 *     return records && records_end(records, e);
 *
 * Where the records are is a path of members. What stands there may be an array, one object (a list of one), or nothing
 * (null, absent, an empty object); a bare array at the top is the list whatever the path. An answer that is a JSON string
 * with JSON in it is read as what it holds, "u0026" that lost its backslash is "&" there; any other string is an empty
 * list when it says "No Data Available". A byte order mark before it all is passed over. */
#include "common/base/err.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include <stdint.h>

enum { RECORDS_RECORD_MAX = 6 << 20, RECORDS_REST_MAX = 256 << 10, RECORDS_DEPTH_MAX = JS_DEPTH_MAX };

struct records;

struct record {
    const struct js *json; /* NULL: it cannot be read, and `why` says so; valid until the next one */
    int64_t index;         /* 0 for the first */
    const char *lifted;    /* what stood at the member of records_lift(), as it was sent; NULL: nothing that can be lifted */
    size_t bytes;          /* as it was sent */
    struct err why;
};

/* Look through the whole answer in `fd`, which is closed with the records, also when this fails: ERR_DATA when it is
 * not one complete JSON text. `path` is "ROWSET.ROW", "rows". */
struct records *records_open(int fd, const char *path, struct err *e);
/* Another list of the same answer, read on its own; `path` as above. NULL on an error. */
struct records *records_again(const struct records *records, const char *path, struct err *e);

void records_free(struct records *records); /* NULL is fine */
void records_freep(struct records **records);

int64_t records_count(const struct records *records);

/* The top member `name` of the answer beside the list ("error", "meta"); NULL when absent or more than RECORDS_REST_MAX
 * bytes with the others. */
const struct js *records_beside(const struct records *records, const char *name);

/* From now on, an object or array at the member `name` of each record does not come with its tree, which takes ten times the room of its text, but as that
 * text: in record.lifted, while the member itself reads as null. The same for a string that holds one. For what is larger than all the rest: shapes. */
void records_lift(struct records *records, const char *name);

/* False at the end and on an error: records_end() tells which. */
bool records_next(struct records *records, struct record *record);
bool records_end(struct records *records, struct err *e);
