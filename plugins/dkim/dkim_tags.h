/* dkim_tags.h - tag=value lists (RFC 6376 3.2): signatures and key records are written in them. */
#ifndef DKIM_TAGS_H
#define DKIM_TAGS_H

#include <facteur/base.h>

#define DKIM_TAGS_MAX 64 /* twice what all documents together define */

struct dkim_tag {
    struct fct_str name;
    struct fct_str value; /* trimmed; FWS inside is still there */
    struct fct_str whole; /* all between '=' and ';', spaces too */
    uint32_t code;        /* of its name, for those who look for it */
};

struct dkim_tags {
    struct dkim_tag tag[DKIM_TAGS_MAX];
    size_t n;
};

/* Views into text. Fails SYNTAX: no '=', a bad name, a byte that no value has, a tag given twice,
 * too many. Tags nobody knows are kept: they are to be ignored. */
FCT_MUST_CHECK bool dkim_tags_parse(struct fct_str text, struct dkim_tags *out,
                                    struct fct_err *err);
/* NULL: not given. Names differ by case. */
const struct dkim_tag *dkim_tags_named(const struct dkim_tags *tags, struct fct_str name);
static inline const struct dkim_tag *dkim_tags_find(const struct dkim_tags *tags, const char *name)
{
    return dkim_tags_named(tags, (struct fct_str){name, strlen(name)});
}

#endif
