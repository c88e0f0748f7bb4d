/* default: config/drumbeat.yaml in the program itself, so that it runs without any file. */
#include "config/config.h"

__asm__(".pushsection .rodata\n"
        ".local config_default_begin\n"
        "config_default_begin:\n"
        ".incbin \"config/drumbeat.yaml\"\n"
        ".byte 0\n"
        ".popsection\n");

extern const char config_default_begin[];

const char *config_default_text(void)
{
    return config_default_begin;
}
