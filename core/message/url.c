/* url.c - see url.h. Hosts are in url_host.c. */
#include "core/message/url.h"

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/message/byte_scan.h"

static const struct scheme {
    const char *name;
    uint32_t port;
} schemes[] = {{"https", 443}, {"http", 80}, {"ftp", 21}, {"ws", 80}, {"wss", 443}, {"file", 0}};

/* Where a character must be percent-encoded (URL standard 1.3), or may be a slash. */
enum { IN_FRAGMENT = 1, IN_QUERY = 2, IN_PATH = 4, IN_SPECIAL_QUERY = 8, BACKSLASH = 16 };

#define E (IN_FRAGMENT | IN_QUERY | IN_PATH | IN_SPECIAL_QUERY)
#define N (IN_QUERY | IN_PATH | IN_SPECIAL_QUERY)
#define T (IN_FRAGMENT | IN_PATH)
#define S IN_SPECIAL_QUERY
#define P IN_PATH
#define B BACKSLASH
/* clang-format off */
static const unsigned char encoded[256] = {
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
    E, 0, E, N /* # */, 0, 0, 0, S /* ' */, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, E, 0, E, P,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, B /* \ */, 0, P, 0,
    T /* ` */, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, P, 0, P, 0, E,
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
};
/* clang-format on */
#undef E
#undef N
#undef T
#undef S
#undef P
#undef B

static inline unsigned encoded_in(char c)
{
    return encoded[(unsigned char)c];
}

static void put_encoded(struct buf *out, struct fct_str s, unsigned where)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (encoded_in(s.p[i]) & where)
            buf_put(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
        else
            buf_put_char(out, s.p[i]);
    }
}

static struct fct_str encode(struct arena *arena, struct fct_str s, unsigned where)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(3 * s.n + 1);
    size_t i = 0;

    while (i < s.n && !(encoded_in(s.p[i]) & where))
        i++;
    if (i == s.n)
        return arena_str(arena, s);
    put_encoded(&out, s, where);
    return arena_str(arena, buf_str(&out));
}

static inline bool is_letter(char c)
{
    return char_lower(c) >= 'a' && char_lower(c) <= 'z';
}

/* Spaces and controls at the ends, tabs and line ends anywhere. */
static struct fct_str clean(struct arena *arena, struct fct_str s)
{
    char *to;
    size_t n = 0;

    while (s.n > 0 && (unsigned char)s.p[0] <= ' ')
        s = str_skip(s, 1);
    while (s.n > 0 && (unsigned char)s.p[s.n - 1] <= ' ')
        s.n--;
    if (byte_scan(s.p, s.p + s.n, '\t', '\n', '\r') == s.p + s.n)
        return s;
    to = arena_alloc(arena, s.n);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\t' && s.p[i] != '\n' && s.p[i] != '\r')
            to[n++] = s.p[i];
    return (struct fct_str){to, n};
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) ":"                      RFC 3986 3.1 */
static bool take_scheme(struct fct_str *in, struct fct_str *out)
{
    size_t n = 0;

    if (in->n == 0 || !is_letter(in->p[0]))
        return false;
    while (n < in->n && (is_letter(in->p[n]) || (in->p[n] >= '0' && in->p[n] <= '9') ||
                         in->p[n] == '+' || in->p[n] == '-' || in->p[n] == '.'))
        n++;
    if (n == in->n || in->p[n] != ':')
        return false;
    *out = str_head(*in, n);
    *in = str_skip(*in, n + 1);
    return true;
}

static const struct scheme *find_scheme(struct fct_str name)
{
    for (size_t i = 0; i < FCT_COUNT(schemes); i++)
        if (char_lower(name.p[0]) == schemes[i].name[0] &&
            str_equal_nocase(name, str_from(schemes[i].name)))
            return &schemes[i];
    return NULL;
}

static bool is_slash(char c, bool special)
{
    return c == '/' || (special && c == '\\');
}

/* What is before the path, the query and the fragment. */
static struct fct_str take_authority(struct fct_str *in, bool special)
{
    size_t n = 0;
    struct fct_str authority;

