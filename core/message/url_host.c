/* url_host.c - hosts (URL standard 3.5): names in any script to A-labels, numbers to addresses. */
#include "core/message/url.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include <arpa/inet.h>
#include <idn2.h>
#include <stdlib.h>
#include <uninorm.h>
#include <unistr.h>

enum { HOST_MAX = 1024, LABEL_MAX = 63 };

/* ---- percent-encoding ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct fct_str url_unescape(struct arena *arena, struct fct_str s)
{
    char *to;
    size_t n = 0;

    if (str_find_char(s, '%') < 0)
        return s;
    to = arena_alloc(arena, s.n);
    for (size_t i = 0; i < s.n; i++) {
        bool pair = s.p[i] == '%' && i + 2 < s.n && hex_value(s.p[i + 1]) >= 0 &&
                    hex_value(s.p[i + 2]) >= 0;

        to[n++] = pair ? (char)(hex_value(s.p[i + 1]) * 16 + hex_value(s.p[i + 2])) : s.p[i];
        i += pair ? 2 : 0;
    }
    return (struct fct_str){to, n};
}

/* ---- names ---- */

/* RFC 3492 6.1 */
static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;

    delta = first ? delta / 700 : delta / 2;
    for (delta += delta / points; delta > 455; k += 36)
        delta /= 35;
    return k + 36 * delta / (delta + 38);
}

static char digit(uint32_t d)
{
    return (char)(d < 26 ? 'a' + d : '0' + (d - 26));
}

/* One delta as a variable-length integer (RFC 3492 6.3). */
static void put_delta(struct buf *out, uint32_t delta, uint32_t bias)
{
    for (uint32_t k = 36;; k += 36) {
        uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;

        if (delta < t)
            break;
        buf_put_char(out, digit(t + (delta - t) % (36 - t)));
        delta = (delta - t) / (36 - t);
    }
    buf_put_char(out, digit(delta));
}

static uint32_t smallest_from(const uint32_t *point, size_t n, uint32_t least)
{
    uint32_t found = UINT32_MAX;

    for (size_t i = 0; i < n; i++)
        if (point[i] >= least && point[i] < found)
            found = point[i];
    return found;
}

/* RFC 3492 6.3. Labels are short: nothing overflows, and squares do not hurt. */
static void put_punycode(struct buf *out, const uint32_t *point, size_t n)
{
    uint32_t least = 0x80, delta = 0, bias = 72;
    size_t basic = 0, done;

    buf_put_c(out, "xn--");
    for (size_t i = 0; i < n; i++)
        if (point[i] < 0x80 && ++basic)
            buf_put_char(out, (char)point[i]);
    if (basic > 0)
        buf_put_char(out, '-');
    for (done = basic; done < n; delta++, least++) {
        uint32_t next = smallest_from(point, n, least);

        delta += (next - least) * (uint32_t)(done + 1);
        least = next;
        for (size_t i = 0; i < n; i++) {
            delta += point[i] < least;
            if (point[i] != least)
                continue;
            put_delta(out, delta, bias);
            bias = adapt(delta, (uint32_t)done + 1, done == basic);
            delta = 0;
            done++;
        }
    }
}

/* False: longer than a label may be, so no such host exists. */
static bool put_label(struct buf *out, struct fct_str label)
{
    size_t n = 0;
    uint32_t *point;
    bool fits;

    if (str_is_ascii(label))
        return buf_put_str(out, label);
    point = u8_to_u32((const uint8_t *)label.p, label.n, NULL, &n);
    fits = point && n <= LABEL_MAX;
    if (fits)
        put_punycode(out, point, n);
    free(point);
    return fits;
}

/* Names that IDNA 2008 forbids but browsers open, such as emoji: folded (NFKC) and encoded label by
 * label. */
