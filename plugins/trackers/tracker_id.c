/* tracker_id.c - see tracker_id.h. */
#include "plugins/trackers/tracker_id.h"

#include "plugins/trackers/tracker_glob.h"
#include <openssl/evp.h>

enum {
    ADDRESS_MIN = 5,
    ADDRESS_MAX = 250,
    WORD_MAX = 2048,
    BASE64_MIN = 12,
    HEX_MIN = 2 * ADDRESS_MIN,
    MD5_DIGITS = 32,
    DIGESTS = 3
};

/* ---- the reader's address ---- */

static void add_form(struct tracker_reader *r, const char *form, size_t n)
{
    if (n >= sizeof r->form[0] || r->forms == FCT_COUNT(r->form))
        return;
    memcpy(r->form[r->forms], form, n);
    r->length[r->forms++] = n;
}

static size_t put_hex(const unsigned char *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return 2 * n;
}

/* Found once: looking an algorithm up costs more than using it. NULL: not there, a library in FIPS
 * mode has no MD5. The other forms are still looked for. */
static EVP_MD *algorithm(size_t i)
{
    static const char *const names[DIGESTS] = {"MD5", "SHA1", "SHA256"};
    static EVP_MD *found[DIGESTS];

    if (!found[i])
        found[i] = EVP_MD_fetch(NULL, names[i], NULL);
    return found[i];
}

static void add_digest(struct tracker_reader *r, size_t i, struct fct_str address)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (algorithm(i) && EVP_Digest(address.p, address.n, digest, &n, algorithm(i), NULL) == 1)
        add_form(r, hex, put_hex(digest, n, hex));
}

bool tracker_reader_init(struct tracker_reader *r, struct fct_str address)
{
    char lower[ADDRESS_MAX], text[2 * ADDRESS_MAX];
    struct fct_str a = {lower, address.n};
    size_t at = 0;

    r->forms = 0;
    r->has_digests = false;
    if (address.n < ADDRESS_MIN || address.n > ADDRESS_MAX || !memchr(address.p, '@', address.n))
        return false;
    for (size_t i = 0; i < address.n; i++) {
        lower[i] = tracker_lower(address.p[i]);
        at = lower[i] == '@' ? i : at;
    }
    add_form(r, lower, a.n);
    snprintf(text, sizeof text, "%.*s%%40%.*s", (int)at, lower, (int)(a.n - at - 1),
             lower + at + 1);
    add_form(r, text, a.n + 2);
    add_form(r, text, put_hex((const unsigned char *)lower, a.n, text));
    return true;
}

static void add_digests(struct tracker_reader *r)
{
    struct fct_str address = {r->form[0], r->length[0]};

    r->has_digests = true;
    for (size_t i = 0; i < DIGESTS; i++)
        add_digest(r, i, address);
}

/* What the forms have, and most texts have none of. */
enum { NOTHING, SIGN, DIGEST };

/* Kinds of bytes. */
enum { IS_HEX = 1, IS_SIGN = 2, IS_BASE64 = 4 };

#define D IS_HEX | IS_BASE64
#define B IS_BASE64
/* clang-format off */
static const unsigned char kinds[128] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, IS_SIGN /* % */, 0, 0, 0, 0, 0, B /* + */, 0, B /* - */, 0, 0, D, D, D, D, D, D, D, D, D, D, 0, 0, 0, 0, 0, 0,
    IS_SIGN /* @ */, D, D, D, D, D, D, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, 0, 0, 0, 0, B /* _ */,
    0, D, D, D, D, D, D, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, 0, 0, 0, 0, 0,
};
/* clang-format on */
#undef D
#undef B

static inline unsigned kind_of(char c)
{
    return (unsigned char)c < 128 ? kinds[(unsigned char)c] : 0;
}

