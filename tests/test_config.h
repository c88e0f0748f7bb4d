#pragma once
/* What the two files of the configuration's test share. */
#include <check.h>

/* A list of the configuration, written "a|b|". */
void ck_assert_list(const char *const *list, const char *joined);

/* Where values come from: file, environment, flags, secrets, printing. */
TCase *sources_tests(void);
