/* Any bytes around a password in the address of a database or a service: what is shown does not have it. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where it stands decides whether it is one: these are the places the documentation of libpq and RFC 3986 give it. */
static const char *const frames[] = {"postgresql://user:%s@host/name?", "redis://:%s@host:6379/", "host=h password=%s ", "https://u:%s@h/p?",
                                     "postgresql:///name?password=%s&", "https://h/?api_key=%s&"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char secret[] = "hunter2hunter2";
    struct text address CLEANUP(text_free) = {0}, shown CLEANUP(text_free) = {0}, tail CLEANUP(text_free) = {0};
    if (size < 1)
        return 0;
    const char *frame = frames[data[0] % (sizeof frames / sizeof *frames)], *hole = strstr(frame, "%s");
    text_add(&tail, data + 1, size - 1);
    if (strstr(text_str(&tail), secret))
        return 0;
    text_add(&address, frame, (size_t)(hole - frame));
    text_puts(&address, secret);
    text_puts(&address, hole + 2);
    text_puts(&address, text_str(&tail));
    config_mask(text_str(&address), &shown);
    if (strstr(text_str(&shown), secret))
        abort();
    return 0;
}
