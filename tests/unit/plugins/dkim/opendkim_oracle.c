/* opendkim_oracle.c - see opendkim_oracle.h. */
#include "opendkim_oracle.h"

#include <dkim.h>
#include <stdint.h>
#include <stdlib.h>

struct opendkim_oracle {
    DKIM_LIB *lib;
};

static const char *published;

/* It keeps keys of its own for ever: not our leaks. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void forgive_leaks(bool forgive)
{
    if (forgive && __lsan_disable)
        __lsan_disable();
    if (!forgive && __lsan_enable)
        __lsan_enable();
}

static DKIM_CBSTAT lookup(DKIM *dkim, DKIM_SIGINFO *sig, u_char *buf, size_t size)
{
    (void)dkim, (void)sig;
    (void)snprintf((char *)buf, size, "%s", published);
    return DKIM_CBSTAT_CONTINUE;
}

struct opendkim_oracle *opendkim_oracle_new(void)
{
    struct opendkim_oracle *oracle = calloc(1, sizeof *oracle);

    if (!oracle)
        return NULL;
    oracle->lib = dkim_init(NULL, NULL);
    (void)dkim_set_key_lookup(oracle->lib, lookup);
    return oracle;
}

void opendkim_oracle_free(struct opendkim_oracle *oracle)
{
    dkim_close(oracle->lib);
    free(oracle);
}

/* One field at a time, then the body. It takes fields without their last line end. */
static bool feed(DKIM *dkim, struct fct_str message)
{
    const char *p = message.p, *end = message.p + message.n;
    DKIM_STAT status = DKIM_STAT_OK;

    while (p < end && !(end - p >= 2 && memcmp(p, "\r\n", 2) == 0)) {
        const char *stop = p;

        do {
            const char *line = memmem(stop, (size_t)(end - stop), "\r\n", 2);

            stop = line ? line + 2 : end;
        } while (stop < end && (*stop == ' ' || *stop == '\t'));
        status = dkim_header(dkim, (u_char *)(uintptr_t)p, (size_t)(stop - p) - 2);
        if (status != DKIM_STAT_OK)
            return false;
        p = stop;
    }
    if (dkim_eoh(dkim) != DKIM_STAT_OK)
        return false;
    if (end - p > 2 &&
        dkim_body(dkim, (u_char *)(uintptr_t)(p + 2), (size_t)(end - p) - 2) != DKIM_STAT_OK)
        return false;
    return dkim_eom(dkim, NULL) == DKIM_STAT_OK;
}

char *opendkim_oracle_sign(struct opendkim_oracle *oracle, const struct opendkim_signing *s,
                           struct fct_str message)
{
    DKIM_STAT status;
    u_char *value;
    char *out = NULL;
    DKIM *dkim;
    size_t n;

    forgive_leaks(true);
    dkim = dkim_sign(oracle->lib, (const u_char *)"x", NULL, (dkim_sigkey_t)(uintptr_t)s->pem,
                     (const u_char *)"s1", (const u_char *)"example.org",
                     s->relaxed_header ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE,
                     s->relaxed_body ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE, DKIM_SIGN_RSASHA256,
                     s->length, &status);
    if (dkim && feed(dkim, message) &&
        dkim_getsighdr_d(dkim, sizeof "DKIM-Signature: " - 1, &value, &n) == DKIM_STAT_OK)
        out = strndup((const char *)value, n);
    if (dkim)
        (void)dkim_free(dkim);
    forgive_leaks(false);
    return out;
}

bool opendkim_oracle_verify(struct opendkim_oracle *oracle, const char *record,
                            struct fct_str message)
{
    DKIM_STAT status;
    bool ok = false;
    DKIM *dkim;

    forgive_leaks(true);
    published = record;
    dkim = dkim_verify(oracle->lib, (const u_char *)"x", NULL, &status);
    if (dkim) {
        ok = feed(dkim, message);
        (void)dkim_free(dkim);
    }
    forgive_leaks(false);
    return ok;
}
