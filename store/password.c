/* password.c - hashing, checking, remembering what was checked. */
#include "store/password.h"

#include "core/base/id.h"
#include "core/base/str.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#define PASSWORD_VERSION 1
#define PASSWORD_MAX     512 /* bytes, CRYPT_MAX_PASSPHRASE_SIZE */
#define KEYS_DECIDE                                                                              \
    "$scram$" /* facteur dev: for a hash; one derivation an account, a thousand load in a second \
               */
#define DIGEST 32

/* Verified logins: a digest under a key of this process stands for user, password and stored hash,
 * so a changed password never matches. */
struct passwords {
    uint8_t key[DIGEST];
    struct map *known;
    uint8_t (*ring)[DIGEST]; /* in order of entry */
    size_t n, next, room;
    struct turn turn;
};

struct passwords *passwords_new(const struct server *s)
{
    struct passwords *p = calloc(1, sizeof *p);

    FCT_ASSERT(p);
    random_bytes(p->key, sizeof p->key);
    p->known = map_new();
    p->room = s->conf->login_cache;
    p->turn.places = s->conf->hash_threads ? s->conf->hash_threads : 1;
    return p;
}

void passwords_free(struct passwords **pp)
{
    struct passwords *p = *pp;

    *pp = NULL;
    if (!p)
        return;
    map_free(&p->known);
    free(p->ring);
    free(p->turn.waiting);
    OPENSSL_cleanse(p->key, sizeof p->key);
    free(p);
}

/* ---- primitives ---- */

static bool is_usable(struct fct_str text)
{
    return text.n > 0 && text.n < PASSWORD_MAX && !memchr(text.p, 0, text.n);
}

/* `setting`: a stored hash, or "" for a fresh salt. Empty result: crypt(3) refused. */
static void crypt_text(const char *text, const char *setting, char out[CRYPT_OUTPUT_SIZE])
{
    struct crypt_data *data = calloc(1, sizeof *data);
    char fresh[CRYPT_GENSALT_OUTPUT_SIZE] = "";
    const char *hash = NULL;

    FCT_ASSERT(data);
    if (!*setting && crypt_gensalt_rn("$y$", 0, NULL, 0, fresh, (int)sizeof fresh))
        setting = fresh;
    if (*setting)
        hash = crypt_rn(text, setting, data, (int)sizeof *data);
    snprintf(out, CRYPT_OUTPUT_SIZE, "%s", hash && *hash != '*' ? hash : "");
    OPENSSL_cleanse(data, sizeof *data);
    free(data);
}

/* ---- making ---- */

struct making {
    const char *text;
    bool cheap;
    char hash[CRYPT_OUTPUT_SIZE];
    struct password made;
    bool ok;
};

/* By the salt and iterations in p. */
static bool derive_scram(struct fct_str text, struct password *p)
{
    struct scram_keys keys;

    if (!scram_derive(text, (struct fct_str){(const char *)p->salt, sizeof p->salt}, p->iterations,
                      &keys))
        return false;
    memcpy(p->stored_key, keys.stored_key, sizeof p->stored_key);
    memcpy(p->server_key, keys.server_key, sizeof p->server_key);
    scram_keys_forget(&keys);
    return true;
}

static void make_work(void *arg)
{
    struct making *m = arg;

    if (m->cheap)
        snprintf(m->hash, sizeof m->hash, "%s", KEYS_DECIDE);
    else
        crypt_text(m->text, "", m->hash);
    m->made.iterations = SCRAM_ITERATIONS;
    random_bytes(m->made.salt, sizeof m->made.salt);
    m->ok = *m->hash && derive_scram(str_from(m->text), &m->made);
}

struct make_one {
    struct making *m;
};

static void make_in_fiber(void *arg)
{
    offload(make_work, ((struct make_one *)arg)->m);
}

