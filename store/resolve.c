/* resolve.c - which accounts (and, by aliases, addresses elsewhere) an address leads to: exact
 * account, alias, +detail, catch-all, in this order. */
#include "store/directory.h"

#include "core/base/str.h"
#include "store/forward.h"

#define ALIAS_DEPTH_MAX 10
#define TARGETS_MAX     1000

struct resolve {
    struct server *s;
    struct arena *arena;
    struct store_target *target;
    size_t n, room, steps;
    struct fct_err *err;
};

static bool make_room(struct resolve *r)
{
    if (r->n == TARGETS_MAX)
        return fct_fail(r->err, FCT_LIMIT, "an alias leads to more than %d targets", TARGETS_MAX);
    if (r->n == r->room) {
        r->target = arena_grow(r->arena, r->target, r->room * sizeof *r->target,
                               (r->room ? 2 * r->room : 4) * sizeof *r->target);
        r->room = r->room ? 2 * r->room : 4;
    }
    return true;
}

static bool add_target(struct resolve *r, uint64_t account, struct fct_str name,
                       struct fct_str detail, struct settings settings)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->target[i].account == account)
            return true;
    if (!make_room(r))
        return false;
    r->target[r->n++] = (struct store_target){
        .account = account,
        .name = arena_str(r->arena, name),
        .detail = arena_str(r->arena, detail),
        .setting = settings.item,
        .nsettings = settings.n,
    };
    return true;
}

/* "user+detail@domain" → "user@domain" and "detail" (RFC 5233). */
static bool split_detail(struct resolve *r, struct fct_str folded, struct fct_str *base,
                         struct fct_str *detail)
{
    ptrdiff_t plus = str_find_char(folded, '+'), at = str_find_last_char(folded, '@');

    if (plus <= 0 || plus > at)
        return false;
    *detail = (struct fct_str){folded.p + plus + 1, (size_t)(at - plus - 1)};
    *base = arena_printf(r->arena, "%.*s%.*s", (int)plus, folded.p, (int)(folded.n - (size_t)at),
                         folded.p + at);
    return true;
}

/* Account 0: an alias leads elsewhere. */
static bool add_remote(struct resolve *r, struct fct_str address)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->target[i].account == 0 && str_equal(r->target[i].name, address))
            return true;
    if (!make_room(r))
        return false;
    r->target[r->n++] = (struct store_target){.name = arena_str(r->arena, address)};
    return true;
}

static bool resolve_one(struct resolve *r, struct fct_str folded, struct fct_str detail,
                        unsigned depth, bool *hit);

static bool resolve_targets(struct resolve *r, const struct fct_str *target, size_t n,
                            struct fct_str detail, unsigned depth)
{
    if (depth >= ALIAS_DEPTH_MAX)
        return true; /* a loop, or too deep: this branch leads nowhere */
    for (size_t i = 0; i < n; i++) {
        struct fct_str folded;
        bool hit, local;

        if (++r->steps > 10 * TARGETS_MAX)
            return fct_fail(r->err, FCT_LIMIT, "an alias leads to too many others");
        if (!directory_is_local(r->s, directory_domain(target[i]), &local, r->err))
            return false;
        if (!local) {
            if (!add_remote(r, target[i]))
                return false;
            continue;
        }
        if (!directory_fold(target[i], false, r->arena, &folded, r->err) ||
            !resolve_one(r, folded, detail, depth + 1, &hit))
            return false;
    }
    return true;
}

/* The address as it is: account, then alias. */
static bool resolve_exact(struct resolve *r, struct fct_str folded, struct fct_str detail,
                          unsigned depth, bool *hit)
{
    const struct fct_str *target;
    struct settings settings;
    uint64_t account;
    size_t n;

    *hit = true;
    if (!directory_account_settings(r->s, folded, r->arena, &account, &settings, r->err))
        return false;
    if (account)
        return add_target(r, account, folded, detail, settings);
    if (!directory_alias(r->s, folded, r->arena, &target, &n, r->err))
        return false;
    *hit = n > 0;
    return resolve_targets(r, target, n, detail, depth);
}

