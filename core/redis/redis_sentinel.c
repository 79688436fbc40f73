/* redis_sentinel.c - asks Redis Sentinel which server is the master at this moment. Asked again at
 * every connection: a failover ends the old one, because the old master died or because Sentinels
 * made it a replica. */
#include "core/redis/redis_int.h"

#include "core/base/err.h"
#include "core/base/str.h"

static void ignore_loss(void *owner, bool late, const char *why)
{
    (void)owner, (void)late, (void)why;
}

static bool read_address(const struct fct_redis_reply *reply, struct dial_address *out)
{
    uint32_t port;

    if (reply->kind != FCT_REDIS_ARRAY || reply->n != 2 ||
        reply->item[0].kind != FCT_REDIS_STRING || reply->item[0].string.n == 0 ||
        !str_to_u32(reply->item[1].string, &port) || port == 0 || port > UINT16_MAX)
        return false;
    *out = (struct dial_address){.host = reply->item[0].string, .port = (uint16_t)port};
    return true;
}

FCT_MAY_WAIT static bool ask_one(struct redis *r, struct arena *arena,
                                 const struct dial_address *sentinel, struct dial_address *out,
                                 struct fct_err *err)
{
    const struct fct_str word[] = {FCT_STR("SENTINEL"), FCT_STR("get-master-addr-by-name"),
                                   r->place.master};
    const struct fct_redis_reply *reply = NULL;
    struct redis_conn conn;

    redis_conn_init(&conn, r, ignore_loss, NULL);
    if (redis_conn_open(&conn, sentinel, &r->place.sentinel_login, 0, err))
        reply = redis_conn_ask(&conn, arena, word, 3, false, err);
    redis_conn_close(&conn, "it has answered");
    if (!reply)
        return fct_fail_in(err, "Sentinel %.*s", FCT_FMT(redis_address_name(arena, sentinel)));
    return read_address(reply, out) ||
           fct_fail(err, FCT_TEMP, "Sentinel %.*s knows no master named %.*s",
                    FCT_FMT(redis_address_name(arena, sentinel)), FCT_FMT(r->place.master));
}

/* The one that answered comes first next time. */
static void prefer(struct redis_place *place, size_t i)
{
    struct dial_address good = place->address[i];

    place->address[i] = place->address[0];
    place->address[0] = good;
}

bool redis_sentinel_ask(struct redis *r, struct arena *arena, struct dial_address *out,
                        struct fct_err *err)
{
    for (size_t i = 0; i < r->place.n && !fiber_is_cancelled(); i++)
        if (ask_one(r, arena, &r->place.address[i], out, err)) {
            prefer(&r->place, i);
            return true;
        }
    return false;
}

bool redis_sentinel_confirm(struct redis_conn *c, struct arena *arena, struct fct_err *err)
{
    const struct fct_redis_reply *reply = redis_conn_ask(c, arena, &FCT_STR("ROLE"), 1, false, err);

    if (!reply)
        return false;
    return (reply->kind == FCT_REDIS_ARRAY && reply->n > 0 &&
            str_equal(reply->item[0].string, FCT_STR("master"))) ||
           fct_fail(err, FCT_TEMP, "the server that Sentinel named is no master");
}
