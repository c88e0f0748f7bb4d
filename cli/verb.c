/* verb: finding a verb by its words, and telling how one failed. */
#include "cli/verb.h"
#include "cli/near.h"
#include "cli/rows.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What to do about an error whose text does not say it. */
static const char *const hints[ERR_KINDS] = {
    [ERR_UNREACHABLE] = " (is the server up and the address right? drumbeat doctor tells)",
    [ERR_UNCERTAIN] = " (the connection broke before the answer came: look before you repeat it)",
};

int verb_failed(const struct err *e)
{
    const char *hint = hints[e->kind] && !strchr(e->text, '(') ? hints[e->kind] : "";
    CLEANUP(text_free) struct text line = {0};
    text_add_line(&line, e->text); /* what a server says may span lines */
    fflush(stdout);
    fprintf(stderr, "drumbeat: %s%s\n", text_str(&line), hint);
    int status = err_exit_status(e->kind);
    return status == EXIT_DONE ? EXIT_FAILED : status; /* whatever nobody told, it failed */
}

int verb_misused(struct err *e)
{
    if (e->kind == ERR_DATA)
        e->kind = ERR_USAGE;
    return verb_failed(e);
}

/* Does `name` ("task show") begin with the words given? Answers how many words it has, 0: no. */
static int words_of(const char *name, int argc, char **argv)
{
    size_t first = strcspn(name, " ");
    if (argc < 1 || strlen(argv[0]) != first || strncmp(name, argv[0], first) != 0)
        return 0;
    if (!name[first])
        return 1;
    return argc > 1 && strcmp(name + first + 1, argv[1]) == 0 ? 2 : 0;
}

static bool is_family(const char *word)
{
    size_t length = strlen(word);
    for (const struct verb *verb, *const *next = verbs; (verb = *next); next++)
        if (strncmp(verb->name, word, length) == 0 && verb->name[length] == ' ')
            return true;
    return false;
}

const struct verb *verb_find(int argc, char **argv, int *words, struct err *e)
{
    for (const struct verb *verb, *const *next = verbs; (verb = *next); next++)
        if ((*words = words_of(verb->name, argc, argv)) > 0)
            return verb;
    bool family = argc > 0 && is_family(argv[0]);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s%s%s", argv[0], family && argc > 1 ? " " : "", family && argc > 1 ? argv[1] : "");
    struct near near = {.wanted = wanted};
    for (const struct verb *verb, *const *next = verbs; (verb = *next); next++)
        if (!verb->hidden)
            near_consider(&near, verb->name);
    if (family && argc == 1)
        err_set(e, ERR_USAGE, "%s: which verb? (drumbeat %s --help lists them)", wanted, wanted);
    else if (near.best)
        err_set(e, ERR_USAGE, "unknown verb '%s' (did you mean '%s'?)", wanted, near.best);
    else
        err_set(e, ERR_USAGE, "unknown verb '%s' (drumbeat --help lists them)", wanted);
    return NULL;
}
