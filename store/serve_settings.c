/* serve_settings.c - requests of facteurctl about one account: what it is, and its settings. */
#include "store/client.h"
#include "store/directory.h"
#include "store/forward.h"

#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/log/log.h"

struct known_account {
    struct fct_str address; /* folded */
    uint64_t id;
    struct settings settings;
};

static bool find(struct request *rq, struct fct_str address, struct known_account *out)
{
    if (!directory_fold(address, false, rq->arena, &out->address, rq->err) ||
        !directory_account_settings(rq->s, out->address, rq->arena, &out->id, &out->settings,
                                    rq->err))
        return false;
    return out->id || fct_fail(rq->err, FCT_DENIED, "no account %.*s", FCT_FMT(out->address));
}

/* Only who gets the mail says yes to it (consent.c). */
static bool is_consent(struct fct_str change)
{
    struct fct_str value = change, name = str_split(&value, '=');

    return str_equal(name, FCT_STR("forward_confirmed")) && value.p && value.n > 0;
}

static bool check_each(struct request *rq, const struct fct_str *change, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_consent(change[i]))
            return fct_fail(rq->err, FCT_DENIED,
                            "forward_confirmed: only `facteurctl forward confirm CODE` sets it");
        else if (!account_setting_check(change[i], rq->err))
            return false;
    return true;
}

/* After the settings of an account were changed: asks whoever is new in `forward`. */
static FCT_MAY_WAIT bool ask_consent(struct request *rq, const struct known_account *account,
                                     struct settings now)
{
    struct fct_str target = account_setting_value(now.item, now.n, FCT_STR("forward"));
    struct settings was = account->settings;

    if (target.n == 0 ||
        str_equal(target, account_setting_value(was.item, was.n, FCT_STR("forward"))) ||
        str_equal(target, account_setting_value(now.item, now.n, FCT_STR("forward_confirmed"))))
        return true;
    return consent_ask(rq->s, rq->arena, account->id, account->address, target,
                       account_setting_value(now.item, now.n, FCT_STR("languages")), rq->err);
}

static bool set(struct request *rq, struct fct_str address, const struct fct_str *change, size_t n)
{
    const struct settings_limits limits = {rq->s->conf->max_settings,
                                           rq->s->conf->max_settings_bytes.bytes};
    struct known_account account;
    struct settings settings;
    struct batch b;

    if (!check_each(rq, change, n) || !find(rq, address, &account) ||
        !settings_change(account.settings, change, n, &limits, rq->arena, &settings, rq->err))
        return false;
    batch_init(&b);
    directory_put_settings(&b, account.address, account.id, settings);
    if (!commit_wait(rq->s->commit, commit_submit(rq->s->commit, &b, NULL, 0), rq->err))
        return false;
    directory_changed(rq->s);
    log_event(EV_ACCOUNT, FCT_STR(""), F_C("what", "settings changed"),
              F_STR("name", account.address));
    return ask_consent(rq, &account, settings);
}

bool serve_account_set(struct request *rq)
{
    struct fct_str address = ipc_get_str(&rq->in);
    size_t n;
    const struct fct_str *change = store_get_strs(&rq->in, rq->arena, &n);
    bool ok;

    if (!request_read_all(rq) || !turn_take(&rq->s->admin, rq->err))
        return false;
    ok = set(rq, address, change, n);
    turn_give(&rq->s->admin);
    return ok;
}

bool serve_account_show(struct request *rq)
{
    struct fct_str address = ipc_get_str(&rq->in);
    struct known_account known;
    struct account *a;

    if (!request_read_all(rq) || !find(rq, address, &known) ||
        !account_find(rq->s, known.id, &a, rq->err))
        return false;
    request_depends(rq, a);
    ipc_put_str(&rq->out, known.address);
    ipc_put_u64(&rq->out, known.id);
    ipc_put_u64(&rq->out, a->messages);
    ipc_put_u64(&rq->out, a->bytes);
    ipc_put_u64(&rq->out, a->quota);
    ipc_put_u64(&rq->out, (uint64_t)a->created);
    store_put_strs(&rq->out, known.settings.item, known.settings.n);
    return true;
}

bool serve_forward_confirm(struct request *rq)
{
    struct fct_str code = ipc_get_str(&rq->in), account, target;

    if (!request_read_all(rq) || !consent_give(rq->s, rq->arena, code, &account, &target, rq->err))
        return false;
    ipc_put_str(&rq->out, account);
    ipc_put_str(&rq->out, target);
    return true;
}
