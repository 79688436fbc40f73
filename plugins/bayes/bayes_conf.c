/* bayes_conf.c - the rows of `plugin bayes`. */
#include "bayes_conf.h"

#include "bayes_tokens.h"

#include <stdarg.h>

/* clang-format off */
const struct fct_conf_key bayes_conf_keys[] = {
    FCT_CONF_KEY(struct bayes_conf, secret,           "",     "Mixed into everything that is stored, so that nobody outside can choose words that crowd out others; the same on all servers that share a Redis. What was learned under another one is forgotten"),
    FCT_CONF_KEY(struct bayes_conf, min_learned,      "30",   "Spam and wanted messages each that a database must know before it says anything"),
    FCT_CONF_KEY(struct bayes_conf, full_learned,     "200",  "From so many of each on a user's own database decides alone; below, the site's has its share"),
    FCT_CONF_KEY(struct bayes_conf, max_users,        "8",    "Recipients of a message whose own databases are asked; the others have the site's verdict; at most 20"),
    FCT_CONF_KEY(struct bayes_conf, users_teach_site, "no",   "What users move to Junk and back also teaches the site's database, and so changes other users' verdicts"),
    FCT_CONF_KEY(struct bayes_conf, check_users,      "no",   "Judge what users who have logged in submit, too"),
    FCT_CONF_KEY(struct bayes_conf, autolearn,        "yes",  "The site's database also learns messages whose score leaves no doubt (README.md); a person's word takes that back"),
    FCT_CONF_KEY(struct bayes_conf, autolearn_spam,   "12",   "Score from which on a message is learned as spam"),
    FCT_CONF_KEY(struct bayes_conf, autolearn_ham,    "-2",   "Score down from which a message is learned as ham; below 0"),
    FCT_CONF_KEY(struct bayes_conf, autolearn_groups, "3",    "Groups of symbols besides bayes itself that must agree; all about authentication are one; 1 to 20"),
    FCT_CONF_KEY(struct bayes_conf, max_text,         "256K", "Text of a message that is looked at"),
    FCT_CONF_KEY(struct bayes_conf, cache,            "16M",  "Memory of a filter process for what it has seen of the site's database, 12 bytes a token, so that Redis is asked for changes only; 0: it is asked for every token of every message"),
    FCT_CONF_KEY(struct bayes_conf, users_cache,      "8M",   "The same for users' own databases, all together; who had no mail for the longest time goes first"),
    FCT_CONF_KEY(struct bayes_conf, strongest,        "60",   "Tokens that decide: so many of those that say most; 10 to 800"),
    FCT_CONF_KEY(struct bayes_conf, unknown_strength, "0.1",  "How strongly a token is held for neutral before it was seen, in messages (Robinson's s)"),
    FCT_CONF_KEY(struct bayes_conf, min_deviation,    "0.1",  "Tokens whose probability is nearer to 0.5 than this do not count; 0 to 0.49"),
    FCT_CONF_KEY(struct bayes_conf, overlap,          "0.1",  "Share of its evidence that a token counts with, because words of a text depend on each other; 0.01 to 1"),
    FCT_CONF_END,
};
/* clang-format on */

static FCT_PRINTF(3, 4) bool fail(struct fct_err *err, enum fct_class class, const char *fmt, ...)
{
    va_list ap;

    err->class = class;
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return false;
}

bool bayes_conf_check(const struct bayes_conf *c, struct fct_err *err)
{
    if (c->strongest < 10 || c->strongest > BAYES_TOKENS)
        return fail(err, FCT_SYNTAX, "strongest: must be 10 to %d", BAYES_TOKENS);
    if (c->max_users > 20)
        return fail(err, FCT_SYNTAX, "max_users: must be at most 20");
    if (c->min_learned < 1 || c->full_learned < c->min_learned)
        return fail(err, FCT_SYNTAX,
                    "full_learned: must be min_learned or more, and that 1 or more");
    if (!(c->unknown_strength > 0 && c->unknown_strength <= 100))
        return fail(err, FCT_SYNTAX, "unknown_strength: must be above 0, at most 100");
    if (!(c->min_deviation >= 0 && c->min_deviation < 0.5))
        return fail(err, FCT_SYNTAX, "min_deviation: must be 0 or more and below 0.5");
    if (c->autolearn_spam <= 0 || c->autolearn_ham >= 0)
        return fail(err, FCT_SYNTAX, "%s",
                    c->autolearn_ham >= 0 ? "autolearn_ham: must be below 0"
                                          : "autolearn_spam: must be above 0");
    if (c->autolearn_groups < 1 || c->autolearn_groups > 20)
        return fail(err, FCT_SYNTAX, "autolearn_groups: must be 1 to 20");
    return (c->overlap >= 0.01 && c->overlap <= 1) ||
           fail(err, FCT_SYNTAX, "overlap: must be 0.01 to 1");
}

void bayes_conf_tuning(const struct bayes_conf *c, struct bayes_tuning *out)
{
    *out = (struct bayes_tuning){.strength = c->unknown_strength,
                                 .deviation = c->min_deviation,
                                 .strongest = c->strongest,
                                 .overlap = c->overlap};
}

uint64_t bayes_conf_key(const struct bayes_conf *c)
{
    return bayes_key((struct fct_str){c->secret, strlen(c->secret)});
}
