/* imap_list.c - LIST and LSUB (RFC 9051 6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 3501 6.3.9). */
#include "protocols/imap/imap_pattern.h"
#include "protocols/imap/imap_response.h"
#include "protocols/imap/imap_session.h"

#define MAX_PATTERNS 32

/* ---- the command ---- */

struct list_command {
    bool select_subscribed, select_remote, recursive, select_special;
    bool return_subscribed, return_children, return_special;
    unsigned status; /* IMAP_STATUS_* */
    bool lsub, extended;
    struct fct_str reference;
    struct fct_str pattern[MAX_PATTERNS];
    size_t npatterns;
};

/* clang-format off */
static const struct list_option {
    const char *name;
    size_t member;
} selection_options[] = {
    {"SUBSCRIBED",     offsetof(struct list_command, select_subscribed), },
    {"REMOTE",         offsetof(struct list_command, select_remote),     }, /* all mailboxes are here: nothing to add */
    {"RECURSIVEMATCH", offsetof(struct list_command, recursive),         },
    {"SPECIAL-USE",    offsetof(struct list_command, select_special),    },
}, return_options[] = {
    {"SUBSCRIBED",     offsetof(struct list_command, return_subscribed), },
    {"CHILDREN",       offsetof(struct list_command, return_children),   },
    {"SPECIAL-USE",    offsetof(struct list_command, return_special),    },
};
/* clang-format on */

static bool take_option(struct fct_str *in, const struct list_option *options, size_t n,
                        struct list_command *l)
{
    for (size_t i = 0; i < n; i++)
        if (imap_parse_word(in, options[i].name)) {
            *(bool *)((char *)l + options[i].member) = true;
            return true;
        }
    return false;
}

/* list-select-opts = "(" [option *(SP option)] ")" */
static bool parse_selection(struct fct_str *in, struct list_command *l)
{
    if (imap_parse_char(in, ')'))
        return true;
    do
        if (!take_option(in, selection_options, FCT_COUNT(selection_options), l))
            return false;
    while (imap_parse_space(in));
    /* RECURSIVEMATCH modifies another criterion (RFC 9051 6.3.9.1). */
    return imap_parse_char(in, ')') && (!l->recursive || l->select_subscribed || l->select_special);
}

/* list-return-opts = SP "RETURN" SP "(" [option *(SP option)] ")" */
static bool parse_return(struct fct_str *in, struct list_command *l)
{
    if (!imap_parse_space(in) || !imap_parse_word(in, "RETURN") || !imap_parse_space(in) ||
        !imap_parse_char(in, '('))
        return false;
    l->extended = true;
    if (imap_parse_char(in, ')'))
        return true;
    do
        if (imap_parse_word(in, "STATUS")) {
            if (!imap_parse_space(in) || !imap_status_parse(in, &l->status))
                return false;
        } else if (!take_option(in, return_options, FCT_COUNT(return_options), l)) {
            return false;
        }
    while (imap_parse_space(in));
    return imap_parse_char(in, ')');
}

static bool take_pattern(struct imap_session *s, struct imap_command *c, struct list_command *l)
{
    struct fct_str pattern;

    if (l->npatterns == MAX_PATTERNS || !imap_parse_list_mailbox(&c->args, c->arena, &pattern))
        return false;
    /* A name in a bad encoding matches nothing. */
    if (imap_mailbox_decode(s, c->arena, pattern, &l->pattern[l->npatterns]))
        l->npatterns++;
    return true;
}

/* mbox-or-pat = list-mailbox / "(" list-mailbox *(SP list-mailbox) ")" */
static bool parse_patterns(struct imap_session *s, struct imap_command *c, struct list_command *l)
{
    if (l->lsub || !imap_parse_char(&c->args, '('))
        return take_pattern(s, c, l);
    l->extended = true;
    do
        if (!take_pattern(s, c, l))
            return false;
    while (imap_parse_space(&c->args));
    return imap_parse_char(&c->args, ')');
}

static bool parse_list(struct imap_session *s, struct imap_command *c, struct list_command *l)
{
    struct fct_str reference;

    if (!imap_parse_space(&c->args))
        return false;
    if (!l->lsub && imap_parse_char(&c->args, '(')) {
        l->extended = true;
        if (!parse_selection(&c->args, l) || !imap_parse_space(&c->args))
            return false;
    }
    if (!imap_parse_astring(&c->args, c->arena, &reference) || !imap_parse_space(&c->args) ||
        !parse_patterns(s, c, l))
        return false;
    if (!imap_mailbox_decode(s, c->arena, reference, &l->reference))
        l->npatterns = 0;
    return imap_parse_end(c->args) ||
           (!l->lsub && parse_return(&c->args, l) && imap_parse_end(c->args));
}

/* ---- answering ---- */

static const char *const role_attributes[] = {
    [MAILBOX_DRAFTS] = "\\Drafts", [MAILBOX_SENT] = "\\Sent",       [MAILBOX_JUNK] = "\\Junk",
    [MAILBOX_TRASH] = "\\Trash",   [MAILBOX_ARCHIVE] = "\\Archive",
};

static const char *role_attribute(enum mailbox_role role)
{
    return (size_t)role < FCT_COUNT(role_attributes) ? role_attributes[role] : NULL;
}

