/* account_setting.h - THE table of settings that an account may have and the server itself reads:
 * their kinds, what they may say, what they mean. docs/config.md has it as a table.
 *
 * Other names are free: rules and plugins ask for their own. A value of a name that stands here is
 * checked when it is set, and once more where it is used: what was stored may be older than the
 * table. */
#ifndef CORE_CONF_ACCOUNT_SETTING_H
#define CORE_CONF_ACCOUNT_SETTING_H

#include "core/base/buf.h"
#include "core/base/err.h"

enum setting_kind {
    SETTING_NAME,     /* one word */
    SETTING_SCORE,    /* 0 to 1000, thousandths count */
    SETTING_WORD,     /* one of `words` */
    SETTING_SENDERS,  /* addresses and domains, with spaces or commas between */
    SETTING_DURATION, /* seconds, minutes or hours: 10s, 1m, 2h */
    SETTING_ADDRESS,
    SETTING_LANGUAGES, /* tags as "de" or "pt-BR" (RFC 5646), likewise */
};

struct account_setting {
    const char *name;
    enum setting_kind kind;
    const char *words; /* SETTING_WORD: "yes no" */
    const char *doc;
};
extern const struct account_setting account_settings[]; /* ends with a NULL name */

/* NULL: none of the server's own. */
const struct account_setting *account_setting_find(struct fct_str name);
/* "name=value"; names that are not in the table, and empty values, pass. */
FCT_MUST_CHECK bool account_setting_check(struct fct_str item, struct fct_err *err);

/* "10s", "1m", "2h"; 0 to a day. */
FCT_MUST_CHECK bool setting_duration_parse(struct fct_str text, uint32_t *seconds);
/* The value of `name` among "name=value" items; empty: not set. */
struct fct_str account_setting_value(const struct fct_str *item, size_t n, struct fct_str name);
/* A score in thousandths; up to 1000 in size. */
FCT_MUST_CHECK bool score_parse(struct fct_str text, int32_t *milli);
/* The next word of a list with spaces or commas between; empty: no more. */
struct fct_str setting_list_next(struct fct_str *rest);
/* Does `address` (user@domain) match an entry: an address, a domain, or *.domain for all below it?
 * Letters of either case are the same. 0: no; 1 *.domain; 2 domain; 3 address. */
unsigned setting_sender_matches(struct fct_str entry, struct fct_str address);

void account_settings_print_markdown(struct buf *out);

#endif
