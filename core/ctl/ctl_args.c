/* ctl_args.c - the command line of facteurctl: options anywhere, then noun, verb and words. */
#include "core/ctl/ctl_cli.h"

#include "core/base/str.h"

/* What every verb understands. */
enum common { COMMON_DIR, COMMON_RUN_DIR, COMMON_CONF, COMMON_JSON, COMMON_HELP, COMMON_COUNT };
static const struct ctl_option common[COMMON_COUNT] = {
    [COMMON_DIR] = {"--dir", "DIR", NULL},    [COMMON_RUN_DIR] = {"--run-dir", "DIR", NULL},
    [COMMON_CONF] = {"--conf", "FILE", NULL}, [COMMON_JSON] = {"--json", NULL, NULL},
    [COMMON_HELP] = {"--help", NULL, NULL},
};

static bool is(const char *arg, const char *name)
{
    return str_equal(str_from(arg), str_from(name));
}

/* "--name" or "--name=value"; *value is behind the '=', or NULL. */
static bool names(const char *arg, const char *option, const char **value)
{
    size_t n = strlen(option);

    if (strncmp(arg, option, n) != 0 || (arg[n] != '\0' && arg[n] != '='))
        return false;
    *value = arg[n] == '=' ? arg + n + 1 : NULL;
    return true;
}

/* The value, from behind '=' or from the next argument. */
static bool take_value(const struct ctl_option *o, int argc, char **argv, int *i,
                       const char **value, struct fct_err *err)
{
    if (!o->value)
        return !*value || fct_fail(err, FCT_SYNTAX, "%s takes no value", o->name);
    if (!*value && *i + 1 < argc)
        *value = argv[++*i];
    if (!*value || !**value)
        return fct_fail(err, FCT_SYNTAX, "%s needs a value: %s", o->name, o->value);
    return true;
}

static bool keep_common(struct ctl *c, enum common which, const char *value, bool *help,
                        struct fct_err *err)
{
    switch (which) {
    case COMMON_DIR:
        c->dir = value;
        break;
    case COMMON_RUN_DIR:
        c->run_dir = value;
        break;
    case COMMON_CONF:
        if (c->confs == CTL_MAX_FILES)
            return fct_fail(err, FCT_LIMIT, "more than %d configuration files", CTL_MAX_FILES);
        c->conf[c->confs++] = value;
        break;
    case COMMON_JSON:
        c->json = true;
        break;
    case COMMON_HELP:
    case COMMON_COUNT:
        *help = true;
        break;
    }
    return true;
}

static const struct ctl_option *find_own(const struct ctl_verb *verb, const char *arg,
                                         const char **value)
{
    for (const struct ctl_option *o = verb ? verb->options : NULL; o && o->name; o++)
        if (names(arg, o->name, value))
            return o;
    return NULL;
}

static bool unknown_option(const struct ctl *c, const char *arg, struct fct_err *err)
{
    const char *known[COMMON_COUNT + 32], *near;
    size_t n = 0;

    for (; n < COMMON_COUNT; n++)
        known[n] = common[n].name;
    for (const struct ctl_option *o = c->verb ? c->verb->options : NULL;
         o && o->name && n < FCT_COUNT(known); o++)
        known[n++] = o->name;
    near = ctl_nearest(arg, known, n);
    return near ? fct_fail(err, FCT_SYNTAX, "unknown option %s; did you mean %s?", arg, near)
                : fct_fail(err, FCT_SYNTAX, "unknown option %s", arg);
}

/* A verb may have an option of its own under a common name, as the --conf of replay: in front of
 * the verb it is the common one. */
static bool take_option(struct ctl *c, int argc, char **argv, int *i, bool *help,
                        struct fct_err *err)
{
    const char *value = NULL, *arg = is(argv[*i], "-h") ? "--help" : argv[*i];
    const struct ctl_option *o;

    o = find_own(c->verb, arg, &value);
    for (unsigned k = 0; !o && k < COMMON_COUNT; k++)
        if (names(arg, common[k].name, &value))
            return take_value(&common[k], argc, argv, i, &value, err) &&
                   keep_common(c, (enum common)k, value, help, err);
    if (!o)
        return unknown_option(c, arg, err);
    if (!take_value(o, argc, argv, i, &value, err))
        return false;
    if (c->ngiven == FCT_COUNT(c->given))
        return fct_fail(err, FCT_LIMIT, "too many options");
    c->given[c->ngiven++] = (struct ctl_given){o, o->value ? value : ""};
    return true;
}

