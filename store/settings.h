/* settings.h - an account's settings: "name=value" texts that plugins and rules may read at
 * deliver. Kept with the account's address in the directory, so that a resolved recipient brings
 * them along.
 *
 * name = 1*64(a-z / 0-9 / "_" / "."); a value has at most 4 KiB, without control characters. */
#ifndef STORE_SETTINGS_H
#define STORE_SETTINGS_H

#include "core/base/arena.h"
#include "core/base/err.h"

#define SETTING_NAME_MAX  64u
#define SETTING_VALUE_MAX 4096u

/* Ascending by name, each name once, no value empty. */
struct settings {
    const struct fct_str *item;
    size_t n;
};

struct settings_limits {
    uint32_t most;  /* settings of an account */
    uint64_t bytes; /* of all of them */
};

/* `old` with the changes applied in their order: "name=value" sets, "name=" removes. FCT_SYNTAX for
 * a malformed one, FCT_LIMIT for too many. Views into both. */
FCT_MUST_CHECK bool settings_change(struct settings old, const struct fct_str *change, size_t n,
                                    const struct settings_limits *limits, struct arena *arena,
                                    struct settings *out, struct fct_err *err);
/* As settings_change leaves them? For what was stored. */
bool settings_are_good(struct settings s);

#endif
