/* confirm: a question with no as its default. */
#include "cli/confirm.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool confirm(bool yes, const char *question, const char *refusal, struct err *e)
{
    char answer[16] = "";
    if (yes)
        return true;
    if (!isatty(STDIN_FILENO))
        return err_set(e, ERR_REFUSED, "%s (say --yes)", refusal);
    printf("%s [y/N] ", question);
    fflush(stdout);
    yes = fgets(answer, sizeof answer, stdin) && (strcasecmp(answer, "y\n") == 0 || strcasecmp(answer, "yes\n") == 0);
    return yes || err_set(e, ERR_REFUSED, "not confirmed: nothing was changed");
}
