/* sender_list.c - see sender_list.h. */
#include "core/hook/sender_list.h"

#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/dns/psl.h"
#include "core/message/address.h"
#include "core/plugin/plugin_facts.h"
#include "core/plugin/plugin_host.h"

/* ---- results of authentication ---- */

/* Behind a quoted string that begins at `at`. */
static size_t skip_string(struct fct_str s, size_t at)
{
    for (at++; at < s.n && s.p[at] != '"'; at++)
        at += s.p[at] == '\\';
    return at + 1;
}

/* Behind a comment that begins at `at`; comments nest (RFC 5322 3.2.2). */
static size_t skip_comment(struct fct_str s, size_t at)
{
    size_t depth = 0;

    for (; at < s.n; at++) {
        if (s.p[at] == '\\')
            at++;
        else if (s.p[at] == '(')
            depth++;
        else if (s.p[at] == ')' && --depth == 0)
            return at + 1;
    }
    return at;
}

/* The value of `name` in a resinfo (RFC 8601 2.2), or empty. Comments and reasons may quote what a
 * stranger wrote: they are passed over. */
static struct fct_str property(struct fct_str resinfo, const char *name)
{
    struct fct_str wanted = str_from(name);

    for (size_t at = 0; at < resinfo.n;) {
        size_t end = at;

        if (resinfo.p[at] == '"' || resinfo.p[at] == '(') {
            at = resinfo.p[at] == '"' ? skip_string(resinfo, at) : skip_comment(resinfo, at);
            continue;
        }
        while (end < resinfo.n && !strchr(" \"(", resinfo.p[end]))
            end++;
        struct fct_str word = {resinfo.p + at, end - at};
        if (word.n > wanted.n && str_starts(word, wanted) && word.p[wanted.n] == '=')
            return str_skip(word, wanted.n + 1);
        at = end > at ? end : at + 1;
    }
    return (struct fct_str){"", 0};
}

static struct fct_str domain_of(struct fct_str address)
{
    return str_skip(address, (size_t)(str_find_last_char(address, '@') + 1));
}

static struct fct_str lower(struct arena *arena, struct fct_str s)
{
    char *p = arena_alloc(arena, s.n + 1);

    if (s.n > 0)
        memcpy(p, s.p, s.n);
    str_lower(p, s.n);
    return (struct fct_str){p, s.n};
}

/* Relaxed alignment (RFC 7489 3.1): both belong to one registrable domain. */
static bool is_aligned(struct arena *arena, struct fct_str a, struct fct_str b)
{
    return a.n > 0 && b.n > 0 && str_equal(psl_org(lower(arena, a)), psl_org(lower(arena, b)));
}

/* Which result of which method proves a domain, and where it names it; DMARC first: it says whether
 * the owner of the domain wants to be believed. */
static const struct {
    const char *method, *pass, *names;
    bool exact;
} proofs[] = {
    {"dmarc", "dmarc=pass ", "header.from", true},
    {"dkim", "dkim=pass ", "header.d", false},
    {"spf", "spf=pass ", "smtp.mailfrom", false},
};

static const char *find_proof(const struct transaction *tx, struct fct_str domain)
{
    for (size_t i = 0; i < FCT_COUNT(proofs); i++) {
        struct fct_str result;

        for (size_t n = 0; (result = facts_of(tx, "auth", n)).p; n++) {
            struct fct_str named;

            if (!str_starts(result, str_from(proofs[i].pass)))
                continue;
            named = domain_of(property(result, proofs[i].names));
            if (proofs[i].exact ? str_equal_nocase(named, domain)
                                : is_aligned(tx->arena, named, domain))
                return proofs[i].method;
        }
    }
    return NULL;
}

/* ---- who it is from ---- */

static void read_from(struct transaction *tx, struct sender *out)
{
    const struct header_list *list = message_header_list(tx);
    const struct fct_header *header;
    struct address found[SENDERS_MAX];

    for (size_t nth = 0; (header = header_find(list, "From", nth)); nth++) {
        size_t n =
            address_list_parse(tx->arena, header_unfold(tx->arena, header), found, SENDERS_MAX);

        for (size_t i = 0; i < n && out->froms < SENDERS_MAX; i++)
            if (found[i].kind == ADDRESS_MAILBOX && found[i].domain.n > 0)
                out->from[out->froms++] = arena_printf(
                    tx->arena, "%.*s@%.*s", FCT_FMT(found[i].local), FCT_FMT(found[i].domain));
    }
}

void sender_read(struct transaction *tx, struct sender *out)
{
    *out = (struct sender){.envelope = tx->envelope->reverse_path};
    read_from(tx, out);
    if (out->froms != 1) /* several authors: mail programs show one of them, nobody knows which */
        return;
    if (tx->conn->login.n > 0 && str_equal_nocase(tx->conn->login, out->from[0]))
        out->proof = "login";
    else
        out->proof = find_proof(tx, domain_of(out->from[0]));
}

/* ---- the lists ---- */

struct match {
    unsigned strength; /* of setting_sender_matches; 0: none */
    struct fct_str entry;
};

static void look(struct fct_str list, struct fct_str address, struct match *best)
{
    struct fct_str entry;

    while ((entry = setting_list_next(&list)).n > 0) {
        unsigned strength = setting_sender_matches(entry, address);

        if (strength > best->strength ||
            (strength == best->strength && strength > 0 && entry.n > best->entry.n))
            *best = (struct match){strength, entry};
    }
}

static struct match find_allowed(const struct sender *sender, struct fct_list setting)
{
    struct match best = {0};
    bool unproven = str_equal(setting_value(setting, FCT_STR("allow_unproven")), FCT_STR("yes"));

    if (sender->froms > 0 && (sender->proof || unproven))
        look(setting_value(setting, FCT_STR("allow_from")), sender->from[0], &best);
    return best;
}

static struct match find_blocked(const struct sender *sender, struct fct_list setting)
{
    struct fct_str list = setting_value(setting, FCT_STR("block_from"));
    struct match best = {0};

    look(list, sender->envelope, &best);
    for (size_t i = 0; i < sender->froms; i++)
        look(list, sender->from[i], &best);
    return best;
}

/* The longer entry says more. */
static bool is_closer(const struct match *a, const struct match *b)
{
    return a->strength > b->strength || (a->strength == b->strength && a->entry.n > b->entry.n);
}

bool sender_lists_decide(const struct sender *sender, struct fct_list setting, struct arena *arena,
                         enum fct_action *action, struct fct_str *why)
{
    struct match allowed = find_allowed(sender, setting), blocked = find_blocked(sender, setting);

    if (is_closer(&allowed, &blocked)) {
        *action = FCT_KEEP;
        *why = arena_printf(arena, "allow_from %.*s (%s)", FCT_FMT(allowed.entry),
                            sender->proof ? sender->proof : "not proven");
        return true;
    }
    if (blocked.strength == 0)
        return false;
    if (!action_parse(setting_value(setting, FCT_STR("block_action")), action) ||
        *action < FCT_JUNK)
        *action = FCT_JUNK;
    *why = arena_printf(arena, "block_from %.*s", FCT_FMT(blocked.entry));
    return true;
}
