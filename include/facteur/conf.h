/* conf.h - one row per setting; the member's C type is the setting's type.
 *
 * The rows of a table parse a block of facteur.conf, print its defaults, write the commented file
 * in conf.d and docs/config.md. The server's own blocks and the blocks of plugins are declared in
 * the same way. */
#ifndef FACTEUR_CONF_H
#define FACTEUR_CONF_H

#include <facteur/base.h>

/* A list written ["a", "b"]; owned by the configuration, lives as long as it. */
struct fct_strings {
    const char *const *item;
    size_t n;
};

/* Written "200/1h" or "200/1h burst 50": so many per period in an even flow, and up to `burst` at
 * once; burst 0: the whole amount. An amount of 0 ("none") is no limit at all. */
struct fct_rate {
    uint64_t amount, period_ms, burst;
};

enum fct_conf_kind {
    FCT_CONF_BOOL,
    FCT_CONF_U32,
    FCT_CONF_STR,
    FCT_CONF_DURATION,
    FCT_CONF_SIZE,
    FCT_CONF_STRINGS,
    FCT_CONF_REAL,
    FCT_CONF_RATE /* since 1.1 */
};

struct fct_conf_key {
    const char *name;
    enum fct_conf_kind kind;
    size_t offset;
    const char *def; /* the default, written as an admin would write it */
    const char *doc; /* one sentence with unit, limits and RFC; becomes the comment in conf.d and
                        the manual */
};

/* A member of any other type does not compile. */
#define FCT_CONF_KIND(lv) \
    _Generic((lv), bool: FCT_CONF_BOOL,        \
             uint32_t: FCT_CONF_U32,           \
             double: FCT_CONF_REAL,            \
             const char *: FCT_CONF_STR,       \
             fct_duration: FCT_CONF_DURATION,  \
             fct_size: FCT_CONF_SIZE,          \
             struct fct_rate: FCT_CONF_RATE,   \
             struct fct_strings: FCT_CONF_STRINGS)
/* clang-format off */
#define FCT_CONF_KEY(T, member, def, doc) \
    { #member, FCT_CONF_KIND(((T *)0)->member), offsetof(T, member), def, doc }
#define FCT_CONF_END { NULL, FCT_CONF_BOOL, 0, NULL, NULL }
/* clang-format on */

#endif
