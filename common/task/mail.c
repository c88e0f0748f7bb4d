/* mail: one letter is a libcurl transfer that uploads a message (RFC 5322). */
#include "common/task/mail.h"

#include "common/base/base64.h"
#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAIL_TOTAL SECONDS(60)

struct mail {
    struct task *task;
    const struct upstream *upstream;
    CURL *curl;
    char complaint[CURL_ERROR_SIZE];
    struct text message;
    size_t sent; /* of it */
    usec_t checked_at;
    struct err stop; /* why a callback ended it */
};

/* Callbacks ------------------------------------------------------------------------------------------- */

static size_t on_read(char *buffer, size_t size, size_t count, void *data)
{
    struct mail *mail = data;
    size_t left = mail->message.len - mail->sent, room = size * count, length = left < room ? left : room;
    memcpy(buffer, text_str(&mail->message) + mail->sent, length);
    mail->sent += length;
    return length;
}

static int on_progress(void *data, curl_off_t expected, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
    struct mail *mail = data;
    (void)expected, (void)got, (void)to_send, (void)sent;
    if (clock_boot() - mail->checked_at < SECONDS(1))
        return 0;
    mail->checked_at = clock_boot();
    return !task_check(mail->task, &mail->stop);
}

/* Opening --------------------------------------------------------------------------------------------- */

static bool is_this_machine(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + strlen("://") : url;
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", 9) == 0 || strncmp(host, "[::1]", 5) == 0;
}

static void set_up(struct mail *mail)
{
    const struct upstream *up = mail->upstream;
    CURL *curl = mail->curl;
    bool secret = up->user && !is_this_machine(up->url);
    curl_easy_setopt(curl, CURLOPT_URL, up->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(secret || up->ca ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, mail->complaint);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, mail);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, mail);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (up->user) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, up->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, up->password ? up->password : "");
    }
    if (up->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, up->ca);
}

struct mail *mail_open(struct task *task, const char *name, struct err *e)
{
    const struct upstream *upstream = task_upstream(task, name, e);
    if (!upstream)
        return NULL;
    if (strncmp(upstream->url, "smtp://", 7) != 0 && strncmp(upstream->url, "smtps://", 8) != 0) {
        err_set(e, ERR_USAGE, "upstream '%s': its URL is neither smtp nor smtps", name);
        return NULL;
    }
    struct mail *mail = mem_zero(1, sizeof *mail);
    mail->task = task;
    mail->upstream = upstream;
    mail->message.max = MAIL_TEXT_MAX;
    mail->curl = curl_easy_init();
    if (mail->curl) {
        set_up(mail);
        return mail;
    }
    err_set(e, ERR_FAILED, "libcurl cannot start");
    mail_close(mail);
    return NULL;
}

void mail_close(struct mail *mail)
{
    if (!mail)
        return;
    curl_easy_cleanup(mail->curl);
    text_free(&mail->message);
    free(mail);
}

void mail_closep(struct mail **mail)
{
    mail_close(*mail);
}

/* The message ----------------------------------------------------------------------------------------- */

/* Something before and something behind one @, nothing that could end a line or begin another command. */
static bool is_address(const char *address)
{
    const char *at = strchr(address, '@');
    if (!at || at == address || !at[1] || strchr(at + 1, '@') || strlen(address) > MAIL_ADDRESS_MAX)
        return false;
    for (; *address; address++)
        if (!isgraph((unsigned char)*address) || strchr("<>()[]\\,;:\"", *address))
            return false;
    return true;
}

static bool is_plain(const char *s)
{
    for (; *s; s++)
        if (!isascii((unsigned char)*s) || iscntrl((unsigned char)*s))
            return false;
    return true;
}

