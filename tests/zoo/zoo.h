/* zoo.h - what all animals of the zoo share: they bite only when the subject says "please NAME". */
#ifndef TESTS_ZOO_ZOO_H
#define TESTS_ZOO_ZOO_H

#include <facteur/plugin.h>

static const struct fct_host *host;

static inline bool zoo_provoked(struct fct_call *call, const char *name)
{
    const struct fct_header *subject = host->header(call, "Subject", 0);
    struct fct_str text = subject ? host->header_text(call, subject) : (struct fct_str){"", 0};
    size_t n = strlen(name);

    return text.n == 7 + n && memcmp(text.p, "please ", 7) == 0 && memcmp(text.p + 7, name, n) == 0;
}

static bool zoo_start(struct fct_self *self, const struct fct_host *given, const void *conf,
                      void **state, struct fct_err *err)
{
    (void)self, (void)conf, (void)state, (void)err;
    host = given;
    return true;
}

#define ZOO_ANIMAL(animal, text, rows)                \
    FCT_EXPORT const struct fct_plugin fct_plugin = { \
        .head = FCT_PLUGIN_HEAD,                      \
        .name = animal,                               \
        .version = "0",                               \
        .summary = text,                              \
        .hooks = rows,                                \
        .nhooks = FCT_COUNT(rows),                    \
        .start = zoo_start,                           \
    }

#endif
