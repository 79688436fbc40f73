/* language.c - see language.h. */
#include "core/base/language.h"

#include "core/base/str.h"

#include <string.h>

const char *const language_tag[LANGUAGES] = {
    [LANGUAGE_ENGLISH] = "en",
    [LANGUAGE_FRENCH] = "fr",
};

bool language_find(struct fct_str tag, enum language *out)
{
    for (unsigned i = 0; i < LANGUAGES; i++) {
        struct fct_str own = str_from(language_tag[i]);

        if (!str_starts_nocase(tag, own) || (tag.n > own.n && tag.p[own.n] != '-'))
            continue;
        *out = (enum language)i;
        return true;
    }
    *out = LANGUAGE_ENGLISH;
    return false;
}

bool language_find_first(struct fct_str tags, enum language *out)
{
    *out = LANGUAGE_ENGLISH;
    for (size_t from = 0, to; from < tags.n; from = to + 1) {
        for (to = from; to < tags.n && !strchr(" ,", tags.p[to]);)
            to++;
        if (language_find((struct fct_str){tags.p + from, to - from}, out))
            return true;
    }
    return false;
}

enum language language_choose(struct fct_str tags)
{
    enum language found;

    (void)language_find_first(tags, &found);
    return found;
}
