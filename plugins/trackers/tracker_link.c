/* tracker_link.c - see tracker_link.h. */
#include "plugins/trackers/tracker_link.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_glob.h"
#include "plugins/trackers/tracker_id.h"

enum { URL_MAX = 16384, TARGET_ROOM = 1024, NESTED_MAX = 2, CUTS_MAX = 64 };

/* ---- what must stay ---- */

/* By their first letter: most words of URLs begin with none of these. */
struct words {
    const char *of[26][7]; /* each ends in NULL */
};

/* clang-format off */
/* Of paths, a word alone: "confirm" is one in "/account/confirm-email" and none in "/confirmed". */
static const struct words protected_words = {{
    ['a' - 'a'] = {"activate", "activation", "approve", "auth", "authenticate", "authorize"},
    ['c' - 'a'] = {"confirm", "confirmation", "confirmations", "confirmemail"},
    ['e' - 'a'] = {"emailconfirmation", "emailverification"},
    ['i' - 'a'] = {"invitation", "invitations", "invite", "invites"},
    ['l' - 'a'] = {"login", "logon"},
    ['m' - 'a'] = {"magic", "magiclink"},
    ['o' - 'a'] = {"oauth", "oauth2", "oneclick", "onetime", "otp"},
    ['p' - 'a'] = {"passwd", "password"},
    ['r' - 'a'] = {"recover", "recovery", "redeem", "reset", "resetpassword"},
    ['s' - 'a'] = {"saml", "setpassword", "signin", "sso"},
    ['t' - 'a'] = {"token"},
    ['u' - 'a'] = {"unlock"},
    ['v' - 'a'] = {"validate", "verification", "verifications", "verify", "verifyemail"},
}};
static const struct words subscription_words = {{
    ['o' - 'a'] = {"optout"},
    ['p' - 'a'] = {"preferences"},
    ['s' - 'a'] = {"subscription", "subscriptions"},
    ['u' - 'a'] = {"unsub", "unsubscribe"},
}};
/* Names of parameters. With the first ones the rest of the URL is signed, or may be. */
static const struct words protected_names = {{
    ['a' - 'a'] = {"access_token", "auth", "auth_token", "authkey"},
    ['c' - 'a'] = {"checksum", "confirmation_token"},
    ['d' - 'a'] = {"digest"},
    ['g' - 'a'] = {"googleaccessid"},
    ['h' - 'a'] = {"hash", "hmac"},
    ['i' - 'a'] = {"id_token", "invitation_token"},
    ['j' - 'a'] = {"jwt"},
    ['k' - 'a'] = {"key-pair-id"},
    ['l' - 'a'] = {"login_token"},
    ['m' - 'a'] = {"mac", "magic"},
    ['n' - 'a'] = {"nonce"},
    ['o' - 'a'] = {"oobcode", "otp"},
    ['r' - 'a'] = {"reset_token"},
    ['s' - 'a'] = {"sha1", "sha256", "sig", "sign", "signature"},
    ['t' - 'a'] = {"ticket", "token"},
    ['v' - 'a'] = {"verification_code"},
    ['x' - 'a'] = {"x-amz-signature", "x-goog-signature", "x-ms-signature"},
}};
/* clang-format on */

/* The ones that begin as `s` does; NULL: none do. */
static inline const char *const *words_like(struct fct_str s, const struct words *words)
{
    unsigned char letter = (unsigned char)((s.n > 0 ? *s.p | 0x20 : 0) - 'a');

    return letter < 26 && words->of[letter][0] ? words->of[letter] : NULL;
}

static bool is_one_of(struct fct_str s, const struct words *words)
{
    for (const char *const *w = words_like(s, words); w && *w; w++)
        if (tracker_same(s, (struct fct_str){*w, strlen(*w)}))
            return true;
    return false;
}

static inline size_t word_end(struct fct_str path, size_t at)
{
    while (at < path.n && tracker_is_alnum(path.p[at]))
        at++;
    return at;
}

static bool has_word(struct fct_str path, const struct words *words)
{
    for (size_t at = 0, end; at < path.n; at = end + 1) {
        end = word_end(path, at);
        if (end - at > 2 && is_one_of(tracker_part(path, at, end), words))
            return true;
    }
    return false;
}

static bool has_part(struct fct_str path, const char *const *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tracker_find(path, (struct fct_str){parts[i], strlen(parts[i])}) < path.n)
            return true;
    return false;
}

