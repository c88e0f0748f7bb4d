/* records: two walks over the file. The first checks that it is one complete text, counts, and finds where the list
 * begins; the second takes the list apart. Both see the bytes through read_byte(), which also undoes the string around a
 * text that came as one. */
#include "common/task/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_SIZE = 64 << 10, NAME_MAX_BYTES = 256, RECORD_KEPT_MAX = 256 << 10, END = -1 };

enum list { LIST_NONE, LIST_ARRAY, LIST_SINGLE };

struct records {
    int fd;
    const char *path;
    unsigned char buffer[BUFFER_SIZE];
    size_t at, len;
    int64_t read;  /* bytes of the file before the buffer's end */
    bool quoted;   /* inside a string that holds the text */
    bool closed;   /* that string has ended */
    int unread;    /* a byte that was put back, or END */
    unsigned char pending[4]; /* bytes of an escaped character that are still to come, the last one first */
    int pending_count;

    enum list list;
    int64_t list_at; /* in the file: behind "[", or the "{" of a single one */
    int64_t count, index;
    struct text rest; /* an object of the other top members */
    struct js *beside;
    struct text text; /* of the record */
    const char *lift; /* the member that comes as a text; NULL: none */
    char *lifted;     /* that of the record; NULL: none */
    struct js *json;
    bool ended, failed;
    struct err error;
};

/* Bytes ----------------------------------------------------------------------------------------------- */

static int raw_byte(struct records *r)
{
    if (r->at == r->len) {
        ssize_t got;
        do
            got = pread(r->fd, r->buffer, sizeof r->buffer, r->read);
        while (got < 0 && errno == EINTR);
        if (got < 0 && !r->failed)
            r->failed = !err_errno(&r->error, ERR_FAILED, errno, "the answer's file");
        if (got <= 0)
            return END;
        r->at = 0;
        r->len = (size_t)got;
        r->read += got;
    }
    return r->buffer[r->at++];
}

static int hex_digit(int c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Of "\uXXXX", the four digits; END when they are none. */
static int unicode(struct records *r)
{
    int code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(raw_byte(r));
        if (digit < 0)
            return END;
        code = code << 4 | digit;
    }
    return code;
}

/* The first byte of the character as UTF-8; the others wait in `pending`. Surrogates come in pairs. */
static int escaped_character(struct records *r)
{
    int64_t code = unicode(r);
    if (code >= 0xD800 && code < 0xDC00 && raw_byte(r) == '\\' && raw_byte(r) == 'u')
        code = 0x10000 + ((code - 0xD800) << 10) + ((unicode(r) - 0xDC00) & 0x3FF);
    if (code < 0)
        return END;
    if (code < 0x80)
        return (int)code;
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (int i = 0; i < more; i++)
        r->pending[i] = (unsigned char)(0x80 | ((code >> (6 * i)) & 0x3F));
    r->pending_count = more;
    return (int)((0xFF00 >> (more + 1) & 0xFF) | code >> (6 * more));
}

static int unescape(struct records *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = raw_byte(r);
    const char *known = c > 0 ? strchr(from, c) : NULL;
    return c == 'u' ? escaped_character(r) : known ? to[known - from] : END;
}