static bool matches_any(const struct list_command *l, struct fct_str name)
{
    for (size_t i = 0; i < l->npatterns; i++)
        if (imap_pattern_match(l->pattern[i], name))
            return true;
    return false;
}

/* The selection options, without the pattern. */
static bool is_selected(const struct list_command *l, const struct mailbox_info *m)
{
    return (l->select_subscribed ? m->subscribed : m->id != 0) &&
           (!l->select_special || role_attribute(m->role));
}

static bool is_below(struct fct_str name, struct fct_str parent)
{
    return name.n > parent.n && name.p[parent.n] == '/' && str_starts(name, parent);
}

/* Does a child meet the selection that the pattern does not show (RFC 9051 6.3.9.6 CHILDINFO)? */
static bool has_selected_child(const struct list_command *l, const struct mailbox_info *all,
                               size_t n, const struct mailbox_info *m)
{
    for (size_t i = 0; i < n; i++)
        if (is_below(all[i].name, m->name) && is_selected(l, &all[i]))
            return true;
    return false;
}

static void put_attribute(struct imap_session *s, const char *attribute)
{
    if (s->out.n > 0 && s->out.p[s->out.n - 1] != '(')
        imap_put(s, " ");
    imap_put(s, attribute);
}

static void put_attributes(struct imap_session *s, const struct list_command *l,
                           const struct mailbox_info *m)
{
    const char *role = role_attribute(m->role);

    if (m->id == 0 && !l->lsub) /* implies \Noselect and no children (RFC 9051 7.3.1) */
        put_attribute(s, "\\NonExistent");
    else if (!m->selectable)
        put_attribute(s, "\\Noselect");
    if (m->id != 0)
        put_attribute(s, m->has_children ? "\\HasChildren" : "\\HasNoChildren");
    if (m->subscribed && (l->return_subscribed || l->select_subscribed))
        put_attribute(s, "\\Subscribed");
    if (role && !l->lsub)
        put_attribute(s, role);
}

static void put_list(struct imap_session *s, const struct list_command *l,
                     const struct mailbox_info *m, bool child_info)
{
    imap_put(s, l->lsub ? "* LSUB (" : "* LIST (");
    put_attributes(s, l, m);
    imap_put(s, ") \"/\" ");
    imap_put_mailbox(s, m->name);
    if (child_info)
        imap_put(s, l->select_subscribed ? " (\"CHILDINFO\" (\"SUBSCRIBED\"))"
                                         : " (\"CHILDINFO\" (\"SPECIAL-USE\"))");
    imap_put(s, "\r\n");
}

/* A parent that is not subscribed itself but has subscribed children below a '%' (RFC 3501 6.3.9).
 */
static bool is_lsub_parent(const struct list_command *l, const struct mailbox_info *all, size_t n,
                           const struct mailbox_info *m)
{
    struct fct_str pattern = l->npatterns ? l->pattern[0] : FCT_STR("");

    return l->lsub && pattern.n > 0 && pattern.p[pattern.n - 1] == '%' &&
           has_selected_child(l, all, n, m);
}

static void list_one(struct imap_session *s, const struct list_command *l,
                     const struct mailbox_info *all, size_t n, size_t at)
{
    struct mailbox_info m = all[at];
    bool child_info = l->recursive && has_selected_child(l, all, n, &m);

    if (!matches_any(l, m.name))
        return;
    if (is_selected(l, &m) || child_info) {
        put_list(s, l, &m, child_info);
        if (l->status && m.selectable && is_selected(l, &m))
            imap_status_put(s, &m, l->status);
    } else if (is_lsub_parent(l, all, n, &m)) {
        m.selectable = false;
        put_list(s, l, &m, false);
    }
}

/* LIST "" "" asks for the separator and the root (RFC 9051 6.3.9). */
static bool asks_for_root(const struct list_command *l)
{
    return !l->lsub && !l->extended && l->npatterns == 1 && l->pattern[0].n == 0;
}

static void join_reference(struct arena *arena, struct list_command *l)
{
    if (l->reference.n == 0 || asks_for_root(l))
        return;
    for (size_t i = 0; i < l->npatterns; i++)
        l->pattern[i] =
            arena_printf(arena, "%.*s%.*s", FCT_FMT(l->reference), FCT_FMT(l->pattern[i]));
}

static bool run_list(struct imap_session *s, struct imap_command *c, struct list_command *l,
                     struct fct_err *err)
{
    const struct mailbox_info *all;
    size_t n;

    if (!parse_list(s, c, l))
        return imap_syntax(err, "Bad arguments of LIST");
    if (asks_for_root(l)) {
        imap_put(s, "* LIST (\\Noselect) \"/\" \"\"\r\n");
        return true;
    }
    join_reference(c->arena, l);
    if (!store_mailboxes(s->edge.listener->edge->store, s->principal.handle, c->arena, &all, &n,
                         err))
        return imap_store_failed(c, err);
    for (size_t i = 0; i < n && imap_room(s); i++)
        list_one(s, l, all, n, i);
    return true;
}

bool imap_list_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    return run_list(s, c, ARENA_NEW(c->arena, struct list_command), err);
}

bool imap_lsub_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct list_command *l = ARENA_NEW(c->arena, struct list_command);

    l->lsub = l->select_subscribed = true;
    return run_list(s, c, l, err);
}
