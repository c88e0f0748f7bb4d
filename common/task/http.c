/* http: one try is a libcurl transfer whose callbacks count the body and watch the task; the loop around it decides by
 * the table `statuses` and by the class of the error whether another try makes sense. */
#include "common/task/http_inside.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const struct {
    int status;
    enum err_kind kind;
    bool again;
} statuses[] = {
    {401, ERR_REFUSED, false},  {403, ERR_REFUSED, false},  {404, ERR_NOT_FOUND, false}, {408, ERR_TRANSIENT, true},
    {425, ERR_TRANSIENT, true}, {429, ERR_TRANSIENT, true}, {500, ERR_TRANSIENT, true},  {502, ERR_TRANSIENT, true},
    {503, ERR_TRANSIENT, true}, {504, ERR_TRANSIENT, true},
};

/* Callbacks ------------------------------------------------------------------------------------------- */

static bool write_file(struct http *http, const char *bytes, size_t len)
{
    http->written += len;
    if (http->written > HTTP_FILE_MAX)
        return err_set(&http->stop, ERR_LIMIT, "the answer has more than %d bytes", HTTP_FILE_MAX);
    while (len > 0) {
        ssize_t done = write(http->file, bytes, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_errno(&http->stop, ERR_TRANSIENT, errno, "no room for the answer below TMPDIR");
        bytes += done;
        len -= (size_t)done;
    }
    return true;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    struct http *http = data;
    long status = 0;
    size_t len = size * count;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    if (http->file >= 0 && status >= 200 && status < 300)
        return write_file(http, bytes, len) ? len : 0;
    text_add(&http->body, bytes, len);
    return http->body.cut ? 0 : len;
}

static int on_socket(void *data, curl_socket_t socket, curlsocktype purpose)
{
    (void)purpose;
    ((struct http *)data)->socket = socket;
    return CURL_SOCKOPT_OK;
}

/* A server that sends the head of an answer by itself keeps its body until the head is acknowledged (RFC 896), which the kernel here
 * puts off for 40 ms on a connection that is used again: at the end of the head it is told to do it now. */
static size_t on_header(char *bytes, size_t size, size_t count, void *data)
{
    struct http *http = data;
    http->moved_at = clock_boot();
    if (size * count == 2 && bytes[0] == '\r')
        setsockopt(http->socket, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
    return size * count;
}

/* Called about once a second, and whenever something moves. */
static int on_progress(void *data, curl_off_t expected, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
    struct http *http = data;
    usec_t now = clock_boot();
    (void)expected, (void)to_send, (void)sent;
    if (got != http->moved) {
        http->moved = got;
        http->moved_at = now;
    }
    http->stalled = http->moved_at > 0 && now - http->moved_at > http->options.stall;
    if (now - http->checked_at >= SECONDS(1)) {
        http->checked_at = now;
        if (!task_check(http->task, &http->stop))
            return 1;
    }
    return http->stalled;
}

void http_listen(struct http *http)
{
    curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(http->curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(http->curl, CURLOPT_SOCKOPTDATA, http);
    curl_easy_setopt(http->curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(http->curl, CURLOPT_HEADERDATA, http);
    curl_easy_setopt(http->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(http->curl, CURLOPT_XFERINFODATA, http);
    curl_easy_setopt(http->curl, CURLOPT_NOPROGRESS, 0L);
}

/* One try --------------------------------------------------------------------------------------------- */

/* A path is put behind the upstream's URL, nothing is that URL; of an absolute address, path and query are put behind its origin. */
static bool address(struct http *http, const char *target, CURLU **url, struct err *e)
{
    char *path = NULL, *query = NULL;
    bool absolute = strncmp(target, "http://", 7) == 0 || strncmp(target, "https://", 8) == 0;
    if (strlen(target) > HTTP_TARGET_MAX)
        return err_set(e, ERR_LIMIT, "an address of more than %d bytes", HTTP_TARGET_MAX);
    *url = curl_url_dup(http->base);
    if (!*target)
        return curl_url_set(*url, CURLUPART_URL, http->upstream->url, 0) == CURLUE_OK && curl_url_set(*url, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
               curl_url_set(*url, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK;
    struct text whole CLEANUP(text_free) = {0};
    if (!absolute) {
        text_printf(&whole, "%s%s%s", http->origin, *target == '/' ? "" : "/", target);
        return curl_url_set(*url, CURLUPART_URL, text_str(&whole), 0) == CURLUE_OK ||
               err_set(e, ERR_USAGE, "'%.200s' is not a path", target);
    }
    CURLU *given = curl_url();
    bool good = curl_url_set(given, CURLUPART_URL, target, 0) == CURLUE_OK &&
                curl_url_get(given, CURLUPART_PATH, &path, 0) == CURLUE_OK;
    curl_url_get(given, CURLUPART_QUERY, &query, 0);
    good = good && curl_url_set(*url, CURLUPART_PATH, path, 0) == CURLUE_OK &&
           curl_url_set(*url, CURLUPART_QUERY, query, 0) == CURLUE_OK;
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(given);
    return good || err_set(e, ERR_DATA, "'%.200s' is not an address", target);
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *x = NULL, *y = NULL;
    curl_url_get(a, part, &x, CURLU_DEFAULT_PORT);
    curl_url_get(b, part, &y, CURLU_DEFAULT_PORT);
    bool same = x && y && strcasecmp(x, y) == 0;
    curl_free(x);
    curl_free(y);
    return same;
}

/* Follow a redirect within the origin. */
static bool redirect(struct http *http, CURLU *url, struct err *e)
{
    char *where = NULL;
    curl_easy_getinfo(http->curl, CURLINFO_REDIRECT_URL, &where);
    if (!where)
        return err_set(e, ERR_FAILED, "a redirect that does not say where to");
    bool good = curl_url_set(url, CURLUPART_URL, where, 0) == CURLUE_OK &&
                same_part(url, http->base, CURLUPART_SCHEME) && same_part(url, http->base, CURLUPART_HOST) &&
                same_part(url, http->base, CURLUPART_PORT);
    return good ||
           err_set(e, ERR_REFUSED,
                   "a redirect to another address, %.200s: not followed, it would be shown the credentials", where);
}

/* What a failed transfer means. */
static bool transfer_error(struct http *http, CURLcode code, struct err *e)
{
    const char *why = http->complaint[0] ? http->complaint : curl_easy_strerror(code);
    if (http->stop.kind != ERR_NONE) {
        *e = http->stop;
        return false;
    }
    if (http->stalled)
        return err_set(e, ERR_TRANSIENT, "no byte in %d s", (int)(http->options.stall / SECONDS(1)));
    if (http->body.cut)
        return err_set(e, ERR_LIMIT, "the answer has more than %zu bytes", http->options.body_max);
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(e, ERR_TRANSIENT, "no complete answer in time: %s", why);
    case CURLE_PARTIAL_FILE:
        return err_set(e, ERR_TRANSIENT, "the answer was cut: %s", why);
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return err_set(e, ERR_TRANSIENT, "%s", why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(e, ERR_REFUSED, "%s", why);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return err_set(e, ERR_USAGE, "%s", why);
    default:
        return err_set(e, ERR_UNREACHABLE, "%s", why);
    }
}

static bool empty_file(struct http *http, struct err *e)
{
    http->written = 0;
    return http->file < 0 || (ftruncate(http->file, 0) == 0 && lseek(http->file, 0, SEEK_SET) == 0) ||
           err_errno(e, ERR_FAILED, errno, "the answer's file");
}

static void set_method(struct http *http)
{
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, http->sends_json ? http->json_headers : http->headers);
    curl_easy_setopt(http->curl, CURLOPT_CUSTOMREQUEST, NULL);
    if (!http->sent) {
        curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
        return;
    }
    curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(http->sent));
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, http->sent);
    if (strcmp(http->method, "POST") != 0)
        curl_easy_setopt(http->curl, CURLOPT_CUSTOMREQUEST, http->method);
}

static bool transfer(struct http *http, CURLU *url, long *status, struct err *e)
{
    usec_t left = task_time_left(http->task);
    if (left <= 0)
        return err_set(e, ERR_TIMEOUT, "no time left");
    usec_t total = left < http->options.total ? left : http->options.total;
    http->stop = (struct err){0};
    http->stalled = false;
    http->complaint[0] = '\0';
    http->moved = 0;
    http->moved_at = 0;
    http->checked_at = clock_boot();
    text_reset(&http->body);
    http->body.cut = false;
    if (!empty_file(http, e))
        return false;
    set_method(http);
    curl_easy_setopt(http->curl, CURLOPT_CURLU, url);
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, (long)(total / 1000 + 1));
    CURLcode code = curl_easy_perform(http->curl);
    if (code != CURLE_OK)
        return transfer_error(http, code, e);
    const char *type = NULL;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, status);
    curl_easy_getinfo(http->curl, CURLINFO_CONTENT_TYPE, &type);
    snprintf(http->type, sizeof http->type, "%s", type ? type : "");
    return true;
}

/* The first words of a body, for a message: the title of a page, else its beginning, in one line. */
static void excerpt(const struct text *body, char *out, size_t size)
{
    const char *from = text_str(body), *title = strcasestr(from, "<title>");
    size_t used = 0;
    from = title ? title + strlen("<title>") : from;
    for (; *from && used + 1 < size && !(title && *from == '<'); from++) {
        char c = isspace((unsigned char)*from) ? ' ' : *from;
        if (!iscntrl((unsigned char)c) && (c != ' ' || (used > 0 && out[used - 1] != ' ')))
            out[used++] = c;
    }
    out[used] = '\0';
}

/* The first character of the body that tells what it is. */
static char first_character(const struct http *http)
{
    const char *body = text_str(&http->body);
    if (strncmp(body, JS_BYTE_ORDER_MARK, strlen(JS_BYTE_ORDER_MARK)) == 0)
        body += strlen(JS_BYTE_ORDER_MARK);
    return body[strspn(body, " \t\r\n")];
}

static bool is_html(const struct http *http)
{
    return strncasecmp(http->type, "text/html", strlen("text/html")) == 0 || first_character(http) == '<';
}

/* Is an error status with JSON what the server says to what was sent? */
static bool is_answer(const struct http *http, long status)
{
    if (http->sends_json && http->options.every_status)
        return true;
    if (!http->sends_json || !http->options.answers || first_character(http) != '{')
        return false;
    for (const int *answer = http->options.answers; *answer; answer++)
        if (*answer == status)
            return true;
    return false;
}

/* Whether the status is a good one; *again: another try may bring a better one. */
static bool judge(struct http *http, long status, bool *again, struct err *e)
{
    char words[160];
    enum err_kind kind = status >= 500 ? ERR_FAILED : ERR_DATA;
    *again = false;
    if ((status >= 200 && status < 300) || is_answer(http, status))
        return true;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status) {
            kind = statuses[i].kind;
            *again = statuses[i].again;
        }
    if (http->options.too_much && strstr(text_str(&http->body), http->options.too_much)) {
        kind = ERR_LIMIT;
        *again = false;
    }
    excerpt(&http->body, words, sizeof words);
    return err_set(e, kind, "HTTP %ld%s%s", status, *words ? ": " : "", words);
}

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Wait in slices, so that a cancelled task stops. */
static bool wait_for(struct http *http, usec_t wait, struct err *e)
{
    usec_t until = clock_boot() + wait;
    for (;;) {
        usec_t left = until - clock_boot();
        if (left <= 0)
            return true;
        if (!task_check(http->task, e))
            return false;
        usec_t slice = left < MSEC(500) ? left : MSEC(500);
        nanosleep(&(struct timespec){.tv_nsec = slice * 1000 % 1000000000, .tv_sec = slice / SECONDS(1)}, NULL);
    }
}

static bool is_anonymous(const struct http *http)
{
    for (const char *const *header = http->upstream->headers; header && *header; header++)
        if (strncasecmp(*header, "Authorization:", strlen("Authorization:")) == 0)
            return false;
    return !http->upstream->user && !http->url_user && !http->upstream->key;
}

/* Wait for the turn of this request among those of all workers. */
static bool wait_turn(struct http *http, struct err *e)
{
    struct pg_rows rows;
    if (http->options.pace == 0 || !is_anonymous(http))
        return true;
    if (!task_sql_rows(http->task, &sql_pace, &rows, e, pg_text(http->origin), pg_int(http->options.pace)))
        return false;
    usec_t turn = clock_boot() + pg_get_int(&rows, 0, 0);
    return task_commit(http->task, e) && wait_for(http, turn - clock_boot(), e);
}

/* One try, redirects included. */
static bool attempt(struct http *http, const char *target, long *status, bool *again, struct err *e)
{
    CURLU *url = NULL;
    bool good = address(http, target, &url, e);
    *again = false;
    for (int hops = 0; good; hops++) {
        good = wait_turn(http, e);
        if (!good)
            break;
        good = transfer(http, url, status, e);
        *again = !good && (e->kind == ERR_UNREACHABLE || e->kind == ERR_TRANSIENT) && http->stop.kind == ERR_NONE;
        if (!good || !is_redirect(*status))
            break;
        if (hops == HTTP_REDIRECTS_MAX)
            good = err_set(e, ERR_FAILED, "more than %d redirects", HTTP_REDIRECTS_MAX);
        else
            good = redirect(http, url, e);
    }
    curl_url_cleanup(url);
    return good && judge(http, *status, again, e);
}

/* Tries ----------------------------------------------------------------------------------------------- */

/* How long to wait before try number `next`: what the server asked for, else full jitter. */
static usec_t back_off(struct http *http, int next)
{
    curl_off_t asked = 0;
    curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &asked);
    if (asked > 0)
        return SECONDS(asked) + jitter(MSEC(250));
    usec_t limit = http->options.first << (next < 20 ? next - 2 : 18);
    return jitter(limit < http->options.cap ? limit : http->options.cap);
}

