/* ctl_account.c - accounts: who may log in and receive mail. */
#include "core/ctl/ctl_account.h"

#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_password.h"
#include "core/hook/profile.h"
#include "core/plugin/plugin_conf.h"
#include "store/store_client.h"

#include <stdio.h>

/* One sentence for people, one object for programs. */
static int done(struct ctl *c, const char *what, struct fct_str address)
{
    struct buf text = BUF_INIT(4096);

    if (c->json) {
        ctl_print_json(json_pack("{s:o, s:s}", "account", ctl_json_str(address), "done", what));
        return CTL_OK;
    }
    ctl_put_safe(address, &text);
    buf_printf(&text, " %s\n", what);
    ctl_print(&text);
    buf_free(&text);
    return CTL_OK;
}

static int change(struct ctl *c, const char *what,
                  bool (*call)(struct store *st, struct fct_str address, struct fct_str password,
                               struct fct_err *err))
{
    struct fct_str address = str_from(c->word[0]), password;
    struct fct_err err = {0};

    if (!ctl_password_read(c->arena, c->word[0], &password, &err) ||
        !call(c->store, address, password, &err))
        return ctl_error(&err);
    return done(c, what, address);
}

int ctl_account_add(struct ctl *c)
{
    return change(c, "added", store_account_add);
}

int ctl_account_passwd(struct ctl *c)
{
    return change(c, "has a new password", store_account_password);
}

/* What plugins have learned is in Redis, not in the store. */
static bool has_learner(const struct ctl *c)
{
    static const char *const learners[] = {"bayes", "fuzzy", "reputation"};
    const struct plugin_conf *block;
    const char *label;

    for (size_t i = 0; (block = config_each(c->config, &plugin_block, i, &label)); i++)
        for (size_t k = 0; k < FCT_COUNT(learners); k++)
            if (strcmp(block->use[0] ? block->use : label, learners[k]) == 0)
                return true;
    return false;
}

int ctl_account_remove(struct ctl *c)
{
    struct fct_str address = str_from(c->word[0]);
    struct fct_err err = {0};

    if (!ctl_option(c, "--yes") &&
        !ctl_confirm(arena_printf(c->arena, "Remove %s and all its mail, for ever?", c->word[0]).p))
        return CTL_NO;
    if (!store_account_remove(c->store, address, &err))
        return ctl_error(&err);
    if (has_learner(c))
        (void)fprintf(stderr,
                      "facteurctl: what its owner taught stays until "
                      "`facteurctl learn forget --account %s`\n",
                      c->word[0]);
    return done(c, "removed", address);
}

/* ---- settings ---- */

/* A name that nearly is one of the server's own: it was set, for rules may have any, but is it
 * meant? */
static void doubt_name(struct ctl *c, struct fct_str item)
{
    const char *name = arena_cstr(c->arena, str_split(&item, '=')), *names[64], *near;
    size_t n = 0;

    if (account_setting_find(str_from(name)))
        return;
    for (const struct account_setting *s = account_settings; s->name && n < FCT_COUNT(names); s++)
        names[n++] = s->name;
    near = ctl_nearest(name, names, n);
    if (near)
        (void)fprintf(stderr,
                      "facteurctl: %s is set, for rules that ask for it; the server itself "
                      "knows %s\n",
                      name, near);
}

/* A profile that this configuration does not have judges as if none were set. */
static void doubt_profile(struct ctl *c, struct fct_str item)
{
    const char *label;

    if (!str_equal(str_split(&item, '='), FCT_STR("profile")) || item.n == 0 ||
        str_equal(item, FCT_STR("default")))
        return;
    for (size_t i = 0; config_each(c->config, &profile_block, i, &label); i++)
        if (str_equal(item, str_from(label)))
            return;
    (void)fprintf(stderr, "facteurctl: profile is set; this configuration has no profile %.*s\n",
                  FCT_FMT(item));
}

/* Nothing is forwarded before its target has agreed (docs/forwarding.md). */
static void say_asked(struct fct_str item)
{
    struct fct_str name = str_split(&item, '=');

    if (str_equal(name, FCT_STR("forward")) && item.n > 0)
        (void)printf("%.*s gets the mail once it has agreed: a message asks it\n", FCT_FMT(item));
}

