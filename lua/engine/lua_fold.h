/* lua_fold.h - text in small letters, byte by byte: no character moves. ASCII, Latin-1 and
 * Cyrillic; others stay as they are. */
#ifndef LUA_FOLD_H
#define LUA_FOLD_H

#include <facteur/base.h>

/* out: as long as the text. False: the text has letters that equal some of ASCII or of Cyrillic
 * when case does not count, and are of another length or far away (U+017F, U+212A, U+1C80 to
 * U+1C88): what is searched in `out` may be missed. */
bool lua_fold(struct fct_str text, unsigned char *out);

/* The same of one character; *n: its bytes. False: case pairs that lua_fold() does not know. */
bool lua_fold_char(uint32_t c, unsigned char out[4], uint8_t *n);
/* Of a character that is searched as it stands. */
void lua_fold_exact(uint32_t c, unsigned char out[4], uint8_t *n);

#endif
