/* redis_script.c - scripts by their hash; Redis gets the text when it does not know it. */
#include "core/redis/redis_int.h"

#include "core/base/str.h"
#include <openssl/evp.h>

static void sha1_hex(const char *text, char out[REDIS_SHA_HEX + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    FCT_ASSERT(EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL) == 1);
    for (unsigned i = 0; i < n; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}

/* NULL: too many different ones, their text is sent each time. */
static const char *sha_of(struct redis_scripts *known, const struct fct_redis_script *script)
{
    for (size_t i = 0; i < known->n; i++)
        if (known->script[i].script == script)
            return known->script[i].sha;
    if (known->n == REDIS_SCRIPTS_MAX)
        return NULL;
    known->script[known->n].script = script;
    sha1_hex(script->text, known->script[known->n].sha);
    return known->script[known->n++].sha;
}

const struct fct_redis_reply *redis_script(struct redis *r, struct arena *arena,
                                           const struct fct_redis_script *script,
                                           const struct fct_str *key, size_t keys,
                                           const struct fct_str *arg, size_t args,
                                           struct fct_err *err)
{
    struct fct_str *word = ARENA_ARRAY(arena, struct fct_str, keys + args + 3);
    const struct fct_redis_reply *reply = NULL;
    const char *sha = sha_of(&r->scripts, script);
    struct fct_err why = {0};

    word[2] = arena_printf(arena, "%zu", keys);
    for (size_t i = 0; i < keys + args; i++)
        word[3 + i] = i < keys ? key[i] : arg[i - keys];
    if (sha) {
        word[0] = FCT_STR("EVALSHA");
        word[1] = str_from(sha);
        reply = redis_send(r, arena, word, keys + args + 3, &why);
    }
    if (!sha || (!reply && strstr(why.text, "NOSCRIPT"))) {
        word[0] = FCT_STR("EVAL"); /* Redis keeps it: next time the hash is enough */
        word[1] = str_from(script->text);
        reply = redis_send(r, arena, word, keys + args + 3, &why);
    }
    if (!reply && err) {
        *err = why;
        fct_fail_in(err, "script %s", script->name);
    }
    return reply;
}
