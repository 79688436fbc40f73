/* lint_script.h - in which letters a text is written, and which letters languages are written in.
 */
#ifndef PLUGINS_HEADERS_LINT_LINT_SCRIPT_H
#define PLUGINS_HEADERS_LINT_LINT_SCRIPT_H

#include <facteur/base.h>

enum lint_script {
    LINT_LATIN,
    LINT_CYRILLIC,
    LINT_GREEK,
    LINT_ARMENIAN,
    LINT_HEBREW,
    LINT_ARABIC,
    LINT_DEVANAGARI,
    LINT_INDIC, /* the others of India */
    LINT_THAI,  /* and its neighbours' */
    LINT_GEORGIAN,
    LINT_ETHIOPIC,
    LINT_HAN,
    LINT_KANA, /* Japanese, with Chinese characters among them */
    LINT_HANGUL,
    LINT_SCRIPTS
};

extern const char *const lint_script_name[LINT_SCRIPTS];

/* Letters of each script in a text. */
struct lint_letters {
    uint32_t of[LINT_SCRIPTS];
};
void lint_count_letters(struct fct_str utf8, struct lint_letters *sum);
/* What more than half of the letters are; LINT_LATIN also for few letters, and for a mixture. */
enum lint_script lint_script_of(const struct lint_letters *sum);

/* Is one of these languages (tags as "en pt-BR", RFC 5646) written in it? Latin letters everybody
 * reads, as addresses and names are written in them. */
bool lint_reads(struct fct_str languages, enum lint_script script);

#endif