static unsigned traces_of(struct fct_str text)
{
    unsigned found = NOTHING;
    size_t run = 0;

    for (size_t i = 0; i < text.n; i++) {
        unsigned kind = kind_of(text.p[i]);

        run = kind & IS_HEX ? run + 1 : 0;
        if (run < HEX_MIN && !(kind & IS_SIGN))
            continue;
        if (run >= MD5_DIGITS)
            return DIGEST;
        found = SIGN;
    }
    return found;
}

static bool has_form(struct tracker_reader *r, struct fct_str text)
{
    unsigned traces = traces_of(text);

    if (traces == NOTHING)
        return false;
    if (traces == DIGEST && !r->has_digests)
        add_digests(r);
    for (size_t i = 0; i < r->forms; i++)
        if (tracker_find(text, (struct fct_str){r->form[i], r->length[i]}) < text.n)
            return true;
    return false;
}

/* ---- base64 ---- */

static int base64_digit(char c)
{
    if (tracker_is_digit(c))
        return c - '0' + 52;
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

size_t tracker_base64(struct fct_str in, char *out, size_t room)
{
    unsigned bits = 0, have = 0;
    size_t n = 0;

    for (size_t i = 0; i < in.n && n < room; i++) {
        int digit = base64_digit(in.p[i]);

        if (digit < 0)
            break;
        bits = (bits << 6 | (unsigned)digit) & 0xffffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (char)(bits >> have & 255);
        }
    }
    return n;
}

/* The word that begins at `at`: what base64 is made of. "/" is, in the standard alphabet, but far
 * more often it ends one. */
static size_t word_end(struct fct_str s, size_t at)
{
    while (at < s.n && kind_of(s.p[at]) & IS_BASE64)
        at++;
    return at;
}

bool tracker_names_reader(struct tracker_reader *r, struct fct_str target)
{
    char plain[WORD_MAX];

    if (r->forms == 0)
        return false;
    if (has_form(r, target))
        return true;
    for (size_t at = 0, end; at < target.n; at = end + 1) {
        end = word_end(target, at);
        if (end - at >= BASE64_MIN) {
            size_t n = tracker_base64(tracker_part(target, at, end), plain, sizeof plain);

            struct fct_str text = {plain, n};

            if (has_form(r, text))
                return true;
        }
    }
    return false;
}

/* ---- numbers of somebody ---- */

struct word {
    size_t n, digits, upper, lower, turns; /* turns: from letter to digit and back */
};

static bool is_id(const struct word *w)
{
    size_t letters = w->upper + w->lower;

    if (w->digits >= 6 && w->digits == w->n)
        return true;
    if (w->n >= 8 && w->digits >= 2 && letters >= 2 && w->turns >= 3)
        return true;
    if (w->n >= 12 && w->digits > 0 && letters > 0)
        return true;
    return w->n >= 24 || (w->n >= 16 && w->upper > 2 && w->lower > 2);
}

static bool is_file_ending(struct fct_str s, size_t at)
{
    static const char *const endings[] = {".gif", ".png", ".jpg", ".jpeg", ".svg", ".webp", ".bmp"};

    for (size_t i = 0; i < FCT_COUNT(endings); i++) {
        size_t n = strlen(endings[i]);

        if (at + n <= s.n &&
            tracker_same(tracker_part(s, at, at + n), (struct fct_str){endings[i], n}))
            return true;
    }
    return false;
}

bool tracker_has_id(struct fct_str s)
{
    struct word w = {0};
    char before = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '@' || c == '[')
            return true;
        if (c == '.' && is_file_ending(s, i) && w.n < 24 && !is_id(&w)) {
            w = (struct word){0};
            before = 0;
        } else if (tracker_is_alnum(c)) {
            bool digit = tracker_is_digit(c);

            w.turns += w.n > 0 && digit != tracker_is_digit(before);
            w.n++;
            w.digits += digit;
            w.upper += c >= 'A' && c <= 'Z';
            w.lower += c >= 'a' && c <= 'z';
            before = c;
        } else if (is_id(&w)) {
            return true;
        } else {
            w = (struct word){0};
        }
    }
    return is_id(&w);
}