static bool to_ascii_leniently(struct arena *arena, struct fct_str name, struct fct_str *out)
{
    FCT_CLEANUP(buf_free)
    struct buf folded = BUF_INIT(4 * HOST_MAX), ascii = BUF_INIT(8 * HOST_MAX);
    size_t n;
    uint8_t *nfkc = u8_normalize(UNINORM_NFKC, (const uint8_t *)name.p, name.n, NULL, &n);
    bool ok = nfkc && utf8_fold((struct fct_str){(char *)nfkc, n}, &folded);

    free(nfkc);
    for (struct fct_str rest = buf_str(&folded); ok && rest.p;) {
        ok = put_label(&ascii, str_split(&rest, '.'));
        if (rest.p)
            buf_put_char(&ascii, '.');
    }
    *out = arena_str(arena, buf_str(&ascii));
    buf_free(&folded);
    buf_free(&ascii);
    return ok;
}

static bool to_ascii(struct arena *arena, struct fct_str name, struct fct_str *out)
{
    char *ascii = NULL, *lower;

    if (str_is_ascii(name)) {
        lower = arena_alloc(arena, name.n);
        memcpy(lower, name.p, name.n);
        str_lower(lower, name.n);
        *out = (struct fct_str){lower, name.n};
        return true;
    }
    if (!utf8_is_valid(name))
        return false;
    if (idn2_to_ascii_8z(arena_cstr(arena, name), &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) !=
        IDN2_OK)
        return to_ascii_leniently(arena, name, out);
    *out = arena_str(arena, str_from(ascii));
    idn2_free(ascii);
    return true;
}

/* U-labels only: what does not lead back to the same host is shown as A-labels. */
static struct fct_str to_display(struct arena *arena, struct fct_str host)
{
    char *unicode = NULL, *back = NULL;
    struct fct_str out = host;

    if (str_find(host, FCT_STR("xn--")) < 0)
        return host;
    if (idn2_to_unicode_8z8z(arena_cstr(arena, host), &unicode, IDN2_NONTRANSITIONAL) == IDN2_OK &&
        idn2_to_ascii_8z(unicode, &back, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) == IDN2_OK &&
        str_equal(str_from(back), host))
        out = arena_str(arena, str_from(unicode));
    idn2_free(unicode);
    idn2_free(back);
    return out;
}

/* ---- addresses ---- */

/* Decimal, 0x hexadecimal or 0 octal (URL standard 3.5 "IPv4 number parser"). */
static bool ipv4_number(struct fct_str s, uint64_t *out)
{
    unsigned base = 10;

    if (s.n == 0)
        return false;
    if (s.n >= 2 && s.p[0] == '0' && char_lower(s.p[1]) == 'x') {
        base = 16;
        s = str_skip(s, 2);
    } else if (s.n >= 2 && s.p[0] == '0') {
        base = 8;
        s = str_skip(s, 1);
    }
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        int d = hex_value(s.p[i]);

        if (d < 0 || (unsigned)d >= base)
            return false;
        if (*out <= UINT32_MAX)
            *out = *out * base + (unsigned)d;
    }
    return true;
}

