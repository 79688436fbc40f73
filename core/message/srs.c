/* srs.c - see srs.h. The forms are those of Mail::SRS::Guarded, which others wrote theirs after. */
#include "core/message/srs.h"

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/message/lexer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define DAY_SECONDS 86400
#define DAYS        1024u /* TT counts so far, then begins anew */
#define TAG_LENGTH  4u    /* "SRS0" */
#define INPUT_MAX   2048u
#define DIGEST_TEXT 28u /* base64 of SHA-1 */
#define ADDRESS_MAX 320u

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* ---- addresses ---- */

struct mailbox {
    struct fct_str local; /* without quotes and backslashes */
    struct fct_str domain;
};

static bool is_dot_atom(struct fct_str s)
{
    bool dot = true; /* none at the start, none beside another, none at the end */

    for (size_t i = 0; i < s.n; i++) {
        bool is_dot = s.p[i] == '.';

        if ((!is_dot && !lex_is(s.p[i], LEX_ATEXT)) || (is_dot && dot))
            return false;
        dot = is_dot;
    }
    return !dot;
}

static bool has_control(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

static bool parse(struct arena *arena, struct fct_str address, struct mailbox *out,
                  struct fct_err *err)
{
    ptrdiff_t at = str_find_last_char(address, '@');
    bool closed = true;

    if (at <= 0 || (size_t)at + 1 == address.n || address.n > ADDRESS_MAX || has_control(address))
        return fct_fail(err, FCT_SYNTAX, "not an address");
    out->domain = str_skip(address, (size_t)at + 1);
    out->local = str_head(address, (size_t)at);
    if (out->local.p[0] == '"') {
        struct fct_str rest = out->local;

        out->local = lex_take_quoted(arena, &rest, &closed);
        closed = closed && rest.n == 0;
    }
    return (closed && out->local.n > 0) || fct_fail(err, FCT_SYNTAX, "not an address");
}

static bool print(struct arena *arena, struct fct_str local, struct fct_str domain,
                  struct fct_str *out, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(INPUT_MAX);
    bool quoted = !is_dot_atom(local);

    if (quoted)
        buf_put_char(&text, '"');
    for (size_t i = 0; i < local.n; i++) {
        if (quoted && (local.p[i] == '"' || local.p[i] == '\\'))
            buf_put_char(&text, '\\');
        buf_put_char(&text, local.p[i]);
    }
    if (quoted)
        buf_put_char(&text, '"');
    if (text.n > SRS_LOCAL_MAX || text.overflow)
        return fct_fail(err, FCT_LIMIT, "the rewritten local part is longer than %u bytes",
                        SRS_LOCAL_MAX);
    buf_put_char(&text, '@');
    buf_put_str(&text, domain);
    *out = arena_str(arena, buf_str(&text));
    return true;
}

/* ---- the parts of a local part ---- */

/* SRS0 and SRS1, in any case, and one of three separators behind. */
static bool has_tag(struct fct_str local, char number)
{
    return local.n > TAG_LENGTH && str_starts_nocase(local, FCT_STR("SRS")) &&
           local.p[3] == number && strchr("=+-", local.p[TAG_LENGTH]) && local.p[TAG_LENGTH];
}

bool srs_is_address(struct fct_str local)
{
    if (local.n > 0 && local.p[0] == '"')
        local = str_skip(local, 1);
    return has_tag(local, '0') || has_tag(local, '1');
}

/* hash "=" first "=" rest */
struct parts {
    struct fct_str hash, first, rest;
};

static bool split(struct fct_str local, struct parts *out)
{
    struct fct_str rest = str_skip(local, TAG_LENGTH + 1);

    out->hash = str_split(&rest, '=');
    out->first = rest.p ? str_split(&rest, '=') : FCT_STR("");
    out->rest = rest.p ? rest : FCT_STR("");
    return out->hash.n > 0 && out->first.n > 0 && out->rest.n > 0;
}

/* ---- the hash ---- */

struct digest {
    char text[DIGEST_TEXT + 1];
};

/* Servers on the way may change the case of letters, so it does not count. */
static void compute(struct fct_str secret, const struct fct_str *part, size_t parts,
                    struct digest *out)
{
    FCT_CLEANUP(buf_free) struct buf input = BUF_INIT(INPUT_MAX);
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    for (size_t i = 0; i < parts; i++)
        buf_put_str(&input, part[i]);
    str_lower(input.p, input.n);
    FCT_ASSERT(!input.overflow && HMAC(EVP_sha1(), secret.p, (int)secret.n,
                                       (const uint8_t *)input.p, input.n, mac, &n));
    (void)EVP_EncodeBlock((uint8_t *)out->text, mac, (int)n);
}

/* "/" and "+" of base64 are letters of a local part, "=" is at the end only and never reached. */
static struct fct_str sign(struct arena *arena, const struct srs_conf *conf,
                           const struct fct_str *part, size_t parts)
{
    struct digest digest;

    compute(conf->secret[0], part, parts, &digest);
    return arena_str(arena, str_head(str_from(digest.text), conf->hash_length));
}

static bool equal_in_constant_time(struct fct_str a, struct fct_str b)
{
    unsigned char different = 0;

    for (size_t i = 0; i < a.n; i++)
        different |= (unsigned char)(char_lower(a.p[i]) ^ char_lower(b.p[i]));
    return different == 0;
}

/* A shorter hash than ours was made before hash_length grew; SRS_HASH_MIN characters are needed. */
static bool is_signed(const struct srs_conf *conf, struct fct_str hash, const struct fct_str *part,
                      size_t parts)
{
    bool ok = false;

    if (hash.n < SRS_HASH_MIN || hash.n < conf->hash_length || hash.n > SRS_HASH_MAX)
        return false;
    for (size_t i = 0; i < conf->secrets; i++) {
        struct digest digest;

        compute(conf->secret[i], part, parts, &digest);
        ok = equal_in_constant_time(hash, str_from(digest.text)) || ok;
    }
    return ok;
}

/* ---- the day ---- */

static struct fct_str write_day(struct arena *arena, int64_t now)
{
    uint32_t day = (uint32_t)(now / DAY_SECONDS) % DAYS;

    return arena_printf(arena, "%c%c", base32[day >> 5], base32[day & 31]);
}

static bool read_day(struct fct_str text, uint32_t *day)
{
    *day = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = char_lower(text.p[i]);
        const char *at = c ? strchr(base32, c >= 'a' && c <= 'z' ? c - 32 : c) : NULL;

        if (!at)
            return false;
        *day = *day << 5 | (uint32_t)(at - base32);
    }
    return text.n == 2;
}

