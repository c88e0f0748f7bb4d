#pragma once
/* Parts of a test that mostly wait, beside each other: a process each. */
#include <stddef.h>

/* Run run(0) … run(count - 1), each in a fork of this test, and wait for all. When one fails the test fails with its message, which
 * Check reads from all processes of a test. Each opens connections and databases of its own. */
void beside(size_t count, void (*run)(size_t number));
