/* beside: see beside.h. */
#include "tests/storm/beside.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARTS_MAX = 16 };

void beside(size_t count, void (*run)(size_t number))
{
    pid_t parts[PARTS_MAX];
    bool good = count <= PARTS_MAX;
    for (size_t i = 0; i < count && good; i++) {
        parts[i] = check_fork();
        if (parts[i] == 0) {
            run(i);
            _exit(0);
        }
    }
    for (size_t i = 0; i < count && good; i++) {
        int status;
        waitpid(parts[i], &status, 0);
        good = status == 0;
    }
    if (!good)
        exit(EXIT_FAILURE); /* Check ends the others: they are of its process group */
}