/* Wait before try `next`, unless there is none: *e is why the last one failed. */
static bool may_try(struct http *http, int next, struct err *e)
{
    if (next > http->options.tries)
        return err_add(e, "after %d tries", http->options.tries);
    usec_t wait = back_off(http, next);
    if (wait > HTTP_RETRY_AFTER_MAX || wait >= task_time_left(http->task))
        return err_add(e, "asked to wait %d s, which is too long", (int)(wait / SECONDS(1)));
    struct err stopped;
    if (wait_for(http, wait, &stopped))
        return true;
    *e = stopped;
    return false;
}

static bool ask(struct http *http, const char *target,
                bool (*accept)(struct http *http, void *out, bool *again, struct err *e), void *out, struct err *e)
{
    const char *where = *target ? target : http->origin;
    for (int try = 1;; try++) {
        long status = 0;
        bool again;
        if (attempt(http, target, &status, &again, e) && accept(http, out, &again, e))
            return true;
        if (!again || !may_try(http, try + 1, e))
            return err_add(e, "%s %.*s", http->method, (int)strcspn(where, "?"), where);
    }
}

static bool accept_body(struct http *http, void *out, bool *again, struct err *e)
{
    struct http_answer *answer = out;
    (void)again, (void)e;
    *answer = (struct http_answer){.type = http->type, .body = text_str(&http->body), .len = http->body.len};
    return true;
}

