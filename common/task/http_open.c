/* http: what is settled for all requests to one upstream: its address, who asks, certificates, headers. */
#include "common/task/http_inside.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The origin and the path of the upstream's URL, without what is secret in it. */
static bool read_base(struct http *http, struct err *e)
{
    char *whole = NULL;
    http->base = curl_url();
    CURLUcode bad = curl_url_set(http->base, CURLUPART_URL, http->upstream->url, 0);
    if (bad)
        return err_set(e, ERR_USAGE, "upstream '%s': its URL: %s", http->upstream->name, curl_url_strerror(bad));
    curl_url_get(http->base, CURLUPART_USER, &http->url_user, CURLU_URLDECODE);
    curl_url_get(http->base, CURLUPART_PASSWORD, &http->url_password, CURLU_URLDECODE);
    curl_url_set(http->base, CURLUPART_USER, NULL, 0);
    curl_url_set(http->base, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(http->base, CURLUPART_QUERY, NULL, 0);
    curl_url_set(http->base, CURLUPART_FRAGMENT, NULL, 0);
    bad = curl_url_get(http->base, CURLUPART_URL, &whole, CURLU_DEFAULT_PORT);
    if (bad)
        return err_set(e, ERR_USAGE, "upstream '%s': its URL: %s", http->upstream->name, curl_url_strerror(bad));
    size_t len = strlen(whole);
    while (len > 0 && whole[len - 1] == '/')
        whole[--len] = '\0';
    http->origin = mem_strdup(whole);
    curl_free(whole);
    return strncmp(http->origin, "http://", 7) == 0 || strncmp(http->origin, "https://", 8) == 0 ||
           err_set(e, ERR_USAGE, "upstream '%s': its URL is neither http nor https", http->upstream->name);
}

static bool add_header(struct http *http, const char *line, struct err *e)
{
    for (const char *c = line; *c; c++)
        if (iscntrl((unsigned char)*c))
            return err_set(e, ERR_USAGE, "upstream '%s': a header or key has a control character",
                           http->upstream->name);
    http->headers = curl_slist_append(http->headers, line);
    http->json_headers = curl_slist_append(http->json_headers, line);
    return true;
}

static bool add_headers(struct http *http, struct err *e)
{
    const struct upstream *up = http->upstream;
    struct text key CLEANUP(text_free) = {0};
    http->json_headers = curl_slist_append(NULL, "Content-Type: application/json");
    http->json_headers = curl_slist_append(http->json_headers, "Expect:"); /* the body goes with the head */
    if (!add_header(http, "Accept: application/json", e))
        return false;
    for (const char *const *header = up->headers; header && *header; header++)
        if (!add_header(http, *header, e))
            return false;
    if (!up->key)
        return true;
    if (http->options.key_header)
        text_printf(&key, "%s: %s", http->options.key_header, up->key);
    else
        text_printf(&key, "Authorization: ApiKey %s", up->key);
    return add_header(http, text_str(&key), e);
}

/* A certificate or key, as the path of a file or itself. */
static void set_pem(CURL *curl, CURLoption path, CURLoption blob, const char *value)
{
    struct text copy CLEANUP(text_free) = {0};
    if (!value)
        return;
    text_puts(&copy, value);
    struct curl_blob text = {copy.data, copy.len, CURL_BLOB_COPY};
    if (strncmp(value, "-----BEGIN", strlen("-----BEGIN")) == 0)
        curl_easy_setopt(curl, blob, &text);
    else
        curl_easy_setopt(curl, path, value);
}

static void set_up(struct http *http)
{
    const struct upstream *up = http->upstream;
    CURL *curl = http->curl;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "drumbeat/" DRUMBEAT_VERSION);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->complaint);
    http_listen(http);
    const char *user = up->user ? up->user : http->url_user, *password = up->user ? up->password : http->url_password;
    if (user) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, password ? password : "");
    }
    set_pem(curl, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, up->ca);
    set_pem(curl, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB, up->cert);
    set_pem(curl, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB, up->cert_key);
}

static void set_defaults(struct http_options *o)
{
    o->total = o->total ? o->total : SECONDS(60);
    o->stall = o->stall ? o->stall : SECONDS(60);
    o->body_max = o->body_max ? o->body_max : HTTP_BODY_MAX;
    o->tries = o->tries ? o->tries : 5;
    o->first = o->first ? o->first : MSEC(500);
    o->cap = o->cap ? o->cap : SECONDS(30);
}

struct http *http_open(struct task *task, const char *name, const struct http_options *options, struct err *e)
{
    static bool ready; /* libcurl, once a process */
    const struct upstream *upstream = task_upstream(task, name, e);
    if (!upstream)
        return NULL;
    if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        err_set(e, ERR_FAILED, "libcurl cannot start");
        return NULL;
    }
    ready = true;
    struct http *http = mem_zero(1, sizeof *http);
    http->task = task;
    http->file = -1;
    http->socket = -1;
    http->method = "GET";
    http->upstream = upstream;
    http->options = options ? *options : (struct http_options){0};
    set_defaults(&http->options);
    http->body.max = http->options.body_max;
    http->curl = curl_easy_init();
    bool good =
        http->curl ? read_base(http, e) && add_headers(http, e) : err_set(e, ERR_FAILED, "libcurl cannot start");
    if (!good) {
        http_close(http);
        return NULL;
    }
    set_up(http);
    return http;
}

void http_close(struct http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    curl_url_cleanup(http->base);
    curl_slist_free_all(http->headers);
    curl_slist_free_all(http->json_headers);
    free(http->origin);
    curl_free(http->url_user);
    curl_free(http->url_password);
    text_free(&http->body);
    free(http);
}

void http_closep(struct http **http)
{
    http_close(*http);
}

const char *http_origin(const struct http *http)
{
    return http->origin;
}

struct task *http_task(const struct http *http)
{
    return http->task;
}

void http_escape(struct text *out, const char *value)
{
    static const char plain[] = "-._~";
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        if ((isascii(c) && isalnum(c)) || strchr(plain, c))
            text_putc(out, (char)c);
        else
            text_printf(out, "%%%02X", c);
    }
}