static int read_byte(struct records *r)
{
    int c = r->unread;
    if (c != END) {
        r->unread = END;
        return c;
    }
    if (r->pending_count > 0)
        return r->pending[--r->pending_count];
    if (r->closed)
        return END;
    c = raw_byte(r);
    if (!r->quoted || (c != '"' && c != '\\'))
        return c;
    if (c == '\\')
        return unescape(r);
    r->closed = true;
    return END;
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int read_token(struct records *r)
{
    int c = read_byte(r);
    while (is_blank(c))
        c = read_byte(r);
    return c;
}

static int64_t place_in_file(const struct records *r)
{
    return r->read - (int64_t)(r->len - r->at);
}

static void go_to(struct records *r, int64_t place)
{
    r->at = r->len = 0;
    r->read = place;
    r->unread = END;
    r->pending_count = 0;
    r->closed = false;
}

/* Values ---------------------------------------------------------------------------------------------- */

static bool incomplete(struct records *r)
{
    return err_set(&r->error, ERR_DATA, "not one complete JSON text: it is wrong or ends near byte %lld",
                   (long long)place_in_file(r));
}

static void keep(struct text *out, int c)
{
    if (out)
        text_putc(out, (char)c);
}

/* What of a string can be taken at once: all that is neither a quote nor a backslash. */
static void skip_plain(struct records *r, struct text *out)
{
    size_t from = r->at;
    if (r->quoted || r->unread != END)
        return;
    while (r->at < r->len && r->buffer[r->at] != '"' && r->buffer[r->at] != '\\')
        r->at++;
    if (out)
        text_add(out, r->buffer + from, r->at - from);
}

/* Behind the opening quote, up to and with the closing one. */
static bool skip_string(struct records *r, struct text *out)
{
    skip_plain(r, out);
    for (int c = read_byte(r); c != END; c = read_byte(r)) {
        keep(out, c);
        if (c == '"')
            return true;
        if (c == '\\') {
            c = read_byte(r);
            if (c == END)
                break;
            keep(out, c);
        }
        skip_plain(r, out);
    }
    return incomplete(r);
}

/* A value whose first byte is `c`: its brackets and strings are checked, what it holds is for the parser. */
static bool skip_value(struct records *r, int c, struct text *out)
{
    char open[RECORDS_DEPTH_MAX];
    int depth = 0;
    if (c == END)
        return incomplete(r);
    for (; c != END; c = read_byte(r)) {
        bool closes = c == '}' || c == ']';
        if (depth == 0 && (c == ',' || closes)) {
            r->unread = c; /* behind a number or a word */
            return true;
        }
        keep(out, c);
        if (c == '"' && !skip_string(r, out))
            return false;
        if (c == '{' || c == '[') {
            if (depth == RECORDS_DEPTH_MAX)
                return err_set(&r->error, ERR_LIMIT, "JSON of more than %d levels", RECORDS_DEPTH_MAX);
            open[depth++] = (char)(c + 2); /* the bracket that closes it, in ASCII */
        }
        if (closes && open[--depth] != c)
            return incomplete(r);
        if (depth == 0 && (closes || c == '"'))
            return true;
    }
    return depth == 0 || incomplete(r);
}

/* Call `member` for each; it reads the value. Behind the "{". */
static bool each_member(struct records *r, bool (*member)(struct records *r, const char *name, void *data), void *data)
{
    struct text name CLEANUP(text_free) = {.max = NAME_MAX_BYTES};
    int c = read_token(r);
    for (; c == '"'; c = read_token(r)) {
        text_reset(&name);
        if (!skip_string(r, &name) || read_token(r) != ':')
            return incomplete(r);
        name.data[--name.len] = '\0'; /* the quote */
        if (!member(r, text_str(&name), data))
            return false;
        c = read_token(r);
        if (c != ',')
            break;
    }
    return c == '}' || incomplete(r);
}

static bool count_elements(struct records *r)
{
    if (r->list != LIST_NONE)
        return err_set(&r->error, ERR_DATA, "'%s' comes twice", r->path);
    r->list = LIST_ARRAY;
    r->list_at = place_in_file(r);
    int c = read_token(r);
    if (c == ']')
        return true;
    for (;; c = read_token(r)) {
        if (c == ',' || c == ']')
            return incomplete(r);
        if (!skip_value(r, c, NULL))
            return false;
        r->count++;
        c = read_token(r);
        if (c != ',')
            return c == ']' || incomplete(r);
    }
}

static bool any_member(struct records *r, const char *name, void *data)
{
    (void)name;
    *(bool *)data = true;
    return skip_value(r, read_token(r), NULL);
}

/* One object where a list could be: itself, unless it is empty. */
static bool count_single(struct records *r)
{
    bool any = false;
    int64_t at = place_in_file(r) - 1;
    if (!each_member(r, any_member, &any))
        return false;
    if (any && r->list == LIST_NONE) {
        r->list = LIST_SINGLE;
        r->list_at = at;
        r->count = 1;
    }
    return true;
}

static bool find_list(struct records *r, const char *path, bool top);

struct step {
    const char *path;
    bool top;
};

static bool look_at_member(struct records *r, const char *name, void *data)
{
    const struct step *step = data;
    size_t length = strcspn(step->path, ".");
    if (strlen(name) == length && strncmp(name, step->path, length) == 0)
        return find_list(r, step->path + length + (step->path[length] == '.'), false);
    if (!step->top)
        return skip_value(r, read_token(r), NULL);
    text_printf(&r->rest, "%s\"%s\":", r->rest.len > 1 ? "," : "", name);
    return skip_value(r, read_token(r), &r->rest);
}

/* The value at the rest of the path. */
static bool find_list(struct records *r, const char *path, bool top)
{
    struct step step = {path, top};
    int c = read_token(r);
    if (c == '[' && (top || !*path))
        return count_elements(r);
    if (c == '{')
        return *path ? each_member(r, look_at_member, &step) : count_single(r);
    struct text other CLEANUP(text_free) = {.max = NAME_MAX_BYTES};
    if (!skip_value(r, c, &other))
        return false;
    bool nothing = strncmp(text_str(&other), "null", strlen("null")) == 0 || strcmp(text_str(&other), "\"\"") == 0;
    return nothing || err_set(&r->error, ERR_DATA, "%.60s where a list of records was expected", text_str(&other));
}

/* Opening --------------------------------------------------------------------------------------------- */

/* Words instead of data. */
static bool is_nothing(struct records *r)
{
    static const char nothing[] = "No Data Available";
    struct text words CLEANUP(text_free) = {.max = NAME_MAX_BYTES};
    for (int c = read_byte(r); c != END; c = read_byte(r))
        text_putc(&words, (char)c);
    return r->closed && (words.len == 0 || strcmp(text_str(&words), nothing) == 0);
}

/* A text in a string begins behind the quote. */
static bool enter_string(struct records *r, bool *nothing)
{
    int64_t start = place_in_file(r);
    r->quoted = true;
    int c = read_token(r);
    *nothing = false;
    go_to(r, start);
    if (c == '{' || c == '[')
        return true;
    *nothing = is_nothing(r);
    return *nothing || err_set(&r->error, ERR_DATA, "words where a list of records was expected");
}

/* The first byte of the text, behind a byte order mark if there is one. */
static int read_first(struct records *r)
{
    static const char mark[] = JS_BYTE_ORDER_MARK;
    int length = 0;
    go_to(r, 0);
    while (mark[length] && raw_byte(r) == (unsigned char)mark[length])
        length++;
    if (mark[length])
        go_to(r, 0);
    return read_token(r);
}

static bool look_through(struct records *r)
{
    bool nothing = false;
    int c = read_first(r);
    if (c == '"' && !enter_string(r, &nothing))
        return false;
    if (c != '"')
        r->unread = c;
    text_putc(&r->rest, '{');
    if (!nothing && !find_list(r, r->path, true))
        return false;
    bool whole = nothing || (read_token(r) == END && r->quoted == r->closed);
    text_putc(&r->rest, '}');
    return (whole && !r->failed) || (r->failed ? false : incomplete(r));
}

static void parse_rest(struct records *r)
{
    struct err ignored;
    if (!r->rest.cut)
        r->beside = js_parse(text_str(&r->rest), r->rest.len, &ignored);
    text_free(&r->rest);
}

struct records *records_open(int fd, const char *path, struct err *e)
{
    struct records *r = mem_zero(1, sizeof *r);
    r->fd = fd;
    r->path = path;
    r->rest.max = RECORDS_REST_MAX;
    r->text.max = RECORDS_RECORD_MAX;
    if (!look_through(r)) {
        *e = r->error;
        records_free(r);
        return NULL;
    }
    go_to(r, r->list_at);
    parse_rest(r);
    r->ended = r->count == 0;
    return r;
}

struct records *records_again(const struct records *r, const char *path, struct err *e)
{
    int fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0)
        return records_open(fd, path, e);
    err_errno(e, ERR_FAILED, errno, "the answer's file");
    return NULL;
}