static bool is_fresh(const struct srs_conf *conf, struct fct_str text, int64_t now)
{
    uint32_t day, today = (uint32_t)(now / DAY_SECONDS) % DAYS;

    return read_day(text, &day) && (today + DAYS - day) % DAYS <= conf->max_age_days;
}

/* ---- there ---- */

static bool check_conf(const struct srs_conf *conf, struct fct_err *err)
{
    if (conf->secrets == 0 || conf->domain.n == 0 || conf->hash_length < SRS_HASH_MIN ||
        conf->hash_length > SRS_HASH_MAX)
        return fct_fail(err, FCT_BUG, "sender rewriting has no secret, domain or hash length");
    return true;
}

static struct fct_str first_hop(struct arena *arena, const struct srs_conf *conf,
                                const struct mailbox *sender, int64_t now)
{
    struct fct_str part[] = {write_day(arena, now), sender->domain, sender->local};
    struct fct_str hash = sign(arena, conf, part, FCT_COUNT(part));

    return arena_printf(arena, "SRS0=%.*s=%.*s=%.*s=%.*s", FCT_FMT(hash), FCT_FMT(part[0]),
                        FCT_FMT(part[1]), FCT_FMT(part[2]));
}

static struct fct_str later_hop(struct arena *arena, const struct srs_conf *conf,
                                struct fct_str host, struct fct_str user)
{
    struct fct_str part[] = {host, user};
    struct fct_str hash = sign(arena, conf, part, FCT_COUNT(part));

    return arena_printf(arena, "SRS1=%.*s=%.*s=%.*s", FCT_FMT(hash), FCT_FMT(host), FCT_FMT(user));
}

bool srs_forward(struct arena *arena, const struct srs_conf *conf, struct fct_str sender,
                 int64_t now, struct fct_str *out, struct fct_err *err)
{
    struct mailbox from;
    struct fct_str local;
    struct parts parts;

    *out = sender;
    if (sender.n == 0)
        return true;
    if (!check_conf(conf, err) || !parse(arena, sender, &from, err))
        return false;
    if (str_equal_nocase(from.domain, conf->domain))
        return true;
    if (has_tag(from.local, '0'))
        local = later_hop(arena, conf, from.domain, str_skip(from.local, TAG_LENGTH));
    else if (!has_tag(from.local, '1'))
        local = first_hop(arena, conf, &from, now);
    else if (split(from.local, &parts))
        local = later_hop(arena, conf, parts.first, parts.rest);
    else
        return fct_fail(err, FCT_SYNTAX, "a broken SRS1 address");
    return print(arena, local, conf->domain, out, err);
}

/* ---- and back ---- */

static bool reverse_first(struct arena *arena, const struct srs_conf *conf,
                          const struct parts *parts, int64_t now, struct fct_str *out,
                          struct fct_err *err)
{
    struct fct_str user = parts->rest, host = str_split(&user, '=');
    struct fct_str part[] = {parts->first, host, user.p ? user : FCT_STR("")};

    if (host.n == 0 || part[2].n == 0)
        return fct_fail(err, FCT_SYNTAX, "a broken SRS0 address");
    if (!is_signed(conf, parts->hash, part, FCT_COUNT(part)))
        return fct_fail(err, FCT_DENIED, "this SRS address is not one of ours");
    if (!is_fresh(conf, parts->first, now))
        return fct_fail(err, FCT_DENIED, "this SRS address is too old");
    return print(arena, part[2], host, out, err);
}

static bool reverse_later(struct arena *arena, const struct srs_conf *conf,
                          const struct parts *parts, struct fct_str *out, struct fct_err *err)
{
    struct fct_str part[] = {parts->first, parts->rest};

    if (!is_signed(conf, parts->hash, part, FCT_COUNT(part)))
        return fct_fail(err, FCT_DENIED, "this SRS address is not one of ours");
    return print(arena, arena_printf(arena, "SRS0%.*s", FCT_FMT(parts->rest)), parts->first, out,
                 err);
}

bool srs_reverse(struct arena *arena, const struct srs_conf *conf, struct fct_str recipient,
                 int64_t now, struct fct_str *out, struct fct_err *err)
{
    struct mailbox to;
    struct parts parts;

    if (!check_conf(conf, err) || !parse(arena, recipient, &to, err))
        return false;
    if (!srs_is_address(to.local) || !split(to.local, &parts))
        return fct_fail(err, FCT_SYNTAX, "not an SRS address");
    if (has_tag(to.local, '0'))
        return reverse_first(arena, conf, &parts, now, out, err);
    return reverse_later(arena, conf, &parts, out, err);
}