static bool make_some(struct server *s, const struct fct_str *text, size_t n, struct arena *arena,
                      struct password *out, struct fct_err *err)
{
    struct making *m = calloc(n + 1, sizeof *m);
    struct make_one *one = calloc(n + 1, sizeof *one);
    struct fiber_group group = {0};
    bool ok = true;

    FCT_ASSERT(m && one);
    for (size_t i = 0; i < n; i++) {
        m[i].text = arena_cstr(arena, text[i]);
        m[i].cheap = s->dev;
        one[i].m = &m[i];
        fiber_group_run(&group, make_in_fiber, &one[i]);
    }
    fiber_group_wait(&group);
    for (size_t i = 0; i < n; i++) {
        ok = ok && (m[i].ok || fct_fail(err, FCT_TEMP, "a password could not be hashed"));
        out[i] = m[i].made;
        out[i].hash = arena_str(arena, str_from(m[i].hash));
    }
    free(one);
    free(m);
    return ok;
}

bool password_make_all(struct server *s, const struct fct_str *text, size_t n, struct arena *arena,
                       struct password *out, struct fct_err *err)
{
    const size_t at_once = 64;

    for (size_t i = 0; i < n; i++)
        if (!is_usable(text[i]))
            return fct_fail(err, FCT_SYNTAX, "a password has 1 to %d bytes and no NUL",
                            PASSWORD_MAX - 1);
    for (size_t i = 0; i < n; i += at_once)
        if (!make_some(s, text + i, n - i < at_once ? n - i : at_once, arena, out + i, err))
            return false;
    return true;
}

bool password_make(struct server *s, struct fct_str text, struct arena *arena, struct password *out,
                   struct fct_err *err)
{
    return password_make_all(s, &text, 1, arena, out, err);
}

/* ---- checking ---- */

static void login_digest(const struct passwords *p, struct fct_str user, struct fct_str text,
                         const struct password *record, uint8_t out[DIGEST])
{
    struct buf all = BUF_INIT(8192);

    buf_put_str(&all, user);
    buf_put_char(&all, 0);
    buf_put_str(&all, text);
    buf_put_char(&all, 0);
    if (record) { /* a hash may be "$scram$", the keys never repeat */
        buf_put_str(&all, record->hash);
        buf_put(&all, record->stored_key, sizeof record->stored_key);
    }
    scram_hmac(p->key, sizeof p->key, buf_str(&all), out);
    if (all.p)
        OPENSSL_cleanse(all.p, all.n);
    buf_free(&all);
}

static void remember(struct passwords *p, const uint8_t digest[DIGEST])
{
    struct fct_str key = {(const char *)digest, DIGEST};

    if (p->room == 0 || map_get(p->known, key))
        return;
    if (!p->ring) {
        p->ring = calloc(p->room, sizeof *p->ring);
        FCT_ASSERT(p->ring);
    }
    if (p->n == p->room)
        map_remove(p->known, (struct fct_str){(const char *)p->ring[p->next], DIGEST});
    else
        p->n++;
    memcpy(p->ring[p->next], digest, DIGEST);
    p->next = (p->next + 1) % p->room;
    map_put(p->known, key, p);
}

struct checking {
    const char *text, *hash;       /* hash "": unknown user */
    const struct password *record; /* or NULL */
    bool cheap, right;
};

/* Against the SCRAM keys. An unknown user costs the same. */
static void check_keys(struct checking *c)
{
    struct password made = {.iterations = SCRAM_ITERATIONS};

    if (c->record) {
        made.iterations = c->record->iterations;
        memcpy(made.salt, c->record->salt, sizeof made.salt);
    }
    c->right = made.iterations > 0 && derive_scram(str_from(c->text), &made) && c->record &&
               CRYPTO_memcmp(made.stored_key, c->record->stored_key, SCRAM_KEY) == 0;
    OPENSSL_cleanse(&made, sizeof made);
}

