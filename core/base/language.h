/* language.h - the languages in which the server writes to people. Each text that they read stands
 * in all of them, in a table of LANGUAGES rows. */
#ifndef CORE_BASE_LANGUAGE_H
#define CORE_BASE_LANGUAGE_H

#include <facteur/plugin.h>

enum language { LANGUAGE_ENGLISH, LANGUAGE_FRENCH, LANGUAGES };

extern const char *const language_tag[LANGUAGES];

/* Is a tag ("fr", "fr-CA", RFC 5646) of one of them? false: *out is English. */
bool language_find(struct fct_str tag, enum language *out);
/* The first of ours in a list with spaces or commas between; false: none, *out is English. */
bool language_find_first(struct fct_str tags, enum language *out);
/* The same, else English. */
enum language language_choose(struct fct_str tags);

#endif
