#pragma once
/* Requests to an upstream, for handlers: one connection kept open, waits cut to the task's time, retries with back-off.
 *
 *     struct http *http CLEANUP(http_closep) = http_open(task, "pmp", &(struct http_options){.total = MINUTES(5)}, e);
 *     struct js *list CLEANUP(js_freep) = http ? http_get_json(http, "/v2/workspaces/", e) : NULL;
 *
 * Connection errors, time-outs, cut bodies, 408, 425, 429, 500, 502, 503 and 504 are tried again after full-jitter
 * back-off or when Retry-After says (RFC 9110, section 10.2.3), as long as the task has time. What then remains is
 * ERR_UNREACHABLE or ERR_TRANSIENT; 401 and 403 are ERR_REFUSED, 404 is ERR_NOT_FOUND, other 4xx are ERR_DATA, all
 * without a second try. A cancelled task stops waiting within about a second. libcurl is seen nowhere else.
 *
 * Requests, and with them user, password, key and headers, go to the configured origin (scheme, host, port) and nowhere
 * else: a redirect to another one is refused, and of an absolute address only path and query are used. */
#include "common/task/records.h"
#include "common/task/task.h"

struct http;

struct http_options {
    usec_t total;           /* longest one try may take; 0: 60 s */
    usec_t stall;           /* longest silence once the answer has begun; 0: 60 s */
    size_t body_max;        /* bytes, after decompression; 0: HTTP_BODY_MAX */
    int tries;              /* 0: 5 */
    usec_t first;           /* back-off after the first try, doubled each time; 0: 500 ms */
    usec_t cap;             /* of the back-off; 0: 30 s */
    usec_t pace;            /* at least so long between two requests of callers who do not say who they are, those of all
                               workers together; each commits what was written before it. 0: any number */
    const char *key_header; /* the header that carries the upstream's key; NULL: "Authorization: ApiKey …" */
    const char *too_much;   /* an error answer with these words means that too much was asked for at once: ERR_LIMIT,
                               no second try; NULL: none does */
    bool every_status;      /* whatever status comes is the answer to http_send() */
    const int *answers;     /* statuses above 399 that count as answers to http_send() when they come with JSON; ends with 0; NULL: none */
};

enum { HTTP_BODY_MAX = 32 << 20, HTTP_FILE_MAX = 512 << 20, HTTP_REDIRECTS_MAX = 5, HTTP_TARGET_MAX = 8192 };

/* Longest Retry-After that is obeyed; a longer one ends the request with ERR_TRANSIENT. */
#define HTTP_RETRY_AFTER_MAX MINUTES(15)

/* NULL: there is no such upstream, or its URL or a file it names is unusable (ERR_USAGE). `options` may be NULL. */
struct http *http_open(struct task *task, const char *name, const struct http_options *options, struct err *e);
void http_close(struct http *http); /* NULL is fine */
void http_closep(struct http **http);

/* The address without user, password and query: for messages and for telling upstreams apart. */
const char *http_origin(const struct http *http);
struct task *http_task(const struct http *http);

/* The body of a 2xx answer. `target` is a path with its query, put behind the upstream's URL ("": that URL itself), or an absolute
 * address of which path and query are used. Valid until the next call. */
struct http_answer {
    int status;
    const char *type; /* Content-Type, "" when there was none */
    const char *body; /* ends with NUL, which `len` does not count */
    size_t len;
};
bool http_get(struct http *http, const char *target, struct http_answer *answer, struct err *e);

/* The body of the answer to `json`, sent with "POST" or "PUT". It is sent again when no whole answer came, or one that asks for it: the
 * server must take it well that the same comes twice. */
bool http_send(struct http *http, const char *method, const char *target, const char *json, struct http_answer *answer,
               struct err *e);

/* The same as http_get(), read as JSON: to be freed with js_free(). A body that is not JSON is tried again like a bad status, since
 * proxies answer 200 too; the error says what came instead. NULL on an error. */
struct js *http_get_json(struct http *http, const char *target, struct err *e);

/* A list of any size, HTTP_FILE_MAX at most, that comes in one answer: put into a file without a name below TMPDIR (or /tmp)
 * and read from there, a record at a time (records.h, `path` too). It is complete: one that was cut is asked for again.
 * With a `form` ("q=select…", escaped) it is POSTed, for upstreams that take questions that way: it must change nothing
 * there, since it may be asked more than once. NULL on an error. */
struct records *http_get_records(struct http *http, const char *target, const char *path, struct err *e);
struct records *http_post_records(struct http *http, const char *target, const char *form, const char *path,
                                  struct err *e);

/* Add `value` to a query or path, percent-encoded (RFC 3986, section 2). */
void http_escape(struct text *out, const char *value);