int ctl_account_set(struct ctl *c)
{
    struct fct_str *change = ARENA_ARRAY(c->arena, struct fct_str, c->words);
    struct fct_str address = str_from(c->word[0]);
    struct fct_err err = {0};

    for (unsigned i = 1; i < c->words; i++)
        change[i - 1] = str_from(c->word[i]);
    if (!store_account_set(c->store, address, change, c->words - 1, &err))
        return ctl_error(&err);
    for (unsigned i = 0; i + 1 < c->words; i++) {
        doubt_name(c, change[i]);
        doubt_profile(c, change[i]);
    }
    for (unsigned i = 0; !c->json && i + 1 < c->words; i++)
        say_asked(change[i]);
    return done(c, "has new settings", address);
}

static void show_json(const struct store_account_detail *a)
{
    json_t *settings = json_object();

    for (size_t i = 0; i < a->nsettings; i++) {
        struct fct_str value = a->setting[i], name = str_split(&value, '=');

        json_object_setn_new(settings, name.p, name.n, ctl_json_str(value));
    }
    ctl_print_json(json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "account",
                             ctl_json_str(a->is.name), "id", (json_int_t)a->is.id, "messages",
                             (json_int_t)a->is.messages, "bytes", (json_int_t)a->is.bytes,
                             "quota_bytes", (json_int_t)a->is.quota_bytes, "created",
                             (json_int_t)a->created, "settings", settings));
}

static void show_text(struct ctl *c, const struct store_account_detail *a)
{
    struct ctl_table t = {.arena = c->arena, .column = {"WHAT", "VALUE"}, .columns = 2};
    struct buf text = BUF_INIT(1 << 20);

    ctl_table_row(&t, (const struct fct_str[]){FCT_STR("account"), a->is.name});
    ctl_table_row(&t, (const struct fct_str[]){FCT_STR("created"), ctl_time(c->arena, a->created)});
    ctl_table_row(
        &t, (const struct fct_str[]){FCT_STR("messages"), ctl_number(c->arena, a->is.messages)});
    ctl_table_row(&t, (const struct fct_str[]){FCT_STR("size"), ctl_bytes(c->arena, a->is.bytes)});
    ctl_table_row(
        &t, (const struct fct_str[]){FCT_STR("quota"), a->is.quota_bytes
                                                           ? ctl_bytes(c->arena, a->is.quota_bytes)
                                                           : FCT_STR("none")});
    for (size_t i = 0; i < a->nsettings; i++) {
        struct fct_str value = a->setting[i], name = str_split(&value, '=');

        ctl_table_row(&t, (const struct fct_str[]){
                              arena_printf(c->arena, "setting %.*s", FCT_FMT(name)), value});
    }
    ctl_table_print(&t, ctl_wants_colour(), &text);
    ctl_print(&text);
    buf_free(&text);
}

int ctl_account_show(struct ctl *c)
{
    struct store_account_detail account;
    struct fct_err err = {0};

    if (!store_account_show(c->store, str_from(c->word[0]), c->arena, &account, &err))
        return ctl_error(&err);
    if (c->json)
        show_json(&account);
    else
        show_text(c, &account);
    return CTL_OK;
}

/* ---- all of them ---- */

static void print_table(struct ctl *c, const struct store_account *list, size_t n)
{
    struct ctl_table t = {
        .arena = c->arena, .column = {"ACCOUNT", "MESSAGES>", "SIZE>", "QUOTA>"}, .columns = 4};
    struct buf text = BUF_INIT(64 << 20);

    for (size_t i = 0; i < n; i++)
        ctl_table_row(&t, (const struct fct_str[]){
                              list[i].name,
                              ctl_number(c->arena, list[i].messages),
                              ctl_bytes(c->arena, list[i].bytes),
                              list[i].quota_bytes > 0 ? ctl_bytes(c->arena, list[i].quota_bytes)
                                                      : FCT_STR("none"),
                          });
    ctl_table_print(&t, ctl_wants_colour(), &text);
    ctl_print(&text);
    buf_free(&text);
}

int ctl_account_list(struct ctl *c)
{
    const struct store_account *list;
    struct fct_err err = {0};
    size_t n;

    if (!store_accounts(c->store, c->arena, &list, &n, &err))
        return ctl_error(&err);
    if (!c->json) {
        print_table(c, list, n);
        return CTL_OK;
    }
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            all,
            json_pack("{s:o, s:I, s:I, s:I, s:I}", "account", ctl_json_str(list[i].name), "id",
                      (json_int_t)list[i].id, "messages", (json_int_t)list[i].messages, "bytes",
                      (json_int_t)list[i].bytes, "quota_bytes", (json_int_t)list[i].quota_bytes));
    ctl_print_json(all);
    return CTL_OK;
}
