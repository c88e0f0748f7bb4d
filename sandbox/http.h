#pragma once
/* What passes between the HTTP edge (server.c) and the upstreams: a request to read, an answer to fill, and the table
 * of routes that an upstream is. Everything here is plain data; nothing of libmicrohttpd. */
#include "common/base/clock.h"
#include "common/base/text.h"
#include <stddef.h>
#include <stdint.h>

enum { REQUEST_ARGS_MAX = 32, LINK_CHANGES_MAX = 4, REQUEST_BODY_MAX = 1 << 20, ANSWER_BODY_MAX = 256 << 20 };

struct pair {
    const char *name, *value;
};

struct request {
    const char *method;
    const char *host;            /* as the client wrote it: absolute links are built from it */
    const char *path;            /* as asked: "/pmp/v2/workspaces/" */
    const char *below;           /* below the upstream's name: "/v2/workspaces/" */
    const char *user, *password; /* NULL: none given */
    const char *key;             /* Ocp-Apim-Subscription-Key; NULL: none given */
    bool gzip;                   /* the client accepts it */
    int64_t id;                  /* what "<id>" in the route's pattern stood for, else -1 */
    struct pair args[REQUEST_ARGS_MAX];
    size_t args_count;
    const char *body; /* as it came; NULL: none */
};

enum delivery { DELIVER_WHOLE, DELIVER_CUT_OFF, DELIVER_CUT_CHUNKED, DELIVER_NOTHING };

/* All zero is a good start. Free with answer_free(). */
struct answer {
    int status;
    const char *type; /* of the body; "application/json" when NULL */
    struct text body;
    struct text location; /* empty: no such header */
    int64_t retry_after;  /* seconds; 0: no such header */
    usec_t wait;          /* before the answer */
    size_t blanks;        /* bytes sent in front of the body */
    bool challenge;       /* WWW-Authenticate */
    bool gzip;
    enum delivery delivery;
};

struct route {
    const char *method;
    const char *pattern; /* "<id>" stands for digits, "<word>" for letters and digits; NULL ends the table */
    void (*serve)(void *state, const struct request *r, struct answer *a);
};

struct upstream {
    const char *name; /* its paths are served below "/NAME"; those of the first upstream at the root, too */
    const struct route *routes;
    void *state;
    void (*reset)(void *state); /* back to what it was at the start */
    bool open;                  /* anybody may ask, but for the levers */
};

/* NULL when absent; the last one when given twice. */
const char *request_arg(const struct request *r, const char *name);

/* A value of the body's form (application/x-www-form-urlencoded), added to `out`; false when it is not there. */
bool request_form(const struct request *r, const char *name, struct text *out);

/* Add the absolute URL of this request with `changes` made to its arguments (a NULL value takes one away); arguments
 * are sorted by name, as Django REST framework does. */
void request_link(const struct request *r, const struct pair *changes, size_t count, struct text *out);

/* Answer with {"detail": …}, the shape of Django REST framework's errors. */
void answer_detail(struct answer *a, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Answer 400 with ["…"], the shape of its validation errors. */
void answer_invalid(struct answer *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Answer with a small HTML page, as a proxy does. */
void answer_html(struct answer *a, int status, const char *title, const char *words);

void answer_free(struct answer *a);

/* Find the route of `path`; sets r->id. `other_method` says that the path exists for another method. */
const struct route *route_find(const struct route *routes, struct request *r, const char *path, bool *other_method);
