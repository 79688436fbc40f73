/* store_client_login.c - asking the store who an address and who a client is. */
#include "store/store_call.h"

bool store_resolve(struct store *st, struct fct_str address, struct arena *arena,
                   struct store_resolution *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_RESOLVE, err);
    struct store_target *target;

    *out = (struct store_resolution){.what = RESOLVED_NOT_LOCAL};
    ipc_put_str(&c.out, address);
    if (store_call_send(&c)) {
        uint8_t what = ipc_get_u8(&c.reply);

        out->what = what <= RESOLVED_NOT_LOCAL ? (enum store_resolved)what : RESOLVED_NOT_LOCAL;
        out->n = ipc_get_count(&c.reply, 16);
        target = ARENA_ARRAY(arena, struct store_target, out->n + 1);
        for (size_t i = 0; i < out->n; i++) {
            target[i].account = ipc_get_u64(&c.reply);
            target[i].name = store_call_copy(&c, arena);
            target[i].detail = store_call_copy(&c, arena);
            target[i].setting = store_call_copies(&c, arena, &target[i].nsettings);
        }
        out->target = target;
        out->suppressed = ipc_get_bool(&c.reply);
        out->reason = store_call_copy(&c, arena);
    }
    return store_call_end(&c);
}

static void get_principal(struct store_call *c, struct arena *arena, struct store_principal *out)
{
    out->handle = store_handle_out(c->st, ipc_get_u32(&c->reply));
    out->name = store_call_copy(c, arena);
}

bool store_login(struct store *st, struct fct_str user, struct fct_str password,
                 struct arena *arena, struct store_principal *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_LOGIN, err);

    *out = (struct store_principal){0};
    ipc_put_str(&c.out, user);
    ipc_put_str(&c.out, password);
    if (store_call_send(&c))
        get_principal(&c, arena, out);
    if (c.out.p)
        explicit_bzero(c.out.p, c.out.n);
    return store_call_end(&c);
}

bool store_scram_salt(struct store *st, struct fct_str user, struct arena *arena,
                      struct fct_str *salt, uint32_t *iterations, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_SCRAM_SALT, err);

    ipc_put_str(&c.out, user);
    if (store_call_send(&c)) {
        *salt = store_call_copy(&c, arena);
        *iterations = ipc_get_u32(&c.reply);
    }
    return store_call_end(&c);
}

bool store_scram_login(struct store *st, struct fct_str user, struct fct_str auth_message,
                       struct fct_str client_proof, struct arena *arena,
                       struct fct_str *server_signature, struct store_principal *out,
                       struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_SCRAM_LOGIN, err);

    *out = (struct store_principal){0};
    ipc_put_str(&c.out, user);
    ipc_put_str(&c.out, auth_message);
    ipc_put_str(&c.out, client_proof);
    if (store_call_send(&c)) {
        *server_signature = store_call_copy(&c, arena);
        get_principal(&c, arena, out);
    }
    return store_call_end(&c);
}

bool store_login_as(struct store *st, struct store_principal *p, struct fct_str account,
                    struct arena *arena, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_LOGIN_AS, p->handle, err);
    struct store_principal now = {0};
    bool ok;

    ipc_put_str(&c.out, account);
    if (store_call_send(&c))
        get_principal(&c, arena, &now);
    ok = store_call_end(&c);
    if (ok)
        *p = now;
    return ok;
}

void store_logout(struct store *st, struct store_principal *p)
{
    if (p->handle) {
        store_watch(st, p->handle, NULL, NULL);
        store_call_notify(st, STORE_LOGOUT, p->handle, NULL, NULL);
    }
    p->handle = 0;
}

bool store_may_send_as(struct store *st, uint32_t principal, struct fct_str address, bool *yes,
                       struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_MAY_SEND_AS, principal, err);

    *yes = false;
    ipc_put_str(&c.out, address);
    if (store_call_send(&c))
        *yes = ipc_get_bool(&c.reply);
    return store_call_end(&c);
}