bool http_get(struct http *http, const char *target, struct http_answer *answer, struct err *e)
{
    long status = 0;
    if (!ask(http, target, accept_body, answer, e))
        return false;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    return true;
}

/* From now on requests are `method` with `sent`; NULL: GET again. */
static void carry(struct http *http, const char *method, const char *sent, bool json)
{
    http->method = sent ? method : "GET";
    http->sent = sent;
    http->sends_json = sent && json;
}

bool http_send(struct http *http, const char *method, const char *target, const char *json, struct http_answer *answer,
               struct err *e)
{
    carry(http, method, json, true);
    bool good = http_get(http, target, answer, e);
    carry(http, NULL, NULL, false);
    return good;
}

static bool accept_json(struct http *http, void *out, bool *again, struct err *e)
{
    char words[120];
    struct js **json = out;
    *json = js_parse(text_str(&http->body), http->body.len, e);
    if (*json)
        return true;
    *again = e->kind == ERR_DATA;
    excerpt(&http->body, words, sizeof words);
    if (*again && is_html(http))
        return err_set(e, ERR_TRANSIENT, "HTML answered where JSON was expected: %s", words);
    if (*again && http->body.len == 0)
        return err_set(e, ERR_TRANSIENT, "an empty answer where JSON was expected");
    e->kind = *again ? ERR_TRANSIENT : e->kind;
    return err_add(e, "%zu bytes of %s", http->body.len, *http->type ? http->type : "no type");
}