void records_free(struct records *r)
{
    if (!r)
        return;
    close(r->fd);
    text_free(&r->rest);
    text_free(&r->text);
    free(r->lifted);
    js_free(r->beside);
    js_free(r->json);
    free(r);
}

void records_freep(struct records **records)
{
    records_free(*records);
}

int64_t records_count(const struct records *r)
{
    return r->count;
}

const struct js *records_beside(const struct records *r, const char *name)
{
    return js_get(r->beside, name);
}

/* Reading --------------------------------------------------------------------------------------------- */

/* "u0026" without its backslash becomes "&"; with it, it stays for the parser. */
static void mend_ampersands(struct text *t)
{
    static const char mangled[] = "u0026";
    const size_t width = sizeof mangled - 1;
    char *from = t->data, *to = t->data, *found;
    while ((found = strstr(from, mangled))) {
        bool escape = found > t->data && found[-1] == '\\';
        size_t length = (size_t)(found - from) + (escape ? width : 0);
        memmove(to, from, length);
        to += length;
        if (!escape)
            *to++ = '&';
        from = found + width;
    }
    size_t rest = strlen(from);
    memmove(to, from, rest + 1);
    t->len = (size_t)(to - t->data) + rest;
}

/* Behind the value that begins at `at`; NULL: it has no end. Its brackets were counted before. */
static char *value_end(char *at)
{
    int depth = 0;
    for (bool quoted = false; *at; at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && (*at == '{' || *at == '['))
            depth++;
        else if (!quoted && (*at == '}' || *at == ']') && --depth <= 0)
            return depth < 0 ? at : at + 1;
        else if (!quoted && depth == 0 && *at == ',')
            return at;
    }
    return NULL;
}

