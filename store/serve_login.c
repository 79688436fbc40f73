/* serve_login.c - requests about who is there: passwords, proofs, senders. */
#include "store/client.h"
#include "store/directory.h"
#include "store/password.h"

#include "core/base/str.h"

/* The account of a login name (its full address) and its password record; *account 0: none. */
static bool find_user(struct request *rq, struct fct_str user, struct fct_str *name,
                      uint64_t *account, struct password *record)
{
    struct fct_err ignored;
    bool found = false;

    *account = 0;
    if (!directory_fold(user, false, rq->arena, name, &ignored)) {
        *name = str_head(user, 200);
        return true;
    }
    if (!directory_account(rq->s, *name, account, rq->err))
        return false;
    if (*account && !password_get(rq->s, *account, rq->arena, record, &found, rq->err))
        return false;
    if (!found)
        *account = 0;
    return true;
}

static bool open_principal(struct request *rq, uint64_t account, struct fct_str name)
{
    uint32_t handle = rq->client->conn ? principal_open(rq->client, account) : 0;

    if (!handle)
        return fct_fail(rq->err, FCT_TEMP, "too many logins");
    ipc_put_u32(&rq->out, handle);
    ipc_put_str(&rq->out, name);
    return true;
}

/* One text for all: it must not tell an unknown user from a wrong password. */
static bool wrong(struct request *rq)
{
    return fct_fail(rq->err, FCT_DENIED, "authentication failed");
}

bool serve_login(struct request *rq)
{
    struct fct_str user = ipc_get_str(&rq->in), text = ipc_get_str(&rq->in), name;
    struct password record;
    uint64_t account;
    bool right;

    if (!request_read_all(rq) || !find_user(rq, user, &name, &account, &record) ||
        !password_check(rq->s, name, text, account ? &record : NULL, &right, rq->err))
        return false;
    return right ? open_principal(rq, account, name) : wrong(rq);
}

bool serve_scram_salt(struct request *rq)
{
    struct fct_str user = ipc_get_str(&rq->in), name;
    struct password record;
    uint64_t account;

    if (!request_read_all(rq) || !find_user(rq, user, &name, &account, &record))
        return false;
    if (!account) {
        scram_made_up_salt(rq->s, name, record.salt);
        record.iterations = SCRAM_ITERATIONS;
    }
    ipc_put_str(&rq->out, (struct fct_str){(const char *)record.salt, sizeof record.salt});
    ipc_put_u32(&rq->out, record.iterations);
    return true;
}

bool serve_scram_login(struct request *rq)
{
    struct fct_str user = ipc_get_str(&rq->in), message = ipc_get_str(&rq->in),
                   proof = ipc_get_str(&rq->in), name;
    struct password record = {0};
    uint8_t signature[SCRAM_KEY];
    uint64_t account;

    if (!request_read_all(rq) || !find_user(rq, user, &name, &account, &record))
        return false;
    if (!scram_check(&record, message, proof, signature) || !account)
        return wrong(rq);
    ipc_put_str(&rq->out, (struct fct_str){(const char *)signature, sizeof signature});
    return open_principal(rq, account, name);
}

/* Only with store.login_as: whoever holds one login could otherwise read all mail. */
bool serve_login_as(struct request *rq)
{
    struct fct_str user = ipc_get_str(&rq->in), name;
    uint64_t account;

    if (!request_read_all(rq) || !directory_fold(user, false, rq->arena, &name, rq->err) ||
        !directory_account(rq->s, name, &account, rq->err))
        return false;
    if (!rq->s->conf->login_as)
        return fct_fail(rq->err, FCT_DENIED, "store.login_as does not allow another account");
    if (!account)
        return fct_fail(rq->err, FCT_DENIED, "no account %.*s", FCT_FMT(name));
    if (!open_principal(rq, account, name))
        return false;
    principal_close(rq->client, rq->principal);
    return true;
}

bool serve_logout(struct request *rq)
{
    if (!request_read_all(rq))
        return false;
    principal_close(rq->client, rq->principal);
    return true;
}

/* Its own address, with any detail, or an alias that leads to it alone. */
bool serve_may_send_as(struct request *rq)
{
    struct fct_str address = ipc_get_str(&rq->in);
    struct store_resolution found;

    if (!request_read_all(rq))
        return false;
    if (!directory_resolve(rq->s, address, rq->arena, &found, rq->err)) {
        if (rq->err->class != FCT_SYNTAX)
            return false;
        *rq->err = (struct fct_err){0};
    }
    ipc_put_bool(&rq->out, found.n == 1 && found.target[0].account == rq->account);
    return true;
}
