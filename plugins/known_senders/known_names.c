/* known_names.c - see known_names.h. */
#include "known_names.h"

#include "plugins/lib/secret_hash.h"
#include "plugins/lib/view.h"

enum { HASH_BYTES = 16 };

/* A local part that begins with + is all there is. */
static size_t without_detail(struct fct_str local)
{
    const char *plus = local.n > 1 ? memchr(local.p + 1, '+', local.n - 1) : NULL;

    return plus ? (size_t)(plus - local.p) : local.n;
}

struct fct_str known_address(struct fct_str local, struct fct_str domain,
                             char out[KNOWN_ADDRESS_MAX])
{
    size_t n = 0, kept = without_detail(local);

    if (local.n == 0 || domain.n == 0 || kept + 1 + domain.n > KNOWN_ADDRESS_MAX)
        return (struct fct_str){"", 0};
    for (size_t i = 0; i < kept; i++)
        out[n++] = view_lower_char(local.p[i]);
    out[n++] = '@';
    for (size_t i = 0; i < domain.n; i++)
        out[n++] = view_lower_char(domain.p[i]);
    return (struct fct_str){out, n};
}

struct fct_str known_mailbox(struct fct_str address, char out[KNOWN_ADDRESS_MAX])
{
    const char *at = address.n > 0 ? memrchr(address.p, '@', address.n) : NULL;
    size_t local = at ? (size_t)(at - address.p) : 0;

    return at ? known_address((struct fct_str){address.p, local},
                              (struct fct_str){at + 1, address.n - local - 1}, out)
              : (struct fct_str){"", 0};
}

struct fct_str known_next_id(struct fct_str *field)
{
    while (field->n > 0) {
        const char *open = memchr(field->p, '<', field->n), *close;
        struct fct_str id;

        if (!open)
            break;
        field->n -= (size_t)(open + 1 - field->p);
        field->p = open + 1;
        close = field->n > 0 ? memchr(field->p, '>', field->n) : NULL;
        if (!close)
            break;
        id = (struct fct_str){field->p, (size_t)(close - field->p)};
        field->n -= id.n + 1;
        field->p += id.n + 1;
        if (id.n > 0 && id.n <= KNOWN_ID_MAX)
            return id;
    }
    *field = (struct fct_str){"", 0};
    return *field;
}

/* The account in lower case, a NUL, the name: no two pairs are one. */
bool known_key(const char *secret, enum known_kind kind, struct fct_str account,
               struct fct_str name, char out[KNOWN_KEY_ROOM])
{
    char both[2 * KNOWN_ADDRESS_MAX + 1];
    size_t n = 0;

    if (account.n > KNOWN_ADDRESS_MAX || name.n > KNOWN_ADDRESS_MAX)
        return false;
    for (size_t i = 0; i < account.n; i++)
        both[n++] = view_lower_char(account.p[i]);
    both[n++] = '\0';
    memcpy(both + n, name.p, name.n);
    n += name.n;
    out[0] = kind == KNOWN_PERSON ? 'p' : 'm';
    return secret_hash(secret, (struct fct_str){both, n}, HASH_BYTES, out + 1);
}