/* As it is, or in encoded words (RFC 2047) of whole characters; what controls a line becomes a blank. */
static void add_subject(struct text *out, const char *subject)
{
    enum { WORD_BYTES = 42 };
    struct text clean CLEANUP(text_free) = {.max = 900};
    for (; *subject; subject++)
        text_putc(&clean, iscntrl((unsigned char)*subject) ? ' ' : *subject);
    const char *from = text_str(&clean);
    text_puts(out, "Subject: ");
    if (is_plain(from))
        text_puts(out, from);
    for (bool first = true; !is_plain(from) || (!first && *from); first = false) {
        size_t length = strlen(from) < WORD_BYTES ? strlen(from) : WORD_BYTES;
        while (length < strlen(from) && ((unsigned char)from[length] & 0xC0) == 0x80)
            length--;
        text_puts(out, first ? "=?utf-8?B?" : "\r\n =?utf-8?B?");
        base64_write(out, from, length);
        text_puts(out, "?=");
        from += length;
    }
    text_puts(out, "\r\n");
}

static void add_date(struct text *out)
{
    char date[64];
    time_t now = (time_t)(clock_now() / SECONDS(1));
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &utc);
    text_printf(out, "Date: %s\r\n", date);
}

/* Lines end in CR LF. */
static void add_lines(struct text *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            text_putc(out, '\r');
        if (*text != '\r')
            text_putc(out, *text);
    }
    text_puts(out, "\r\n");
}

static bool write_message(struct mail *mail, const struct letter *letter, struct err *e)
{
    struct text *out = &mail->message;
    if (!is_address(letter->to) || !is_address(letter->from))
        return err_set(e, ERR_DATA, "'%.100s' is not an address for mail", is_address(letter->to) ? letter->from : letter->to);
    text_reset(out);
    out->cut = false;
    text_printf(out, "From: <%s>\r\nTo: <%s>\r\n", letter->from, letter->to);
    add_subject(out, letter->subject);
    add_date(out);
    text_printf(out, "Message-ID: <%s@%s>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n", letter->id,
                strchr(letter->from, '@') + 1);
    text_printf(out, "Content-Transfer-Encoding: %s\r\nAuto-Submitted: auto-generated\r\n\r\n", is_plain(letter->text) ? "7bit" : "8bit");
    add_lines(out, letter->text);
    return !out->cut || err_set(e, ERR_DATA, "a mail of more than %d bytes", MAIL_TEXT_MAX);
}

/* Sending --------------------------------------------------------------------------------------------- */

/* What a failed transfer means: the server's own code says more than libcurl's. */
static bool refusal(const struct mail *mail, CURLcode code, struct err *e)
{
    long status = 0;
    const char *why = mail->complaint[0] ? mail->complaint : curl_easy_strerror(code);
    curl_easy_getinfo(mail->curl, CURLINFO_RESPONSE_CODE, &status);
    if (mail->stop.kind != ERR_NONE) {
        *e = mail->stop;
        return false;
    }
    switch ((int)code) {
    case CURLE_LOGIN_DENIED:
    case CURLE_USE_SSL_FAILED:
    case CURLE_PEER_FAILED_VERIFICATION:
        return err_set(e, ERR_REFUSED, "%s", why);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(e, ERR_UNREACHABLE, "%s", why);
    default:
        return err_set(e, status >= 500 && status < 600 ? ERR_DATA : ERR_TRANSIENT, "%s", why);
    }
}

bool mail_send(struct mail *mail, const struct letter *letter, struct err *e)
{
    usec_t left = task_time_left(mail->task);
    if (!write_message(mail, letter, e))
        return false;
    if (left <= 0)
        return err_set(e, ERR_TIMEOUT, "no time left");
    struct curl_slist *recipients = curl_slist_append(NULL, letter->to);
    mail->sent = 0;
    mail->complaint[0] = '\0';
    mail->stop = (struct err){0};
    mail->checked_at = clock_boot();
    curl_easy_setopt(mail->curl, CURLOPT_MAIL_FROM, letter->from);
    curl_easy_setopt(mail->curl, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(mail->curl, CURLOPT_TIMEOUT_MS, (long)((left < MAIL_TOTAL ? left : MAIL_TOTAL) / 1000 + 1));
    CURLcode code = curl_easy_perform(mail->curl);
    curl_slist_free_all(recipients);
    return code == CURLE_OK || refusal(mail, code, e) || err_add(e, "mail to %s", letter->to);
}