static bool ends_before(struct fct_str s, size_t at, struct fct_str word)
{
    return at >= word.n && tracker_same(tracker_part(s, at - word.n, at), word);
}

static bool begins_at(struct fct_str s, size_t at, struct fct_str word)
{
    return at + word.n <= s.n && tracker_same(tracker_part(s, at, at + word.n), word);
}

/* Words of two, around the mark at `at`: "sign-in", "one_click". */
static bool is_pair(struct fct_str path, size_t at)
{
    static const struct {
        struct fct_str first, second;
    } pairs[] = {{FCT_STR_INIT("sign"), FCT_STR_INIT("in")},
                 {FCT_STR_INIT("log"), FCT_STR_INIT("in")},
                 {FCT_STR_INIT("one"), FCT_STR_INIT("click")},
                 {FCT_STR_INIT("double"), FCT_STR_INIT("opt")}};

    if (path.p[at] != '-' && path.p[at] != '_')
        return false;
    for (size_t i = 0; i < FCT_COUNT(pairs); i++)
        if (ends_before(path, at, pairs[i].first) && begins_at(path, at + 1, pairs[i].second))
            return true;
    return false;
}

static bool is_protected_path(struct fct_str path)
{
    for (size_t at = 0, end; at < path.n; at = end + 1) {
        end = word_end(path, at);
        if (end - at > 2 && is_one_of(tracker_part(path, at, end), &protected_words))
            return true;
        if (end < path.n && is_pair(path, end))
            return true;
    }
    return false;
}

/* "user_signature", "auth_sig" */
static bool says_signature(struct fct_str name)
{
    static const struct fct_str ends[] = {FCT_STR_INIT("signature"), FCT_STR_INIT("_sig"),
                                          FCT_STR_INIT("_hmac")};
    char last = name.n > 4 ? tracker_lower(name.p[name.n - 1]) : 0;

    for (size_t i = 0; last && i < FCT_COUNT(ends); i++)
        if (last == ends[i].p[ends[i].n - 1] && ends_before(name, name.n, ends[i]))
            return true;
    return false;
}

bool tracker_link_is_protected(const struct fct_url *url)
{
    struct fct_str query = url->query, pair, name;

    if (url->user.n > 0 || is_protected_path(url->path))
        return true;
    while (view_split(&query, '&', &pair))
        if (view_split(&pair, '=', &name) &&
            (is_one_of(name, &protected_names) || says_signature(name)))
            return true;
    return false;
}

bool tracker_link_keeps_redirect(const struct fct_url *url)
{
    static const char *const pairs[] = {"opt-out", "opt_out", "list-manage"};

    return has_part(url->path, pairs, FCT_COUNT(pairs)) ||
           has_word(url->path, &subscription_words) || tracker_link_is_protected(url);
}

/* ---- parameters ---- */

/* How long the "&" at `at` is; 0: there is none. */
static size_t ampersand(struct fct_str raw, size_t at, bool html)
{
    static const struct fct_str numbers[] = {FCT_STR_INIT("&#38;"), FCT_STR_INIT("&#x26;"),
                                             FCT_STR_INIT("&#038;")};
    static const struct fct_str name = FCT_STR_INIT("&amp;");

    if (raw.p[at] != '&')
        return 0;
    if (!html || at + name.n > raw.n)
        return 1;
    if (begins_at(raw, at, name))
        return name.n;
    for (size_t i = 0; raw.p[at + 1] == '#' && i < FCT_COUNT(numbers); i++)
        if (begins_at(raw, at, numbers[i]))
            return numbers[i].n;
    return 1;
}

struct query {
    struct fct_str raw;
    size_t begin, end; /* behind the "?", before the "#" */
};

static bool query_of(struct fct_str raw, bool html, struct query *q)
{
    const char *mark = raw.n > 0 && raw.n <= URL_MAX ? memchr(raw.p, '?', raw.n) : NULL;

    if (!mark)
        return false;
    q->raw = raw;
    q->begin = (size_t)(mark - raw.p) + 1;
    for (q->end = q->begin; q->end < raw.n; q->end++) {
        const char *hash = memchr(raw.p + q->end, '#', raw.n - q->end);

        q->end = hash ? (size_t)(hash - raw.p) : raw.n;
        /* the "#" of "&#38;" begins no fragment */
        if (q->end == raw.n || q->end == q->begin || ampersand(raw, q->end - 1, html) <= 1)
            break;
    }
    return q->end > q->begin;
}