/* The value of the member that is to be lifted; NULL: there is none. Whether the record is what it should be is for the parser. */
static char *find_member(char *record, const char *name)
{
    size_t length = strlen(name);
    for (char *at = record + 1, *end; at; at = *end == ',' ? end + 1 : NULL) {
        at += strspn(at, " \t\r\n");
        char *value = *at == '"' ? strchr(at + 1, '"') : NULL;
        if (!value)
            return NULL;
        bool is = (size_t)(value - at - 1) == length && memcmp(at + 1, name, length) == 0;
        value += 1 + strspn(value + 1, " \t\r\n");
        if (*value != ':' || !(end = value_end(value + 1)))
            return NULL;
        if (is)
            return value + 1 + strspn(value + 1, " \t\r\n");
        end += strspn(end, " \t\r\n");
    }
    return NULL;
}

/* Behind a string with JSON in it, of nothing but ASCII and the escapes that this needs; NULL: it is another, for the parser. */
static char *plain_string_end(char *at)
{
    for (at++; *at != '"'; at++) {
        bool escape = *at == '\\' && at[1] && strchr("\"\\/", at[1]);
        if (*at < ' ' || *at == 0x7F || (*at == '\\' && !escape))
            return NULL;
        at += escape;
    }
    return at + 1;
}

/* Without its quotes and backslashes. */
static void unquote(char *s)
{
    char *to = s;
    for (const char *at = s + 1; at[1]; at++) {
        at += *at == '\\';
        *to++ = *at;
    }
    *to = '\0';
}

static void lift(struct records *r, struct record *record)
{
    static const char instead[] = "null";
    char *value = r->text.len > 0 && *r->text.data == '{' ? find_member(r->text.data, r->lift) : NULL;
    bool quoted = value && *value == '"' && (value[1] == '{' || value[1] == '[');
    char *end = quoted ? plain_string_end(value) : value && (*value == '{' || *value == '[') ? value_end(value) : NULL;
    if (!end || (size_t)(end - value) < strlen(instead))
        return;
    struct text rest = {0};
    r->lifted = mem_alloc((size_t)(end - value) + 1);
    memcpy(r->lifted, value, (size_t)(end - value));
    r->lifted[end - value] = '\0';
    if (quoted)
        unquote(r->lifted);
    text_add(&rest, r->text.data, (size_t)(value - r->text.data));
    text_puts(&rest, instead);
    text_puts(&rest, end);
    rest.max = r->text.max;
    text_free(&r->text);
    r->text = rest;
    record->lifted = r->lifted;
}

static void parse(struct records *r, struct record *record)
{
    js_free(r->json);
    r->json = NULL;
    free(r->lifted);
    r->lifted = NULL;
    if (r->text.cut) {
        err_set(&record->why, ERR_LIMIT, "a record of more than %d bytes", RECORDS_RECORD_MAX);
        return;
    }
    if (r->quoted)
        mend_ampersands(&r->text);
    if (r->lift)
        lift(r, record);
    r->json = js_parse(text_str(&r->text), r->text.len, &record->why);
    record->json = r->json;
    if (r->text.room > RECORD_KEPT_MAX) { /* the tree has its own copy: what is large is not held twice */
        size_t max = r->text.max;
        text_free(&r->text);
        r->text.max = max;
    }
}

void records_lift(struct records *r, const char *name)
{
    r->lift = name;
}

bool records_next(struct records *r, struct record *record)
{
    if (r->ended || r->failed)
        return false;
    text_reset(&r->text);
    r->text.cut = false;
    if (!skip_value(r, read_token(r), &r->text)) {
        r->failed = true;
        return false;
    }
    *record = (struct record){.index = r->index++, .bytes = r->text.len};
    r->ended = r->list == LIST_SINGLE || read_token(r) != ',';
    parse(r, record);
    return true;
}

bool records_end(struct records *r, struct err *e)
{
    if (r->failed)
        *e = r->error;
    return !r->failed;
}
