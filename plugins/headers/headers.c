/* headers.c - the header fields that nobody but us may have written, and those that a submitted
 * message must have.
 *
 * Removes, at `headers` and so before anybody else reads them: every Authentication-Results field
 * that claims our authserv-id (RFC 8601 5), every X-Facteur-* field, and what `extra` names. Adds
 * on submission: Date and Message-ID when they are missing (RFC 6409 8.2, 8.3). The original stays
 * as it is: these are edits of the view.
 */
#include <facteur/plugin.h>

#include <sys/random.h>
#include <time.h>

static const struct fct_host *host;

struct headers_conf {
    struct fct_strings extra;
    bool add_missing;
};

/* clang-format off */
static const struct fct_conf_key headers_keys[] = {
    FCT_CONF_KEY(struct headers_conf, extra,       "",    "More fields to remove from incoming mail; a * at the end stands for anything, such as \"X-Spam-*\""),
    FCT_CONF_KEY(struct headers_conf, add_missing, "yes", "On submission, add Date and Message-ID when they are missing (RFC 6409 8.2, 8.3)"),
    FCT_CONF_END,
};
/* clang-format on */

/* ---- comparing ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same_nocase(struct fct_str a, struct fct_str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

static struct fct_str view(const char *s)
{
    return (struct fct_str){s, strlen(s)};
}

/* Obsolete syntax allows white space between the name and the colon (RFC 5322 4.5): it must not
 * hide a field. */
static struct fct_str field_name(const struct fct_header *h)
{
    struct fct_str name = h->name;

    while (name.n > 0 && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
        name.n--;
    return name;
}

/* pattern: a field name, or its beginning and a '*'. */
static bool name_matches(struct fct_str name, struct fct_str pattern)
{
    if (pattern.n > 0 && pattern.p[pattern.n - 1] == '*') {
        pattern.n--;
        if (name.n > pattern.n)
            name.n = pattern.n;
    }
    return same_nocase(name, pattern);
}

/* ---- authserv-id = value                                       RFC 8601 2.2, RFC 2045 5.1 ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* comment = "(" *([FWS] ccontent) [FWS] ")"; they nest            RFC 5322 3.2.2 */
static void skip_comment(struct fct_str *in)
{
    size_t depth = 0, i = 0;

    for (; i < in->n; i++) {
        if (in->p[i] == '\\' && i + 1 < in->n)
            i++;
        else if (in->p[i] == '(')
            depth++;
        else if (in->p[i] == ')' && --depth == 0) {
            i++;
            break;
        }
    }
    in->p += i;
    in->n -= i;
}

static void skip_cfws(struct fct_str *in)
{
    while (in->n > 0) {
        if (*in->p == '(') {
            skip_comment(in);
        } else if (is_space(*in->p)) {
            in->p++;
            in->n--;
        } else {
            return;
        }
    }
}

/* quoted-string = DQUOTE *([FWS] qcontent) [FWS] DQUOTE           RFC 5322 3.2.4 */
static size_t take_quoted(struct fct_str in, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 1; i < in.n && in.p[i] != '"' && n < size; i++) {
        if (in.p[i] == '\\' && i + 1 < in.n)
            i++;
        else if (in.p[i] == '\r' || in.p[i] == '\n')
            continue; /* folding inside the quotes */
        out[n++] = in.p[i];
    }
    return n;
}

static size_t take_token(struct fct_str in, char *out, size_t size)
{
    size_t n = 0;

    while (n < in.n && n < size && !is_space(in.p[n]) && !strchr("();\"", in.p[n])) {
        out[n] = in.p[n];
        n++;
    }
    return n;
}

/* Does this value speak in our name? One that names nobody speaks in nobody's and goes as well: no
 * reader could tell. */
static bool claims_to_be(struct fct_str value, struct fct_str server_name)
{
    char id[300];
    struct fct_str found = {id, 0};

    skip_cfws(&value);
    if (value.n > 0 && *value.p == '"')
        found.n = take_quoted(value, id, sizeof id);
    else if (value.n > 0)
        found.n = take_token(value, id, sizeof id);
    if (found.n > 0 && id[found.n - 1] == '.') /* the same name, absolute */
        found.n--;
    return found.n == 0 || same_nocase(found, server_name);
}