static bool is_all_digits(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* Then it must be an address: "1.2.3.09" is no name. */
static bool ends_in_number(struct fct_str host)
{
    struct fct_str last = str_skip(host, (size_t)(str_find_last_char(host, '.') + 1));
    uint64_t number;

    return is_all_digits(last) || ipv4_number(last, &number);
}

static bool parse_ipv4(struct arena *arena, struct fct_str host, struct fct_str *out)
{
    uint64_t part[4], address = 0;
    size_t n = 0;

    for (struct fct_str rest = host; rest.p; n++)
        if (n == 4 || !ipv4_number(str_split(&rest, '.'), &part[n]))
            return false;
    for (size_t i = 0; i + 1 < n; i++) {
        if (part[i] > 255)
            return false;
        address |= part[i] << (24 - 8 * i);
    }
    if (part[n - 1] >= (uint64_t)1 << (8 * (5 - n)))
        return false;
    address |= part[n - 1];
    *out = arena_printf(arena, "%u.%u.%u.%u", (unsigned)(address >> 24),
                        (unsigned)(address >> 16 & 255), (unsigned)(address >> 8 & 255),
                        (unsigned)(address & 255));
    return true;
}

static bool parse_ipv6(struct arena *arena, struct fct_str text, struct fct_str *out)
{
    struct in6_addr address;
    char printed[INET6_ADDRSTRLEN];

    if (inet_pton(AF_INET6, arena_cstr(arena, text), &address) != 1 ||
        str_find_char(text, '\0') >= 0)
        return false;
    *out = arena_str(arena, str_from(inet_ntop(AF_INET6, &address, printed, sizeof printed)));
    return true;
}

/* ---- the whole ---- */

static bool has_forbidden(struct fct_str host)
{
    for (size_t i = 0; i < host.n; i++)
        if ((unsigned char)host.p[i] <= ' ' || host.p[i] == 0x7F ||
            strchr("#/:<>?@[\\]^|%", host.p[i]))
            return true;
    return false;
}

/* Letters, digits, "-" and "." of which nothing is to be made but lower case: nearly all hosts. */
static bool is_plain_name(struct fct_str s, bool *has_upper)
{
    bool starts_label = true;

    *has_upper = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool inner = c == '.' || (c >= '0' && c <= '9'); /* in front of a label: may be a number */

        if (c >= 'A' && c <= 'Z')
            *has_upper = true;
        else if (!(c >= 'a' && c <= 'z') && c != '-' && (!inner || starts_label))
            return false;
        if (starts_label && char_lower(c) == 'x') /* may be a name in other letters */
            return false;
        starts_label = c == '.';
    }
    return !starts_label;
}

/* What is_plain_name() says of each byte, for names without upper case. */
enum { NOT_PLAIN = 1, NOT_FIRST = 2 /* in a label */, DOT = 4 };
#define O NOT_PLAIN
#define F NOT_FIRST
#define D (DOT | NOT_FIRST)
/* clang-format off */
#define O16 O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O
static const unsigned char host_class[256] = {
    O16, O16,
    O, O, O, O, O, O, O, O, O, O, O, O, O, 0 /* - */, D, O, F, F, F, F, F, F, F, F, F, F, O, O, O, O, O, O,
    O16, O16,
    O, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, F /* x */, 0, 0, O, O, O, O, O,
    O16, O16, O16, O16, O16, O16, O16, O16,
};
/* clang-format on */
#undef O16
#undef O
#undef F
#undef D

size_t url_plain_host(struct fct_str text)
{
    unsigned found = 0, first = NOT_FIRST, class;
    size_t n = 0;

    for (; n < text.n; n++) {
        class = host_class[(unsigned char)text.p[n]];
        if (class & NOT_PLAIN)
            break;
        found |= class & first;
        first = (class & DOT) / 2;
    }
    if (n < text.n && text.p[n] != '/')
        return 0;
    return n <= HOST_MAX && !found && !first ? n : 0;
}

bool url_host(struct arena *arena, struct fct_str text, struct fct_str *host,
              struct fct_str *display)
{
    struct fct_str name = text;
    bool has_upper;

    if (text.n == 0 || text.n > HOST_MAX)
        return false;
    if (is_plain_name(text, &has_upper)) {
        *host = *display = arena_str(arena, text);
        if (has_upper)
            str_lower((char *)(uintptr_t)host->p, host->n);
        return true;
    }
    if (text.p[0] == '[') {
        if (text.n < 3 || text.p[text.n - 1] != ']' ||
            !parse_ipv6(arena, str_head(str_skip(text, 1), text.n - 2), host))
            return false;
        *display = *host;
        return true;
    }
    if (!to_ascii(arena, url_unescape(arena, name), &name) || has_forbidden(name))
        return false;
    if (name.n > 1 && name.p[name.n - 1] == '.' && name.p[name.n - 2] != '.')
        name.n--;
    if (ends_in_number(name)) {
        if (!parse_ipv4(arena, name, host))
            return false;
    } else {
        *host = name;
    }
    *display = to_display(arena, *host);
    return host->n > 0 && !(host->n == 1 && host->p[0] == '.');
}
