#pragma once
/* Made-up names. Each is decided by the hash alone; nothing in them exists anywhere. */
#include <stddef.h>
#include <stdint.h>

enum { NAME_MAX_LENGTH = 96, TITLE_MAX_LENGTH = 320 };

void name_place(uint64_t hash, char *out, size_t room);
void name_first(uint64_t hash, char *out, size_t room);
void name_last(uint64_t hash, char *out, size_t room);
void name_organisation(uint64_t hash, char *out, size_t room);
void name_ministry(uint64_t hash, const char *place, char *out, size_t room);

/* The capitals of a name: "Tamoru Relief Network" gives "TRN". */
void name_initials(const char *name, char *out, size_t room);

const char *name_role(uint64_t hash);
const char *name_section(size_t index); /* NAME_SECTIONS of them */
enum { NAME_SECTIONS = 8 };

void title_document(uint64_t hash, const char *place, char *out, size_t room);
void title_output(uint64_t hash, int number, char *out, size_t room);
void title_indicator(uint64_t hash, int percentage, char *out, size_t room);
const char *title_cp_output(uint64_t hash);
const char *text_verification(uint64_t hash);
