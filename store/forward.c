/* forward.c - the secrets of forwarding, and reverse-paths there and back (forward.h).
 *
 * To change a secret put a new line above the old one in srs.key and restart the store; take the
 * old one out when forward.srs_max_age is over. */
#include "store/forward.h"

#include "core/base/base64.h"
#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/message/srs.h"
#include "store/directory.h"
#include "store/io.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_BYTES   24u
#define FILE_MAX    16384u
#define SECRETS_MAX 32u
#define HASH_LENGTH 8u /* characters: 40 bits, tried over the network only */
#define DAY_MS      86400000u

struct forward {
    const struct forward_conf *conf;
    struct arena *arena;
    struct fct_str secret[SECRETS_MAX];
    struct srs_conf srs;
};

/* ---- secrets ---- */

static bool make_key(const char *path, const char *dir, struct fct_err *err)
{
    uint8_t key[KEY_BYTES];
    FCT_CLEANUP(buf_free) struct buf line = BUF_INIT(128);
    struct iovec iov;
    bool ok;
    int fd;

    random_bytes(key, sizeof key);
    base64_encode((struct fct_str){(const char *)key, sizeof key}, &line);
    buf_put_char(&line, '\n');
    iov = (struct iovec){line.p, line.n};
    if (!io_open(path, O_WRONLY | O_CREAT | O_EXCL, &fd, err))
        return false;
    ok = io_write_at(fd, &iov, 1, 0, err) && io_sync(fd, err);
    close(fd);
    return ok && io_sync_dir(dir, err);
}

static bool read_key(const char *path, struct buf *out, struct fct_err *err)
{
    char text[FILE_MAX];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fct_fail(err, FCT_TEMP, "open %s: %s", path, strerror(errno));
    n = read(fd, text, sizeof text);
    close(fd);
    if (n < 0)
        return fct_fail(err, FCT_TEMP, "read %s: %s", path, strerror(errno));
    buf_put(out, text, (size_t)n);
    return true;
}

static void add_secret(struct forward *f, struct fct_str secret)
{
    secret = str_trim(secret);
    if (secret.n > 0 && f->srs.secrets < SECRETS_MAX)
        f->secret[f->srs.secrets++] = arena_str(f->arena, secret);
}

static bool load_file(struct server *s, struct forward *f, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(FILE_MAX + 1);
    struct fct_str rest;
    char path[4096];
    bool ok;

    snprintf(path, sizeof path, "%s/srs.key", s->dir);
    ok = (access(path, F_OK) == 0 || make_key(path, s->dir, err)) && read_key(path, &text, err);
    if (!ok)
        return false;
    for (rest = buf_str(&text); rest.n > 0;)
        add_secret(f, str_split(&rest, '\n'));
    return f->srs.secrets > 0 || fct_fail(err, FCT_TEMP, "%s/srs.key is empty", s->dir);
}

bool forward_open(struct server *s, const struct forward_conf *conf, struct fct_err *err)
{
    struct forward *f = calloc(1, sizeof *f);

    FCT_ASSERT(f);
    s->forward = f;
    f->conf = conf;
    f->arena = arena_new(NULL);
    f->srs = (struct srs_conf){
        .secret = f->secret,
        .domain = str_from(conf->srs_domain),
        .hash_length = HASH_LENGTH,
        .max_age_days = (uint32_t)(conf->srs_max_age.ms / DAY_MS),
    };
    for (size_t i = 0; i < conf->srs_secrets.n; i++)
        add_secret(f, str_from(conf->srs_secrets.item[i]));
    return f->srs.secrets > 0 || load_file(s, f, err);
}

void forward_close(struct server *s)
{
    if (!s->forward)
        return;
    arena_free(&s->forward->arena);
    free(s->forward);
    s->forward = NULL;
}

/* ---- there and back ---- */

static struct srs_conf srs_of(const struct forward *f, struct fct_str domain)
{
    struct srs_conf srs = f->srs;

    if (srs.domain.n == 0)
        srs.domain = domain;
    return srs;
}

/* One that is too long to be rewritten goes as it is: mail that fails SPF there is better than
 * none.
 */
bool forward_sender(struct server *s, struct arena *arena, struct fct_str sender, struct fct_str by,
                    struct fct_str *out, struct fct_err *err)
{
    struct fct_err why = {0};
    struct srs_conf srs;
    bool local;

    *out = sender;
    if (!s->forward || !s->forward->conf->srs || sender.n == 0)
        return true;
    if (!directory_is_local(s, directory_domain(sender), &local, err))
        return false;
    srs = srs_of(s->forward, by);
    if (local || srs_forward(arena, &srs, sender, clock_wall(), out, &why))
        return true;
    *out = sender;
    log_event(EV_WARNING, FCT_STR(""), F_C("text", "a sender is not rewritten"),
              F_STR("from", sender), F_C("why", why.text));
    return true;
}

bool forward_knows(const struct server *s, struct fct_str address, bool is_local)
{
    struct fct_str domain = directory_domain(address);

    return s->forward && srs_is_address(address) &&
           (is_local ||
            (s->forward->srs.domain.n > 0 && str_equal_nocase(domain, s->forward->srs.domain)));
}

bool forward_back(struct server *s, struct arena *arena, struct fct_str address,
                  struct fct_str *out, struct fct_err *err)
{
    struct srs_conf srs = srs_of(s->forward, directory_domain(address));

    if (srs_reverse(arena, &srs, address, clock_wall(), out, err))
        return true;
    err->class = FCT_DENIED; /* whatever is wrong with it: 550, not a syntax error of the client */
    return false;
}

/* ---- codes ---- */

bool forward_hash(const struct server *s, size_t with, struct fct_str a, struct fct_str b,
                  char out[17])
{
    static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789";
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(8192);
    unsigned char mac[EVP_MAX_MD_SIZE];
    const struct forward *f = s->forward;
    unsigned n = 0;

    if (!f || with >= f->srs.secrets)
        return false;
    buf_put_c(&text, "forward");
    buf_put_char(&text, '\0');
    buf_put_str(&text, a);
    buf_put_char(&text, '\0');
    buf_put_str(&text, b);
    if (text.overflow || !HMAC(EVP_sha256(), f->secret[with].p, (int)f->secret[with].n,
                               (const unsigned char *)text.p, text.n, mac, &n))
        return false;
    for (unsigned i = 0; i < 16; i++)
        out[i] = digits[mac[i] & 31];
    out[16] = '\0';
    return true;
}

const struct forward_conf *forward_settings(const struct server *s)
{
    return s->forward ? s->forward->conf : NULL;
}