static bool resolve_one(struct resolve *r, struct fct_str folded, struct fct_str detail,
                        unsigned depth, bool *hit)
{
    struct fct_str base, found, domain = directory_domain(folded);

    if (!resolve_exact(r, folded, detail, depth, hit))
        return false;
    if (!*hit && split_detail(r, folded, &base, &found) &&
        !resolve_exact(r, base, found, depth, hit))
        return false;
    if (*hit || domain.n == 0)
        return true;
    return resolve_exact(r, (struct fct_str){domain.p - 1, domain.n + 1}, detail, depth, hit);
}

struct first_account {
    uint64_t account;
    struct fct_str name;
    struct arena *arena;
};

static bool take_lowest(void *arg, struct fct_str address, uint64_t account)
{
    struct first_account *f = arg;

    if (!f->account || account < f->account) {
        f->account = account;
        f->name = arena_str(f->arena, address);
    }
    return true;
}

/* "postmaster" without a domain: alias postmaster, or the first account (RFC 5321 4.5.1). */
static bool resolve_postmaster(struct resolve *r)
{
    struct first_account first = {.arena = r->arena};
    const struct fct_str *target;
    struct settings settings;
    size_t n;

    if (!directory_alias(r->s, FCT_STR("postmaster"), r->arena, &target, &n, r->err))
        return false;
    if (n > 0)
        return resolve_targets(r, target, n, FCT_STR(""), 0);
    if (!directory_accounts(r->s->driver, NULL, take_lowest, &first, r->err))
        return false;
    if (!first.account)
        return true;
    return directory_account_settings(r->s, first.name, r->arena, &first.account, &settings,
                                      r->err) &&
           add_target(r, first.account, first.name, FCT_STR(""), settings);
}

/* A bounce that comes back by one of our SRS addresses: on to the true sender. */
static bool resolve_back(struct resolve *r, struct fct_str address)
{
    struct fct_str sender;

    return forward_back(r->s, r->arena, address, &sender, r->err) &&
           resolve_targets(r, &sender, 1, FCT_STR(""), 0);
}

/* "forward-confirm+CODE": what is sent there is a yes, and goes to no mailbox. */
static bool resolve_consent(struct resolve *r, struct fct_str folded)
{
    struct fct_str code = str_skip(folded, sizeof CONSENT_LOCAL - 1), account, target;

    code = str_head(code, (size_t)(str_find_last_char(code, '@')));
    if (!consent_read(r->s, r->arena, code, &account, &target, r->err) || !add_remote(r, folded))
        return false;
    r->target[0].detail = STORE_CONSENT;
    return true;
}

bool directory_resolve(struct server *s, struct fct_str address, struct arena *arena,
                       struct store_resolution *out, struct fct_err *err)
{
    struct resolve r = {.s = s, .arena = arena, .err = err};
    struct fct_str folded;
    bool local = true, hit, ok;

    *out = (struct store_resolution){.what = RESOLVED_NOT_LOCAL};
    if (str_equal_nocase(address, FCT_STR("postmaster"))) {
        ok = resolve_postmaster(&r);
    } else {
        if (!directory_fold(address, false, arena, &folded, err) ||
            !directory_is_local(s, directory_domain(folded), &local, err))
            return false;
        if (forward_knows(s, address, local)) {
            local = true;
            ok = resolve_back(&r, address);
        } else if (local && str_starts(folded, FCT_STR(CONSENT_LOCAL))) {
            ok = resolve_consent(&r, folded);
        } else {
            ok = !local || resolve_one(&r, folded, FCT_STR(""), 0, &hit);
        }
    }
    if (!ok)
        return false;
    if (local)
        out->what = r.n > 0 ? RESOLVED_LOCAL : RESOLVED_UNKNOWN_USER;
    out->target = r.target;
    out->n = r.n;
    return true;
}