/* ---- removing ---- */

static bool is_forged(struct fct_call *call, const struct fct_header *h,
                      const struct headers_conf *conf)
{
    struct fct_str name = field_name(h);

    if (name_matches(name, view("Authentication-Results")))
        return claims_to_be(h->value, host->server_name(call));
    if (name_matches(name, view("X-Facteur-*")))
        return true;
    for (size_t i = 0; i < conf->extra.n; i++)
        if (name_matches(name, view(conf->extra.item[i])))
            return true;
    return false;
}

/* ---- adding ---- */

static bool has_field(struct fct_call *call, const char *name)
{
    const struct fct_header *h;
    size_t n = host->headers(call, &h);

    for (size_t i = 0; i < n; i++)
        if (same_nocase(field_name(&h[i]), view(name)))
            return true;
    return false;
}

/* date-time                                                       RFC 5322 3.3 */
static void add_date(struct fct_call *call)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm tm;
    char text[64];

    if (!gmtime_r(&now, &tm))
        return;
    snprintf(text, sizeof text, "%.3s, %d %.3s %d %02d:%02d:%02d +0000", days + 3 * tm.tm_wday,
             tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
    host->header_add(call, FCT_AFTER_TRACE, view("Date"), view(text));
}

/* msg-id = "<" id-left "@" id-right ">"                           RFC 5322 3.6.4 */
static void add_message_id(struct fct_call *call)
{
    struct fct_str server = host->server_name(call);
    unsigned char random[12];
    char text[400];
    size_t n = 1;

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random || server.n > 255)
        return;
    text[0] = '<';
    for (size_t i = 0; i < sizeof random; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%02x", random[i]);
    n += (size_t)snprintf(text + n, sizeof text - n, "@%.*s>", FCT_FMT(server));
    host->header_add(call, FCT_AFTER_TRACE, view("Message-ID"), (struct fct_str){text, n});
}

static void complete(struct fct_call *call)
{
    if (!has_field(call, "Message-ID"))
        add_message_id(call);
    if (!has_field(call, "Date"))
        add_date(call);
}

/* Mail for elsewhere comes by once more, at queue.in, where what is added leaves with it. Where
 * this server delivers, recipients without an account are elsewhere. */
static bool will_be_queued(struct fct_call *call)
{
    const struct fct_recipient *r;

    if (!same_nocase(host->conn(call)->frontend, view("smtp")))
        return false;
    for (size_t i = 0; (r = host->recipient(call, i)) != NULL; i++)
        if (r->account.n == 0)
            return true;
    return false;
}

static enum fct_verdict on_headers(struct fct_call *call, const struct fct_ev_headers *ev,
                                   void *state)
{
    const struct headers_conf *conf = state;
    const struct fct_header *h;
    size_t n = host->headers(call, &h);

    (void)ev;
    for (size_t i = 0; i < n; i++)
        if (is_forged(call, &h[i], conf))
            host->header_remove(call, &h[i]);
    if (host->conn(call)->role == FCT_ROLE_SUBMISSION && conf->add_missing && !will_be_queued(call))
        complete(call);
    return FCT_NEXT;
}

static enum fct_verdict on_queue_in(struct fct_call *call, const struct fct_ev_queue_in *ev,
                                    void *state)
{
    const struct headers_conf *conf = state;

    (void)ev;
    if (host->conn(call)->role == FCT_ROLE_SUBMISSION && conf->add_missing)
        complete(call);
    return FCT_NEXT;
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    (void)self;
    (void)err;
    host = given;
    memcpy(state, &conf, sizeof conf); /* read-only for us as well, but state is a plain pointer */
    return true;
}

static const struct fct_hook_row hooks[] = {
    FCT_ON(headers, on_headers, .provides = "headers"),
    FCT_ON(queue_in, on_queue_in, .provides = "headers", .may = FCT_MAY_ADD_HEADER),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "headers",
    .version = "1.0",
    .summary = "Removes forged header fields, completes submitted messages",
    .license = "Apache-2.0",
    .keys = headers_keys,
    .conf_size = sizeof(struct headers_conf),
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
};
