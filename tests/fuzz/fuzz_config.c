/* Any bytes as a configuration file: it is loaded and printed, or refused with a message that names its place. */
#include "config/load.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct text out CLEANUP(text_free) = {0};
    struct config *config CLEANUP(config_freep) = config_load_text((const char *)data, size, "fuzz.yaml", &e);
    if (config) {
        config_print(config, false, &out);
        config_print(config, true, &out);
        if (out.len == 0)
            abort();
    } else if (e.kind != ERR_USAGE || strncmp(e.text, "fuzz.yaml:", strlen("fuzz.yaml:")) != 0) {
        abort();
    }
    return 0;
}
