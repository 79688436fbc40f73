/* audience.c - see audience.h. Those without anything of their own are told apart by a pointer, the
 * others by a key in a map: many recipients cost no more than many look-ups. */
#include "core/hook/audience.h"

#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/log/log.h"
#include "core/plugin/plugin_host.h"

#define KEY_MAX (64u << 10)

void audience_show(struct transaction *tx, const struct filter_recipient *recipient, size_t n)
{
    tx->person = ARENA_ARRAY(tx->arena, struct call_person, n + 1);
    tx->persons = n;
    for (size_t i = 0; i < n; i++)
        tx->person[i] = (struct call_person){
            .is = {.size = sizeof tx->person[i].is,
                   .recipient = recipient[i].recipient,
                   .account = recipient[i].account,
                   .detail = recipient[i].detail},
            .setting = recipient[i].setting,
        };
}

void audience_of_queue(struct transaction *tx, const struct fct_list *remote)
{
    struct filter_recipient *recipient =
        ARENA_ARRAY(tx->arena, struct filter_recipient, remote->n + 1);

    for (size_t i = 0; i < remote->n; i++)
        recipient[i] = (struct filter_recipient){.recipient = remote->item[i]};
    audience_show(tx, recipient, remote->n);
}

/* ---- the profile ---- */

struct profile_wish audience_wish(const struct transaction *tx, const struct filter_recipient *r)
{
    return (struct profile_wish){.asked = r->profile,
                                 .setting = setting_value(r->setting, FCT_STR("profile")),
                                 .recipient = r->recipient,
                                 .account = r->account,
                                 .role = tx->conn->role};
}

static const struct profile *profile_of(const struct profile_set *profiles,
                                        const struct transaction *tx,
                                        const struct filter_recipient *r)
{
    struct profile_wish wish = audience_wish(tx, r);
    bool unknown = false;
    const struct profile *p = profile_choose(profiles, &wish, &unknown);

    if (unknown)
        log_event(EV_WARNING, tx->id, F_C("text", "a recipient asks for a profile nobody has"),
                  F_STR("rcpt", r->recipient),
                  F_STR("profile", wish.asked.n > 0 ? wish.asked : wish.setting),
                  F_C("used", p->name));
    return p;
}

/* ---- what is somebody's own ---- */

/* Settings that change the judgement; `profile` does so by its profile. */
static bool judges(struct fct_str item)
{
    const struct account_setting *s = account_setting_find(str_split(&item, '='));

    return s && (s->kind == SETTING_SCORE || s->kind == SETTING_SENDERS ||
                 str_equal(str_from(s->name), FCT_STR("block_action")) ||
                 str_equal(str_from(s->name), FCT_STR("allow_unproven")));
}

/* The store keeps settings in order of their names: equal wishes make equal keys. False: nothing of
 * its own. */
static bool put_own(struct fct_list setting, struct buf *key)
{
    bool any = false;

    for (size_t i = 0; i < setting.n; i++)
        if (judges(setting.item[i])) {
            buf_put_str(key, setting.item[i]);
            buf_put_char(key, '\n');
            any = true;
        }
    return any;
}

/* ---- groups ---- */

struct grouping {
    struct audience out;
    struct transaction *tx;
    struct map *own; /* key → place + 1; NULL until somebody has something of his own */
    struct buf key;
};

static uint32_t add_group(struct grouping *g, const struct audience_group *group)
{
    g->out.group[g->out.n] = *group;
    return (uint32_t)g->out.n++;
}

static uint32_t plain_place(struct grouping *g, const struct profile *profile)
{
    for (uint32_t i = 0; i < g->out.n; i++)
        if (g->out.group[i].profile == profile && !g->out.group[i].person)
            return i;
    return add_group(
        g, &(struct audience_group){.profile = profile, .label = str_from(profile->name)});
}

static uint32_t own_place(struct grouping *g, const struct profile *profile, bool settings,
                          const struct call_person *person)
{
    struct audience_group group = {.profile = profile, .label = str_from(profile->name)};
    void *known;
    uint32_t place;

    buf_put_c(&g->key, profile->name);
    if (person->hit)
        buf_printf(&g->key, "\n%.*s", FCT_FMT(person->is.account));
    if (!g->own)
        g->own = map_new();
    known = map_get(g->own, buf_str(&g->key));
    if (known)
        return (uint32_t)((uintptr_t)known - 1);
    if (settings) {
        group.profile = profile_with_own(g->tx->arena, profile, person->setting);
        group.label = arena_printf(g->tx->arena, "%s+own", profile->name);
        group.setting = person->setting;
    }
    group.person = person->hit ? person : NULL;
    place = add_group(g, &group);
    map_put(g->own, buf_str(&g->key), (void *)((uintptr_t)place + 1));
    return place;
}

static uint32_t place_of(struct grouping *g, const struct profile_set *profiles,
                         const struct filter_recipient *r, const struct call_person *person)
{
    const struct profile *profile = profile_of(profiles, g->tx, r);
    bool settings;

    buf_clear(&g->key);
    settings = put_own(person->setting, &g->key);
    return settings || person->hit ? own_place(g, profile, settings, person)
                                   : plain_place(g, profile);
}

struct audience audience_group(const struct profile_set *profiles, struct transaction *tx,
                               const struct filter_recipient *recipient, size_t n)
{
    static const struct filter_recipient nobody;
    struct grouping g = {.tx = tx, .key = BUF_INIT(KEY_MAX)};

    g.out.group = ARENA_ARRAY(tx->arena, struct audience_group, n + 1);
    g.out.of = ARENA_ARRAY(tx->arena, uint32_t, n + 1);
    for (size_t i = 0; i < n; i++)
        g.out.of[i] = place_of(&g, profiles, &recipient[i], &tx->person[i]);
    if (n == 0)
        (void)plain_place(&g, profile_of(profiles, tx, &nobody));
    if (g.own)
        map_free(&g.own);
    buf_free(&g.key);
    return g.out;
}
