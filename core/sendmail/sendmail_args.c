/* sendmail_args.c - see sendmail_args.h. */
#include "core/sendmail/sendmail_args.h"

#include "core/base/str.h"

#include <strings.h>

/* What an option does with its value, which stands behind its letter or is the next word. */
typedef bool (*option_fn)(struct sendmail_args *a, const char *value, struct fct_err *err);

static bool set_sender(struct sendmail_args *a, const char *value, struct fct_err *err)
{
    (void)err;
    a->has_sender = true;
    a->sender = value;
    return true;
}

static bool set_name(struct sendmail_args *a, const char *value, struct fct_err *err)
{
    (void)err;
    a->name = value;
    return true;
}

static bool is_notify(struct fct_str list)
{
    static const char *const words[] = {"success", "failure", "delay"};
    unsigned seen = 0;

    if (str_equal_nocase(list, FCT_STR("never")))
        return true;
    while (list.p) {
        struct fct_str word = str_split(&list, ',');
        unsigned i = 0;

        while (i < FCT_COUNT(words) && !str_equal_nocase(word, str_from(words[i])))
            i++;
        if (i == FCT_COUNT(words) || (seen & (1u << i)))
            return false;
        seen |= 1u << i;
    }
    return true;
}

static bool set_notify(struct sendmail_args *a, const char *value, struct fct_err *err)
{
    a->notify = value;
    return is_notify(str_from(value)) ||
           fct_fail(err, FCT_SYNTAX, "-N %s: never, or some of success,failure,delay", value);
}

static bool set_ret(struct sendmail_args *a, const char *value, struct fct_err *err)
{
    a->ret = strcasecmp(value, "full") == 0 ? "FULL" : "HDRS";
    return a->ret[0] == 'F' || strcasecmp(value, "hdrs") == 0 ||
           fct_fail(err, FCT_SYNTAX, "-R %s: full or hdrs", value);
}

static bool set_envid(struct sendmail_args *a, const char *value, struct fct_err *err)
{
    a->envid = value;
    return (value[0] && strlen(value) <= 30) || fct_fail(err, FCT_SYNTAX, "-V: 1 to 30 characters");
}

static bool set_mode(struct sendmail_args *a, const char *value, struct fct_err *err)
{
    switch (value[0]) {
    case 'm':
        a->mode = SENDMAIL_SEND;
        return true;
    case 's':
        a->mode = SENDMAIL_SMTP;
        return true;
    case 'p':
        a->mode = SENDMAIL_QUEUE;
        return true;
    case 'i':
        a->mode = SENDMAIL_ALIASES;
        return true;
    case 'd':
    case 'D':
        return fct_fail(err, FCT_SYNTAX, "-b%s: the server is the program facteur", value);
    default:
        return fct_fail(err, FCT_SYNTAX, "-b%s: m, s, p or i", value);
    }
}

/* -oi is -i; the others change what this server does not do, or does by itself. */
static bool set_option(struct sendmail_args *a, const char *value, struct fct_err *err)
{
    (void)err;
    a->whole = a->whole || strcmp(value, "i") == 0;
    return true;
}

static bool ignore(struct sendmail_args *a, const char *value, struct fct_err *err)
{
    (void)a, (void)value, (void)err;
    return true;
}

/* clang-format off */
static const struct {
    char letter;
    option_fn set;
} with_value[] = {
    {'f', set_sender}, {'r', set_sender}, {'F', set_name}, {'N', set_notify}, {'R', set_ret},
    {'V', set_envid},  {'b', set_mode},   {'o', set_option},
    {'B', ignore}, /* the body's type: it is looked at */
    {'C', ignore}, {'D', ignore}, {'d', ignore}, {'h', ignore}, {'L', ignore}, {'O', ignore}, {'p', ignore}, {'X', ignore}, {'A', ignore},
};
/* clang-format on */

static option_fn find(char letter)
{
    for (size_t i = 0; i < FCT_COUNT(with_value); i++)
        if (with_value[i].letter == letter)
            return with_value[i].set;
    return NULL;
}

/* Letters whose value never is the next word. */
static bool is_joined(char letter)
{
    return strchr("bod", letter) != NULL;
}

/* Letters without a value; several may stand together. */
static bool take_letters(struct sendmail_args *a, const char *letters, struct fct_err *err)
{
    for (const char *c = letters; *c; c++) {
        if (*c == 't')
            a->from_header = true;
        else if (*c == 'i')
            a->whole = true;
        else if (!strchr("GUnmv", *c))
            return fct_fail(err, FCT_SYNTAX, "option -%c is not known", *c);
    }
    return true;
}

/* -q, -q30m, -qRdomain: there is one queue, and it needs no runs. */
static bool take_word(struct sendmail_args *a, int argc, char **argv, int *at, struct fct_err *err)
{
    const char *word = argv[*at];
    option_fn set = find(word[1]);

    if (strcmp(word, "--help") == 0) {
        a->help = true;
        return true;
    }
    if (word[1] == 'q') {
        a->mode = SENDMAIL_FLUSH;
        return true;
    }
    if (!set)
        return take_letters(a, word + 1, err);
    if (word[2] || word[1] == 'A')
        return set(a, word + 2, err);
    if (is_joined(word[1]))
        return word[1] == 'd' || fct_fail(err, FCT_SYNTAX, "%s needs a letter behind it", word);
    if (*at + 1 >= argc)
        return fct_fail(err, FCT_SYNTAX, "%s needs a value", word);
    return set(a, argv[++*at], err);
}

static void be_called(const char *called, struct sendmail_args *out)
{
    const char *slash = strrchr(called, '/');
    const char *name = slash ? slash + 1 : called;

    if (strcmp(name, "mailq") == 0)
        out->mode = SENDMAIL_QUEUE;
    if (strcmp(name, "newaliases") == 0)
        out->mode = SENDMAIL_ALIASES;
}

bool sendmail_args_parse(const char *called, int argc, char **argv, struct sendmail_args *out,
                         struct fct_err *err)
{
    int at = 1;

    *out = (struct sendmail_args){0};
    be_called(called, out);
    for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (!take_word(out, argc, argv, &at, err))
            return false;
    }
    out->recipient = argv + at;
    out->recipients = argc - at;
    return true;
}
