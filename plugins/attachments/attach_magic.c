/* attach_magic.c - see attach_magic.h.
 *
 * What libmagic offers to look into is switched off, where our own bounded readers look: compressed
 * files, tar, compound files, ELF sections, JSON, CSV. */
#include "attach_magic.h"

#include <magic.h>
#include <pthread.h>
#include <stdlib.h>

struct attach_magic {
    magic_t cookie;
    size_t look;
    pthread_mutex_t lock; /* a cookie serves one at a time */
};

#define FLAGS                                                                     \
    (MAGIC_MIME_TYPE | MAGIC_RAW | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | \
     MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_JSON | MAGIC_NO_CHECK_CSV)

/* How deep rules of the database call each other, how often one is called, how far a regular
 * expression and the guess of a character set look. */
static const struct {
    int parameter;
    size_t value;
} limits[] = {
    {MAGIC_PARAM_INDIR_MAX, 10},
    {MAGIC_PARAM_NAME_MAX, 50},
    {MAGIC_PARAM_REGEX_MAX, 4096},
    {MAGIC_PARAM_ENCODING_MAX, 16384},
};

static bool set_up(struct attach_magic *m, const char *path)
{
    for (size_t i = 0; i < FCT_COUNT(limits); i++)
        if (magic_setparam(m->cookie, limits[i].parameter, &limits[i].value) != 0)
            return false;
    return magic_setparam(m->cookie, MAGIC_PARAM_BYTES_MAX, &m->look) == 0 &&
           magic_load(m->cookie, path[0] ? path : NULL) == 0;
}

struct attach_magic *attach_magic_open(const char *path, size_t look, struct fct_err *err)
{
    struct attach_magic *m = calloc(1, sizeof *m);

    err->class = FCT_DENIED;
    (void)snprintf(err->text, sizeof err->text, "no memory for libmagic");
    if (!m)
        return NULL;
    m->look = look;
    m->cookie = magic_open(FLAGS);
    if (m->cookie && set_up(m, path) && pthread_mutex_init(&m->lock, NULL) == 0)
        return m;
    if (m->cookie) {
        const char *why = magic_error(m->cookie);

        (void)snprintf(err->text, sizeof err->text, "libmagic: %.200s",
                       why ? why : "the database cannot be read");
        magic_close(m->cookie);
    }
    free(m);
    return NULL;
}

void attach_magic_close(struct attach_magic *m)
{
    if (!m)
        return;
    magic_close(m->cookie);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

static bool is_type_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("/.+-_", c);
}

struct fct_str attach_magic_type(struct attach_magic *m, struct fct_str bytes,
                                 char out[ATTACH_TYPE_MAX])
{
    struct fct_str type = {out, 0};
    const char *text;

    if (bytes.n == 0)
        return type;
    (void)pthread_mutex_lock(&m->lock);
    text = magic_buffer(m->cookie, bytes.p, bytes.n < m->look ? bytes.n : m->look);
    for (; text && *text && type.n + 1 < ATTACH_TYPE_MAX; text++) {
        char c = (char)(*text >= 'A' && *text <= 'Z' ? *text + ('a' - 'A') : *text);

        if (!is_type_character(c))
            break;
        out[type.n++] = c;
    }
    (void)pthread_mutex_unlock(&m->lock);
    out[type.n] = '\0';
    return type;
}