struct js *http_get_json(struct http *http, const char *target, struct err *e)
{
    struct js *json = NULL;
    return ask(http, target, accept_json, &json, e) ? json : NULL;
}

/* Lists ----------------------------------------------------------------------------------------------- */

struct wanted {
    const char *path;
    struct records *records;
};

static bool is_html_file(const struct http *http, int file)
{
    char first = '\0';
    return is_html(http) || (pread(file, &first, 1, 0) == 1 && first == '<');
}

/* The records get a descriptor of their own. */
static bool accept_records(struct http *http, void *out, bool *again, struct err *e)
{
    struct wanted *wanted = out;
    int file = fcntl(http->file, F_DUPFD_CLOEXEC, 0);
    if (file < 0)
        return err_errno(e, ERR_FAILED, errno, "the answer's file");
    bool html = is_html_file(http, file);
    wanted->records = records_open(file, wanted->path, e);
    if (wanted->records)
        return true;
    *again = e->kind == ERR_DATA;
    e->kind = *again ? ERR_TRANSIENT : e->kind;
    if (html)
        return err_set(e, ERR_TRANSIENT, "HTML answered where JSON was expected");
    return err_add(e, "%zu bytes of %s", http->written, *http->type ? http->type : "no type");
}

static int open_file(struct err *e)
{
    const char *folder = getenv("TMPDIR");
    int file = open(folder && *folder ? folder : P_tmpdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0)
        err_errno(e, ERR_FAILED, errno, "no file for the answer below TMPDIR");
    return file;
}

struct records *http_post_records(struct http *http, const char *target, const char *form, const char *path,
                                  struct err *e)
{
    struct wanted wanted = {.path = path};
    http->file = open_file(e);
    if (http->file < 0)
        return NULL;
    carry(http, "POST", form, false);
    bool good = ask(http, target, accept_records, &wanted, e);
    close(http->file);
    http->file = -1;
    carry(http, NULL, NULL, false);
    return good ? wanted.records : NULL;
}

struct records *http_get_records(struct http *http, const char *target, const char *path, struct err *e)
{
    return http_post_records(http, target, NULL, path, e);
}