    while (n < in->n && in->p[n] != '?' && in->p[n] != '#' && !is_slash(in->p[n], special))
        n++;
    authority = str_head(*in, n);
    *in = str_skip(*in, n);
    return authority;
}

/* [ userinfo "@" ] host [ ":" port ]                                        RFC 3986 3.2 */
static bool read_authority(struct arena *arena, struct fct_str authority,
                           const struct scheme *special, struct fct_url *out)
{
    ptrdiff_t at = str_find_last_char(authority, '@'), colon;
    struct fct_str host = authority, port;

    if (at >= 0) {
        out->user = encode(arena, str_head(authority, (size_t)at), IN_PATH);
        host = str_skip(authority, (size_t)at + 1);
    }
    colon = str_find_char(str_skip(host, (size_t)(str_find_char(host, ']') + 1)), ':');
    if (colon >= 0) {
        colon += str_find_char(host, ']') + 1;
        port = str_skip(host, (size_t)colon + 1);
        host = str_head(host, (size_t)colon);
        if (port.n > 0 && (!str_to_u32(port, &out->port) || out->port > 65535))
            return false;
    }
    if (special && out->port == special->port)
        out->port = 0;
    return url_host(arena, host, &out->host, &out->display);
}

/* ---- path ---- */

/* The number of dots that a segment is, written out or as %2e; 0 when it is something else. */
static unsigned dots(struct fct_str segment)
{
    unsigned n = 0;

    while (segment.n > 0 && n < 3) {
        if (segment.p[0] == '.')
            segment = str_skip(segment, 1);
        else if (str_starts_nocase(segment, FCT_STR("%2e")))
            segment = str_skip(segment, 3);
        else
            return 0;
        n++;
    }
    return segment.n == 0 && n < 3 ? n : 0;
}

static void drop_segment(struct buf *out)
{
    while (out->n > 0 && out->p[--out->n] != '/')
        ;
}

/* Nothing in it to undo or to encode, as nearly always. */
static bool is_plain_path(struct fct_str path)
{
    for (size_t i = 0; i < path.n; i++)
        if ((encoded_in(path.p[i]) & IN_PATH) || path.p[i] == '\\' ||
            ((path.p[i] == '.' || path.p[i] == '%') && path.p[i - (i > 0)] == '/'))
            return false;
    return path.n > 0 && path.p[0] == '/';
}

/* Each segment with its slash before it; dot segments undone (RFC 3986 5.2.4). */
static struct fct_str read_path(struct arena *arena, struct fct_str path, bool special)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(3 * path.n + 2);
    struct fct_str segment;

    if (is_plain_path(path))
        return arena_str(arena, path);
    while (path.n > 0) {
        size_t n = 1;

        while (n < path.n && !is_slash(path.p[n], special))
            n++;
        segment = str_head(str_skip(path, 1), n - 1);
        path = str_skip(path, n);
        if (dots(segment) == 2)
            drop_segment(&out);
        if (dots(segment) > 0 && path.n > 0)
            continue;
        buf_put_char(&out, '/');
        if (dots(segment) == 0)
            put_encoded(&out, segment, IN_PATH);
    }
    if (out.n == 0 && special)
        buf_put_char(&out, '/');
    return arena_str(arena, buf_str(&out));
}

/* path [ "?" query ] [ "#" fragment ] */
static void read_rest(struct arena *arena, struct fct_str rest, bool special, struct fct_url *out)
{
    ptrdiff_t at = str_find_char(rest, '#');

    if (at >= 0) {
        out->fragment = encode(arena, str_skip(rest, (size_t)at + 1), IN_FRAGMENT);
        rest = str_head(rest, (size_t)at);
    }
    at = str_find_char(rest, '?');
    if (at >= 0) {
        out->query =
            encode(arena, str_skip(rest, (size_t)at + 1), special ? IN_SPECIAL_QUERY : IN_QUERY);
        rest = str_head(rest, (size_t)at);
    }
    out->path = read_path(arena, rest, special);
}

