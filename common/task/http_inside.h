#pragma once
/* What the files of an HTTP client know of each other: http_open.c makes it ready for one upstream, http.c asks. */
#include "common/task/http.h"
#include <curl/curl.h>

struct http {
    struct task *task;
    const struct upstream *upstream;
    struct http_options options;
    CURL *curl;
    CURLU *base;
    struct curl_slist *headers, *json_headers; /* the second: of requests that carry JSON */
    char *origin;                  /* "https://host:443/api" */
    char *url_user, *url_password; /* out of the upstream's URL; NULL: none */
    char complaint[CURL_ERROR_SIZE];
    char type[128];
    struct text body;
    const char *method;
    const char *sent; /* what the running request carries; NULL: nothing, it is a GET */
    bool sends_json;  /* else a form */
    int file;         /* where a good answer goes; -1: into `body` */
    /* of the running try */
    size_t written;
    usec_t checked_at;
    usec_t moved_at; /* when something last came; 0: nothing yet */
    int socket;      /* of the newest connection; -1: none yet */
    curl_off_t moved;
    bool stalled;
    struct err stop; /* why a callback ended it */
};

/* Set the callbacks: they count the body, write it where it goes, and watch the task. */
void http_listen(struct http *http);
