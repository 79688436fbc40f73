/* composite.h - symbols made of others: "CRYPTO_THREAT & (SPF_FAIL | DKIM_NONE) & !KNOWN_CONTACT".
 *
 * Declared by plugins (fct_host.add_composite), Lua (composite{}) and `composite NAME { … }`, read
 * once when all plugins have started. Judged once per scoring profile, after scan: a composite sees
 * the symbols as found, less those the profile disables, and composites it names. What a composite
 * consumes is taken away when all of them are judged, so that their order changes nothing. */
#ifndef CORE_HOOK_COMPOSITE_H
#define CORE_HOOK_COMPOSITE_H

#include "core/plugin/plugin_load.h"

struct composite_conf {
    const char *expression;
    double score;
    const char *group, *doc;
    bool consume;
};
extern const struct conf_block composite_block; /* labelled */

struct composite {
    const struct plugin_symbol *symbol;
    const struct composite_node *root;
};

/* Each behind those it names. */
struct composite_set {
    const struct composite *composite;
    size_t n;
};

/* Adds the symbols of `composite` blocks to the set of plugins' symbols. Fails, with name and
 * column, for what is no expression, a symbol nobody declares (behind "?" that is allowed), and
 * composites that wait for each other. `conf` may be NULL. */
FCT_MUST_CHECK bool composite_set_build(struct plugin_set *plugins, const struct config *conf,
                                        struct composite_set *out, struct fct_err *err);

/* What an expression asks: is there this symbol; is there one of this group (symbol NULL), besides
 * `except`? */
struct composite_facts {
    bool (*has)(void *owner, const struct plugin_symbol *symbol, const char *group,
                const struct plugin_symbol *except);
    void *owner;
};
bool composite_is_hit(const struct composite *composite, const struct composite_facts *facts);
/* Tells what made a composite that is hit true: symbols and groups that stand without "!". */
void composite_causes(const struct composite *composite, const struct composite_facts *facts,
                      void (*cause)(void *owner, const struct plugin_symbol *symbol,
                                    const char *group));

#endif