/* Parameter from..to; *next is where the one behind it begins. */
static size_t pair_end(const struct query *q, size_t from, bool html, size_t *next)
{
    const char *mark = from < q->end ? memchr(q->raw.p + from, '&', q->end - from) : NULL;
    size_t to = mark ? (size_t)(mark - q->raw.p) : q->end;

    *next = mark ? to + ampersand(q->raw, to, html) : q->end + 1;
    return to;
}

static bool goes(const struct tracker_list *list, struct tracker_memo *memo, struct fct_str host,
                 struct fct_str pair)
{
    const char *equals = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;

    if (equals)
        pair.n = (size_t)(equals - pair.p);
    return tracker_list_strips(list, memo, host, pair);
}

size_t tracker_link_cut(const struct tracker_list *list, struct tracker_memo *memo,
                        struct fct_str host, struct fct_str raw, bool html,
                        struct tracker_span *cut, size_t room)
{
    struct query q;
    size_t n = 0, next, kept_end = 0; /* where the last one that stays ends; 0: none so far */

    if (!query_of(raw, html, &q))
        return 0;
    for (size_t from = q.begin; from <= q.end; from = next) {
        size_t to = pair_end(&q, from, html, &next);

        if (!goes(list, memo, host, tracker_part(raw, from, to))) {
            kept_end = to;
            continue;
        }
        /* With the "&" in front of it, or behind when nothing before it stays. */
        size_t begin = kept_end ? kept_end : from, end = kept_end || next > q.end ? to : next;

        if (n > 0 && cut[n - 1].offset + cut[n - 1].length >= begin && cut[n - 1].offset <= begin) {
            cut[n - 1].length = end - cut[n - 1].offset;
        } else if (n < room) {
            cut[n++] = (struct tracker_span){begin, end - begin};
        } else {
            return n;
        }
    }
    if (n == 1 && !kept_end && cut[0].offset == q.begin && cut[0].offset + cut[0].length == q.end) {
        cut[0].offset--; /* nothing is left: no "?" either */
        cut[0].length++;
    }
    return n;
}

/* ---- redirects ---- */

struct fct_str tracker_link_target(const struct tracker_tools *tools, const struct fct_url *url,
                                   char *room, size_t bytes)
{
    size_t n = url->path.n + (url->query.n > 0) + url->query.n;
    char *to;

    if (url->query.n == 0 ||
        (url->path.p + url->path.n + 1 == url->query.p && url->path.p[url->path.n] == '?'))
        return (struct fct_str){url->path.p, n};
    to = n < bytes ? room : n <= URL_MAX ? tools->alloc(tools->context, n + 1) : NULL;
    if (!to)
        return (struct fct_str){NULL, 0};
    if (url->path.n > 0)
        memcpy(to, url->path.p, url->path.n);
    if (url->query.n > 0) {
        to[url->path.n] = '?';
        memcpy(to + url->path.n + 1, url->query.p, url->query.n);
    }
    return (struct fct_str){to, n};
}

