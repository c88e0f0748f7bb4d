/* main: `drumbeat VERB …`. Finds the verb's row and runs it; everything else is in the verbs. */
#include "cli/help.h"
#include "cli/verb.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

static bool is_any(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* Is help asked for anywhere before a "--"? */
static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_any(argv[i], "--help", "-h"))
            return true;
    return false;
}

/* Help about what the words name: a verb, a family of verbs, or all. */
static int print_help(int argc, char **argv)
{
    CLEANUP(text_free) struct text out = {0};
    struct err e;
    int words;
    const struct verb *verb = argc > 0 ? verb_find(argc, argv, &words, &e) : NULL;
    if (verb)
        help_verb(verb, &out);
    else if (argc == 0 || is_any(argv[0], "--help", "-h"))
        help_all(&out);
    else if (!help_family(argv[0], &out))
        return verb_failed(&e);
    fputs(text_str(&out), stdout);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* Flags that every verb takes may stand before the verb: move past them. */
static int skip_global(int argc, char **argv, int at)
{
    for (const struct flag *flag = global_flag_rows; flag->name; flag++) {
        size_t length = strlen(flag->name);
        if (flag->type != FLAG_SWITCH && strncmp(argv[at], "--", 2) == 0 && strncmp(argv[at] + 2, flag->name, length) == 0) {
            if (argv[at][2 + length] == '=')
                return at + 1;
            if (argv[at][2 + length] == '\0' && at + 1 < argc)
                return at + 2;
        }
    }
    return at;
}

/* What could not be written, to a full disk for instance, was not done. */
static int written(int status)
{
    struct err e;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    err_errno(&e, ERR_FAILED, errno, "standard output");
    return verb_failed(&e);
}

/* Put `name` and what follows the verb in front of the flags that stood before it, for flags_read(). */
static int dispatch(const struct verb *verb, int argc, char **argv, int at, int words)
{
    int before = at - 1, after = argc - at - words;
    char **line = mem_zero((size_t)(before + after) + 2, sizeof *line);
    line[0] = mem_strdup(verb->name);
    memcpy(line + 1, argv + 1, (size_t)before * sizeof *line);
    memcpy(line + 1 + before, argv + at + words, (size_t)after * sizeof *line);
    static char **kept; /* values stay in use until the process ends */
    kept = line;
    return written(verb->run(1 + before + after, kept));
}

/* The index of the first word that is not such a flag. */
static int first_word(int argc, char **argv)
{
    int at = 1, skipped;
    while (at < argc && (skipped = skip_global(argc, argv, at)) > at)
        at = skipped;
    return at;
}

/* glibc raises the size from which a block goes back to the system at once to that of the largest that was freed: after one large message or answer
 * the heap would keep as much for good. A size that is set stays. */
static void give_back_large_blocks(void)
{
    enum { LARGE_BLOCK = 1 << 20 };
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    mallopt(M_TRIM_THRESHOLD, 2 * LARGE_BLOCK);
}

int main(int argc, char **argv)
{
    struct err e;
    give_back_large_blocks();
    int words, at = first_word(argc, argv);
    if (at < argc && strcmp(argv[at], "help") == 0)
        return print_help(argc - at - 1, argv + at + 1);
    if (at < argc && wants_help(argc - at, argv + at))
        return print_help(argc - at, argv + at);
    if (at == argc) {
        print_help(0, NULL);
        return EXIT_USAGE;
    }
    if (strcmp(argv[at], "--version") == 0)
        argv[at] += 2;
    const struct verb *verb = verb_find(argc - at, argv + at, &words, &e);
    return verb ? dispatch(verb, argc, argv, at, words) : verb_failed(&e);
}
