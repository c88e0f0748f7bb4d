/* Any bytes as a method and a path, and as an address to listen at: an answer from the table, or a problem that is JSON. */
#include "common/base/json.h"
#include "web/routes.h"
#include "web/server.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct web web = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct text method CLEANUP(text_free) = {0}, path CLEANUP(text_free) = {0};
    struct answer answer;
    struct err e = {0};
    const uint8_t *blank = memchr(data, ' ', size);
    size_t len = blank ? (size_t)(blank - data) : size;
    text_add(&method, data, len);
    text_add(&path, data + len, size - len);
    routes_answer(&web, text_str(&method), text_str(&path) + (blank != NULL), &answer);
    if (answer.status < 200 || answer.status > 599 || !answer.type)
        abort();
    if (strstr(answer.type, "json")) {
        struct js *body CLEANUP(js_freep) = js_parse(text_str(&answer.body), answer.body.len, &e);
        if (!body)
            abort();
    }
    text_free(&answer.body);
    if (!server_check(text_str(&method), &e) && (e.kind != ERR_USAGE || !*e.text))
        abort();
    return 0;
}