static int hex_digit(char c)
{
    if (tracker_is_digit(c))
        return c - '0';
    c = tracker_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct fct_str unescape(const struct tracker_tools *tools, struct fct_str s)
{
    char *to = tools->alloc(tools->context, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; to && i < s.n; i++) {
        int high = s.p[i] == '%' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;

        to[n++] = low >= 0 ? (char)(16 * high + low) : s.p[i];
        i += low >= 0 ? 2 : 0;
    }
    return (struct fct_str){to, n};
}

static struct fct_str parameter(struct fct_str query, struct fct_str name)
{
    struct fct_str pair, key;

    while (view_split(&query, '&', &pair))
        if (view_split(&pair, '=', &key) && pair.p && tracker_same(key, name))
            return pair;
    return (struct fct_str){NULL, 0};
}

/* The path from its nth segment on, from 1. */
static struct fct_str from_segment(struct fct_str path, unsigned n)
{
    struct fct_str piece;

    if (path.n > 0 && *path.p == '/')
        view_skip(&path, 1);
    while (--n > 0)
        if (!view_split(&path, '/', &piece))
            return (struct fct_str){NULL, 0};
    return path;
}

static struct fct_str segment(struct fct_str path, unsigned n)
{
    struct fct_str rest = from_segment(path, n), piece;

    return view_split(&rest, '/', &piece) ? piece : (struct fct_str){NULL, 0};
}

static bool has_scheme(struct fct_str s)
{
    return (s.n > 7 && tracker_same(tracker_part(s, 0, 7), (struct fct_str){"http://", 7})) ||
           (s.n > 8 && tracker_same(tracker_part(s, 0, 8), (struct fct_str){"https://", 8}));
}

/* Written as it is, the target has what is behind the path, too; encoded, it is in the path alone.
 */
static struct fct_str rest_of(const struct tracker_tools *tools, const struct tracker_row *row,
                              const struct fct_url *url, struct fct_str target)
{
    struct fct_str plain = from_segment(target, row->segment),
                   coded = from_segment(url->path, row->segment);

    return has_scheme(plain) ? plain : coded.p ? unescape(tools, coded) : coded;
}

static struct fct_str decode(const struct tracker_tools *tools, struct fct_str s)
{
    char *plain = s.p ? tools->alloc(tools->context, s.n + 1) : NULL;

    return (struct fct_str){plain, plain ? tracker_base64(s, plain, s.n) : 0};
}

/* target: path and query. */
static struct fct_str find_target(const struct tracker_row *row, const struct tracker_tools *tools,
                                  const struct fct_url *url, struct fct_str target)
{
    bool in_path = row->how >= TRACKER_SEGMENT;
    struct fct_str found;

    if (target.n > URL_MAX)
        return (struct fct_str){NULL, 0};
    if (row->how == TRACKER_REST)
        return rest_of(tools, row, url, target);
    found = in_path ? segment(url->path, row->segment) : parameter(url->query, row->what);
    if (!found.p)
        return found;
    found = unescape(tools, found);
    return row->how == TRACKER_BASE64 || row->how == TRACKER_SEGMENT64 ? decode(tools, found)
                                                                       : found;
}

static struct fct_str with_scheme(const struct tracker_tools *tools, struct fct_str scheme,
                                  struct fct_str s)
{
    char *to = tools->alloc(tools->context, scheme.n + 3 + s.n + 1);

    if (!to)
        return (struct fct_str){NULL, 0};
    snprintf(to, scheme.n + 4, "%.*s://", FCT_FMT(scheme));
    memcpy(to + scheme.n + 3, s.p, s.n);
    return (struct fct_str){to, scheme.n + 3 + s.n};
}

/* Nothing that could end the attribute, the line or the URL. */
static bool is_clean(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f ||
            strchr("\"'<>`\\{}", s.p[i]))
            return false;
    return s.n > 0;
}

static bool unwrap_once(const struct tracker_list *list, const struct tracker_tools *tools,
                        const struct fct_url *url, struct fct_url *out)
{
    char room[TARGET_ROOM];
    struct fct_str target = tracker_link_target(tools, url, room, sizeof room), found;
    const struct tracker_row *row =
        target.p ? tracker_list_find(list, tools->memo, TRACKER_UNWRAP, url->host, target) : NULL;

    if (!row || tracker_link_keeps_redirect(url))
        return false;
    found = find_target(row, tools, url, target);
    if (found.n > 0 && !has_scheme(found) && row->scheme.n > 0)
        found = with_scheme(tools, row->scheme, found);
    return found.p && has_scheme(found) && is_clean(found) &&
           tools->parse(tools->context, found, out);
}

static struct fct_str without_parameters(const struct tracker_list *list,
                                         const struct tracker_tools *tools,
                                         const struct fct_url *url)
{
    struct tracker_span cut[CUTS_MAX];
    size_t n = tracker_link_is_protected(url) ? 0
                                              : tracker_link_cut(list, tools->memo, url->host,
                                                                 url->text, false, cut, CUTS_MAX);
    char *to = n > 0 ? tools->alloc(tools->context, url->text.n) : NULL;
    size_t at = 0, length = 0;

    if (!to)
        return url->text;
    for (size_t i = 0; i <= n; i++) {
        size_t end = i < n ? cut[i].offset : url->text.n;

        memcpy(to + length, url->text.p + at, end - at);
        length += end - at;
        at = i < n ? end + cut[i].length : end;
    }
    return (struct fct_str){to, length};
}

bool tracker_link_unwrap(const struct tracker_list *list, const struct tracker_tools *tools,
                         const struct fct_url *url, struct fct_str *target)
{
    struct fct_url at = *url, next;
    unsigned depth = 0;

    while (depth < NESTED_MAX && unwrap_once(list, tools, &at, &next)) {
        at = next;
        depth++;
    }
    if (depth == 0)
        return false;
    *target = without_parameters(list, tools, &at);
    return true;
}
