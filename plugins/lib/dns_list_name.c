/* dns_list_name.c - the name under which a list would have something. */
#include "plugins/lib/dns_list.h"
#include "plugins/lib/ip_public.h"

#include <openssl/evp.h>

#define MAILBOX_MAX 320 /* RFC 5321 4.5.3.1: 64, @, 255 */

static struct fct_str empty(void)
{
    return (struct fct_str){"", 0};
}

/* key "." zone, when it is a name (RFC 1035 2.3.4). */
static struct fct_str join(struct fct_str key, const char *zone, char *out)
{
    int n = snprintf(out, DNS_LIST_NAME_MAX + 1, "%.*s.%s", FCT_FMT(key), zone);

    return n > 0 && (unsigned)n <= DNS_LIST_NAME_MAX ? (struct fct_str){out, (size_t)n} : empty();
}

/* ---- addresses ---- */

/* 192.0.2.1 → 1.2.0.192 (RFC 5782 2.1); IPv6 by nibbles (RFC 5782 2.4): the reverse name without
 * its domain. */
static struct fct_str backwards(struct fct_str value, char room[IP_ADDRESS_ROOM])
{
    struct ip_address address;
    struct fct_str reverse;

    if (!ip_address_parse(value, &address) || !ip_address_is_public(&address))
        return empty();
    reverse = ip_address_reverse(&address, room);
    reverse.n -= strlen(address.v6 ? ".ip6.arpa" : ".in-addr.arpa");
    return reverse;
}

/* ---- names ---- */

static bool is_name_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c >= 0x80;
}

/* In lower case, without the final dot. Names with a dot in them that no list would misread: no
 * address, no odd bytes. (Labels in UTF-8 become A-labels where the question is asked.) */
static struct fct_str tidy(struct fct_str value, char *room, size_t size)
{
    struct ip_address address;
    size_t label = 0, dots = 0;

    if (value.n > 0 && value.p[value.n - 1] == '.')
        value.n--;
    if (value.n == 0 || value.n >= size || ip_address_parse(value, &address))
        return empty();
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        c = c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
        if (c == '.' ? label == 0 : !is_name_byte(c))
            return empty();
        dots += c == '.';
        label = c == '.' ? 0 : label + 1;
        room[i] = (char)c;
    }
    return label > 0 && dots > 0 ? (struct fct_str){room, value.n} : empty();
}

/* ---- mailboxes ---- */

/* As the lists of addresses want them: in lower case, without what follows "+"; of Gmail, whose
 * users may write dots as they like, without dots and by its one name. */
static struct fct_str canonical(struct fct_str value, char room[MAILBOX_MAX])
{
    char host[DNS_LIST_NAME_MAX + 1];
    struct fct_str domain;
    bool gmail;
    size_t at = value.n, n = 0;

    while (at > 0 && value.p[at - 1] != '@')
        at--;
    if (at < 2)
        return empty();
    domain = tidy((struct fct_str){value.p + at, value.n - at}, host, sizeof host);
    gmail = (domain.n == 9 && memcmp(domain.p, "gmail.com", 9) == 0) ||
            (domain.n == 14 && memcmp(domain.p, "googlemail.com", 14) == 0);
    if (gmail)
        domain = FCT_STR("gmail.com");
    if (domain.n == 0 || at + domain.n >= MAILBOX_MAX)
        return empty();
    for (size_t i = 0; i < at - 1 && !(value.p[i] == '+' && i > 0); i++)
        if (!gmail || value.p[i] != '.')
            room[n++] = (char)(value.p[i] >= 'A' && value.p[i] <= 'Z' ? value.p[i] - 'A' + 'a'
                                                                      : value.p[i]);
    room[n++] = '@';
    memcpy(room + n, domain.p, domain.n);
    return (struct fct_str){room, n + domain.n};
}

/* ---- digests ---- */

#define DIGEST_ROOM (2 * EVP_MAX_MD_SIZE + 1)

static size_t put_hex(const uint8_t *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[p[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    return 2 * n;
}

/* RFC 4648 6, without padding: SHA-256 fits into one label so (RFC 1035 2.3.4: 63). */
static size_t put_base32(const uint8_t *p, size_t n, char *out)
{
    unsigned bits = 0, have = 0;
    size_t made = 0;

    for (size_t i = 0; i < n; i++) {
        bits = (bits << 8 | p[i]) & 0xfff;
        for (have += 8; have >= 5; have -= 5)
            out[made++] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[bits >> (have - 5) & 31];
    }
    if (have > 0)
        out[made++] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[bits << (5 - have) & 31];
    return made;
}

static struct fct_str digest(enum dns_list_hash hash, struct fct_str value, char room[DIGEST_ROOM])
{
    static const char *const names[DNS_LIST_HASHES] = {
        [DNS_LIST_MD5] = "MD5",
        [DNS_LIST_SHA1] = "SHA1",
        [DNS_LIST_SHA256_BASE32] = "SHA256",
    };
    uint8_t bytes[EVP_MAX_MD_SIZE];
    size_t n = 0;

    if (value.n == 0 || hash == DNS_LIST_PLAIN)
        return value;
    if (!EVP_Q_digest(NULL, names[hash], NULL, value.p, value.n, bytes, &n))
        return empty();
    n = hash == DNS_LIST_SHA256_BASE32 ? put_base32(bytes, n, room) : put_hex(bytes, n, room);
    return (struct fct_str){room, n};
}

/* ---- the name ---- */

struct fct_str dns_list_name(const struct dns_list_table *table, const struct dns_list_row *row,
                             struct fct_str value, char out[DNS_LIST_NAME_MAX + 1])
{
    char room[MAILBOX_MAX], hashed[DIGEST_ROOM];
    struct fct_str key = empty();

    switch (table->items[row->item].kind) {
    case DNS_LIST_ADDRESS:
        key = row->hash == DNS_LIST_PLAIN ? backwards(value, room) : value;
        break;
    case DNS_LIST_NAME:
        key = tidy(value, room, DNS_LIST_NAME_MAX);
        break;
    case DNS_LIST_MAILBOX:
        key = canonical(value, room);
        break;
    }
    key = digest(row->hash, key, hashed);
    return key.n > 0 ? join(key, row->zone, out) : empty();
}

struct fct_str dns_list_test_name(const struct dns_list_table *table,
                                  const struct dns_list_row *row, bool listed,
                                  char out[DNS_LIST_NAME_MAX + 1])
{
    if (row->hash != DNS_LIST_PLAIN)
        return empty();
    if (table->items[row->item].kind == DNS_LIST_ADDRESS)
        return join(listed ? FCT_STR("2.0.0.127") : FCT_STR("1.0.0.127"), row->zone, out);
    return join(listed ? FCT_STR("test") : FCT_STR("invalid"), row->zone, out);
}
