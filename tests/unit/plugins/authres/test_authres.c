/* test_authres.c - the field above the message: what other plugins left, in our name, and nobody
 * else's. */
#include "../../core/hook/plugin_rig.h"

static struct plugin_rig rig;

/* ---- a plugin that leaves facts ---- */

static const struct fct_host *host;
static const char *const *facts;

static enum fct_verdict leave(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev;
    (void)state;
    for (size_t i = 0; facts[i]; i++)
        host->fact_add(call, "auth", str_from(facts[i]));
    return FCT_NEXT;
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    (void)self;
    (void)conf;
    (void)state;
    (void)err;
    host = given;
    return true;
}

static const struct fct_hook_row hooks[] = {FCT_ON(scan, leave, .provides = "facts")};
static const struct fct_plugin leaver = {
    .head = FCT_PLUGIN_HEAD,
    .name = "leaver",
    .version = "1",
    .summary = "leaves facts",
    .license = "none",
    .hooks = hooks,
    .nhooks = 1,
    .start = start,
};

/* ---- the field ---- */

#define ID   "Authentication-Results: mx.example.org"
#define REST "From: <a@b>\r\n\r\nbody\r\n"

static const struct {
    const char *name;
    const char *facts[5];
    const char *key, *value; /* of the plugin's block; NULL: none */
    const char *text, *want;
} rows[] = {
    {"three in their order",
     {"spf=pass smtp.mailfrom=b", "dkim=none", "dmarc=pass header.from=b"},
     NULL,
     NULL,
     REST,
     ID ";\r\n\tspf=pass smtp.mailfrom=b;\r\n\tdkim=none;\r\n\tdmarc=pass header.from=b\r\n" REST},
    {"nothing was found", {NULL}, NULL, NULL, REST, REST},
    {"nothing was found, and that is said", {NULL}, "when_none", "yes", REST, ID "; none\r\n" REST},
    {"one is hidden",
     {"iprev=fail policy.iprev=192.0.2.1", "iprevious=x", "spf=none"},
     "hide",
     "iprev",
     REST,
     ID ";\r\n\tiprevious=x;\r\n\tspf=none\r\n" REST},
    {"an injected result is left out",
     {"spf=fail smtp.mailfrom=b", "dkim=fail header.d=x;dmarc=pass", "x=y\r\nX-Evil: 1"},
     NULL,
     NULL,
     REST,
     ID ";\r\n\tspf=fail smtp.mailfrom=b\r\n" REST},
    {"forged fields go, ours stays on top",
     {"spf=fail smtp.mailfrom=b"},
     NULL,
     NULL,
     "Received: x\r\nAuthentication-Results: mx.example.org; spf=pass\r\n" REST,
     ID ";\r\n\tspf=fail smtp.mailfrom=b\r\nReceived: x\r\n" REST},
};

START_TEST(fields)
{
    const char *values[] = {rows[_i].value};
    struct conf_pair pair = {.key = rows[_i].key, .values = {values, 1}, .file = "test", .line = 1};
    struct fct_str text = str_from(rows[_i].text), view;
    const struct filter_result *r;
    struct fct_err err = {0};

    facts = rows[_i].facts;
    plugin_rig_start(&rig, NULL);
    plugin_rig_adopt(&rig, &leaver);
    ck_assert_msg(plugin_load(&rig.engine.set, &rig.origin, "headers", NULL, NULL, 0, &err), "%s",
                  err.text);
    ck_assert_msg(plugin_load(&rig.engine.set, &rig.origin, "authres", NULL, &pair,
                              rows[_i].key != NULL, &err),
                  "%s", err.text);
    ck_assert_msg(plugin_rig_plan(&rig, &err), "%s", err.text);
    r = plugin_rig_message(&rig, FCT_ROLE_MX, text);
    view = plugin_rig_view(&rig, r, text);
    ck_assert_msg(str_equal(view, str_from(rows[_i].want)), "%s: %.*s", rows[_i].name,
                  FCT_FMT(view));
    r = plugin_rig_message(&rig, FCT_ROLE_LMTP, str_from(REST)); /* somebody before us checks */
    ck_assert(str_equal(plugin_rig_view(&rig, r, str_from(REST)), str_from(REST)));
    plugin_rig_stop(&rig);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("authres");
    TCase *tc = tcase_create("authres");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, fields, 0, (int)FCT_COUNT(rows));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