static void check_work(void *arg)
{
    struct checking *c = arg;
    char out[CRYPT_OUTPUT_SIZE] = "";

    if (c->record ? strcmp(c->hash, KEYS_DECIDE) == 0 : c->cheap) {
        check_keys(c);
        return;
    }
    if (*c->hash)
        crypt_text(c->text, c->hash, out);
    if (!*out) { /* unknown user or malformed hash: take the time of a real check, deny */
        crypt_text(c->text, "", out);
        return;
    }
    c->right = strlen(out) == strlen(c->hash) && CRYPTO_memcmp(out, c->hash, strlen(out)) == 0;
}

bool password_check(struct server *s, struct fct_str user, struct fct_str text,
                    const struct password *record, bool *right, struct fct_err *err)
{
    struct passwords *p = s->passwords;
    struct checking c = {.record = record, .cheap = s->dev};
    uint8_t digest[DIGEST];
    struct arena *arena;

    *right = false;
    if (!is_usable(text))
        return true;
    login_digest(p, user, text, record, digest);
    if (record && map_get(p->known, (struct fct_str){(const char *)digest, DIGEST})) {
        *right = true;
        return true;
    }
    if (!turn_take(&p->turn, err))
        return false;
    arena = arena_new(NULL);
    c.text = arena_cstr(arena, text);
    c.hash = record ? arena_cstr(arena, record->hash) : "";
    offload(check_work, &c);
    arena_free(&arena);
    turn_give(&p->turn);
    *right = c.right;
    if (c.right)
        remember(p, digest);
    return true;
}

void scram_made_up_salt(const struct server *s, struct fct_str user, uint8_t salt[SCRAM_SALT])
{
    struct buf text = BUF_INIT(8192);
    uint8_t digest[DIGEST];

    buf_put_c(&text, "scram salt ");
    buf_put_str(&text, user);
    scram_hmac(s->blob_key, sizeof s->blob_key, buf_str(&text), digest);
    memcpy(salt, digest, SCRAM_SALT);
    buf_free(&text);
}

/* RFC 5802 3: ClientSignature, ClientKey = ClientProof XOR ClientSignature, H(ClientKey) =
 * StoredKey. */
bool scram_check(const struct password *record, struct fct_str auth_message, struct fct_str proof,
                 uint8_t signature[SCRAM_KEY])
{
    scram_hmac(record->server_key, SCRAM_KEY, auth_message, signature);
    return scram_proof_is_right(record->stored_key, auth_message, proof);
}

/* ---- stored form ---- */

void password_encode(const struct password *p, struct buf *out)
{
    record_begin(out, PASSWORD_VERSION);
    pack_str(out, p->hash);
    pack_uint(out, p->iterations);
    buf_put(out, p->salt, sizeof p->salt);
    buf_put(out, p->stored_key, sizeof p->stored_key);
    buf_put(out, p->server_key, sizeof p->server_key);
    record_end(out);
}

static void get_bytes(struct unpack *u, uint8_t *to, size_t n)
{
    struct fct_str bytes = unpack_bytes(u, n);

    if (bytes.p)
        memcpy(to, bytes.p, n);
}

bool password_decode(struct fct_str value, struct arena *arena, struct password *out)
{
    struct unpack u;

    *out = (struct password){0};
    if (!record_open(value, PASSWORD_VERSION, &u))
        return false;
    out->hash = arena_str(arena, unpack_str(&u));
    out->iterations = unpack_uint32(&u);
    get_bytes(&u, out->salt, sizeof out->salt);
    get_bytes(&u, out->stored_key, sizeof out->stored_key);
    get_bytes(&u, out->server_key, sizeof out->server_key);
    return unpack_ok(&u);
}

bool password_get(struct server *s, uint64_t account, struct arena *arena, struct password *out,
                  bool *found, struct fct_err *err)
{
    struct buf value = BUF_INIT(4096);
    bool ok = s->driver->ops->get(s->driver, NULL, account, FCT_STR("p"), &value, found, err);

    if (ok && *found && !password_decode(buf_str(&value), arena, out))
        ok = fct_fail(err, FCT_TEMP, "a password record is damaged");
    buf_free(&value);
    return ok;
}