/* ---- the whole ---- */

static bool parse(struct arena *arena, struct fct_str in, struct fct_url *out)
{
    const struct scheme *special;
    struct fct_str scheme;

    if (!take_scheme(&in, &scheme))
        return false;
    special = find_scheme(scheme);
    if (special)
        while (in.n > 0 && is_slash(in.p[0], true))
            in = str_skip(in, 1);
    else if (str_starts(in, FCT_STR("//")))
        in = str_skip(in, 2);
    else
        return false;
    if (special) {
        out->scheme = str_from(special->name);
    } else {
        out->scheme = arena_str(arena, scheme);
        str_lower((char *)(uintptr_t)out->scheme.p, out->scheme.n);
    }
    if (!read_authority(arena, take_authority(&in, special), special, out))
        return false;
    read_rest(arena, in, special, out);
    return true;
}

/* ---- URLs that are written as they are meant ---- */

#ifdef __SSE2__
static inline __m128i in_range(__m128i v, char first, char last)
{
    return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8((char)(first - 1))),
                         _mm_cmplt_epi8(v, _mm_set1_epi8((char)(last + 1))));
}

/* Letters, digits and marks that stand in most URLs: none of them is in `encoded`. */
static inline bool is_plain_block(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p),
            plain = _mm_or_si128(in_range(v, '(', ';'),
                                 in_range(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z'));

    plain = _mm_or_si128(plain, _mm_cmpeq_epi8(v, _mm_set1_epi8('=')));
    plain = _mm_or_si128(plain, _mm_cmpeq_epi8(v, _mm_set1_epi8('_')));
    plain = _mm_or_si128(plain, in_range(v, '%', '&'));
    return _mm_movemask_epi8(plain) == 0xFFFF;
}
#endif

/* Bytes that nothing need be done about, wherever they stand behind the host. The other ones may
 * be as good: then the long way finds that out. */
static bool is_unmoved(struct fct_str s)
{
    unsigned found = 0;
    size_t i = 0;

#ifdef __SSE2__
    while (s.n - i >= 16 && is_plain_block(s.p + i))
        i += 16;
    if (s.n >= 16 && s.n - i < 16 && is_plain_block(s.p + s.n - 16))
        return true;
#endif
    for (; i < s.n; i++)
        found |= encoded_in(s.p[i]);
    return !found;
}

/* No segment that begins with a dot or an escape, which may be one (RFC 3986 5.2.4). */
static bool has_plain_segments(struct fct_str path)
{
    const char *p = path.p, *end = path.p + path.n;

    while (p < end && (p = memchr(p, '/', (size_t)(end - p))) && ++p < end)
        if (*p == '.' || *p == '%')
            return false;
    return true;
}

/* Cuts `in` in front of `mark`; what is behind it. */
static struct fct_str cut_behind(struct fct_str *in, char mark)
{
    const char *at = in->n > 0 ? memchr(in->p, mark, in->n) : NULL;
    struct fct_str rest = {"", 0};

    if (at) {
        rest = str_between(at + 1, in->p + in->n);
        in->n = (size_t)(at - in->p);
    }
    return rest;
}

bool url_view(struct fct_str text, struct fct_url *out)
{
    static const struct fct_str https = FCT_STR_INIT("https"), http = FCT_STR_INIT("http");
    const struct fct_str none = {"", 0};
    struct fct_str rest, query, fragment;
    size_t head, n;

    if (text.n > 8 && memcmp(text.p, "https://", 8) == 0)
        head = 8;
    else if (text.n > 7 && memcmp(text.p, "http://", 7) == 0)
        head = 7;
    else
        return false;
    rest = (struct fct_str){text.p + head, text.n - head};
    n = url_plain_host(rest);
    if (n == 0 || n == rest.n || rest.p[n] != '/')
        return false;
    *out = (struct fct_url){.text = text,
                            .scheme = head == 8 ? https : http,
                            .user = none,
                            .host = {rest.p, n},
                            .display = {rest.p, n},
                            .org = none};
    rest = (struct fct_str){rest.p + n, rest.n - n};
    fragment = cut_behind(&rest, '#');
    query = cut_behind(&rest, '?');
    if (!is_unmoved(rest) || !is_unmoved(query) || !is_unmoved(fragment) ||
        !has_plain_segments(rest))
        return false;
    out->path = rest;
    out->query = query;
    out->fragment = fragment;
    return true;
}

/* ---- all URLs ---- */

static void clear(struct fct_url *out, struct fct_str text)
{
    const struct fct_str none = {"", 0};

    *out = (struct fct_url){text, none, none, none, none, none, none, none, none, 0};
}

bool url_parse(struct arena *arena, struct fct_str text, struct fct_url *out)
{
    clear(out, text);
    if (parse(arena, clean(arena, text), out))
        return true;
    clear(out, text);
    return false;
}

static void put_authority(struct buf *out, const struct fct_url *url)
{
    bool ipv6 = str_find_char(url->host, ':') >= 0;

    buf_put_str(out, url->scheme);
    buf_put_c(out, "://");
    if (url->user.n > 0) {
        buf_put_str(out, url->user);
        buf_put_char(out, '@');
    }
    buf_put_c(out, ipv6 ? "[" : "");
    buf_put_str(out, url->host);
    buf_put_c(out, ipv6 ? "]" : "");
    if (url->port)
        buf_printf(out, ":%u", (unsigned)url->port);
}

struct fct_str url_print(struct arena *arena, const struct fct_url *url)
{
    FCT_CLEANUP(buf_free)
    struct buf out = BUF_INIT(url->scheme.n + url->user.n + url->host.n + url->path.n +
                              url->query.n + url->fragment.n + 64);

    put_authority(&out, url);
    buf_put_str(&out, url->path);
    if (url->query.n > 0) {
        buf_put_char(&out, '?');
        buf_put_str(&out, url->query);
    }
    if (url->fragment.n > 0) {
        buf_put_char(&out, '#');
        buf_put_str(&out, url->fragment);
    }
    return arena_str(arena, buf_str(&out));
}

static struct fct_str concat(struct arena *arena, struct fct_str a, struct fct_str b)
{
    char *both = arena_alloc(arena, a.n + b.n + 1);

    memcpy(both, a.p, a.n);
    memcpy(both + a.n, b.p, b.n);
    return (struct fct_str){both, a.n + b.n};
}

/* A reference put behind as much of its base as it takes over (RFC 3986 5.2.2). */
static struct fct_str join(struct arena *arena, const struct fct_url *base, struct fct_str text)
{
    struct fct_url cut = *base;
    char first = text.n > 0 ? text.p[0] : '#';
    bool special = find_scheme(base->scheme) != NULL;

    if (text.n >= 2 && is_slash(first, special) && is_slash(text.p[1], special))
        return concat(arena, concat(arena, base->scheme, FCT_STR(":")), text);
    cut.fragment.n = 0;
    if (first != '#')
        cut.query.n = 0;
    if (is_slash(first, special))
        cut.path.n = 0;
    else if (first != '#' && first != '?')
        cut.path.n = (size_t)(str_find_last_char(base->path, '/') + 1);
    return concat(arena, url_print(arena, &cut), text);
}

bool url_parse_in(struct arena *arena, const struct fct_url *base, struct fct_str text,
                  struct fct_url *out)
{
    static const struct fct_url web = {.scheme = FCT_STR_INIT("https")};
    struct fct_str in = clean(arena, text), rest = in, scheme;
    bool ok;

    clear(out, text);
    if (take_scheme(&rest, &scheme)) {
        ok = parse(arena, in, out);
        if (!ok)
            clear(out, text);
        return ok;
    }
    if (!base && (in.n < 2 || !is_slash(in.p[0], true) || !is_slash(in.p[1], true)))
        return false;
    ok = parse(arena, join(arena, base ? base : &web, in), out);
    if (!ok)
        clear(out, text);
    return ok;
}