/* ---- noun and verb ---- */

static bool noun_exists(const char *noun)
{
    for (const struct ctl_verb *v = ctl_verbs; v->noun; v++)
        if (is(noun, v->noun))
            return true;
    return false;
}

/* Every word that may stand there: the nouns, or the verbs of one. */
static size_t choices(const char *noun, const char **out, size_t most)
{
    size_t n = 0;

    for (const struct ctl_verb *v = ctl_verbs; v->noun && n < most; v++)
        if (!noun || is(noun, v->noun))
            out[n++] = noun ? v->verb : v->noun;
    return n;
}

static bool unknown_word(const char *noun, const char *word, struct fct_err *err)
{
    const char *known[128];
    size_t n = choices(noun, known, FCT_COUNT(known));
    const char *near = ctl_nearest(word, known, n), *more = noun ? noun : "";

    if (near)
        return fct_fail(err, FCT_SYNTAX, "unknown word %s; did you mean `%s%s%s`?", word, more,
                        noun ? " " : "", near);
    return fct_fail(err, FCT_SYNTAX, "unknown word %s; see facteurctl%s%s --help", word,
                    noun ? " " : "", more);
}

/* The row for a noun alone, or for noun and verb. */
static const struct ctl_verb *find_verb(const char *noun, const char *verb)
{
    for (const struct ctl_verb *v = ctl_verbs; v->noun; v++)
        if (is(noun, v->noun) && is(verb, v->verb))
            return v;
    return NULL;
}

/* A noun that says something alone, and more with a verb: `check --driver spf`, `check dns NAME`.
 */
static bool may_become_longer(const struct ctl *c)
{
    const struct ctl_verb *v = ctl_verbs;

    if (*c->verb->verb || c->verb->most > 0)
        return false;
    while (v->noun && (!*v->verb || !is(v->noun, c->verb->noun)))
        v++;
    return v->noun;
}

/* A word: the noun, then the verb unless the noun needs none, then the verb's own. */
static bool take_word(struct ctl *c, const char *arg, const char **noun, struct fct_err *err)
{
    if (!*noun) {
        if (!noun_exists(arg))
            return unknown_word(NULL, arg, err);
        *noun = arg;
        c->verb = find_verb(arg, "");
        return true;
    }
    if (!c->verb || may_become_longer(c)) {
        c->verb = find_verb(*noun, arg);
        return c->verb || unknown_word(*noun, arg, err);
    }
    if (c->words == CTL_MAX_WORDS)
        return fct_fail(err, FCT_LIMIT, "too many words");
    c->word[c->words++] = arg;
    return true;
}

static bool check_words(const struct ctl *c, struct fct_err *err)
{
    const struct ctl_verb *v = c->verb;
    bool account = is(v->noun, "account");

    if (c->words > v->most && account && v->most > 0)
        return fct_fail(err, FCT_SYNTAX,
                        "a password is never given on the command line, where others can read it: "
                        "type it at the prompt or "
                        "send it on standard input");
    if (c->words < v->least || c->words > v->most)
        return fct_fail(err, FCT_SYNTAX, "usage: facteurctl %s%s%s%s%s", v->noun,
                        *v->verb ? " " : "", v->verb, *v->words ? " " : "", v->words);
    return true;
}

bool ctl_args_parse(struct ctl *c, int argc, char **argv, bool *help, struct fct_err *err)
{
    const char *noun = NULL;
    bool only_words = false;

    *help = argc == 0;
    for (int i = 0; i < argc; i++) {
        bool option = !only_words && argv[i][0] == '-' && argv[i][1] != '\0';

        if (option && is(argv[i], "--"))
            only_words = true;
        else if (option ? !take_option(c, argc, argv, &i, help, err)
                        : !take_word(c, argv[i], &noun, err))
            return false;
    }
    if (*help) {
        c->word[0] = noun;
        return true;
    }
    if (!noun)
        return fct_fail(err, FCT_SYNTAX, "what to do? See facteurctl --help");
    if (!c->verb)
        return fct_fail(err, FCT_SYNTAX, "%s what? See facteurctl %s --help", noun, noun);
    return check_words(c, err);
}

const char *ctl_option(const struct ctl *c, const char *name)
{
    for (unsigned i = c->ngiven; i-- > 0;)
        if (is(c->given[i].option->name, name))
            return c->given[i].value;
    return NULL;
}
