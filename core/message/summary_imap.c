/* summary_imap.c - ENVELOPE, BODY and BODYSTRUCTURE as IMAP sends them (RFC 9051 7.5.2, RFC
 * 3501 7.4.2). */
#include "core/message/address.h"
#include "core/message/lexer.h"
#include "core/message/parameter.h"
#include "core/message/summary_int.h"

enum {
    MAX_QUOTED = 4096,    /* longer strings go as literals */
    MAX_ADDRESSES = 5000, /* of a field; the rest is in the header */
    MAX_PARAMETERS = 1000,
    MAX_LANGUAGES = 100,
};

static void put(struct buf *out, const char *literal)
{
    buf_put_c(out, literal);
}

/* ---- strings ---- */

static void put_literal(struct fct_str s, struct buf *out)
{
    size_t start;

    buf_put_char(out, '{');
    buf_put_u64(out, s.n);
    put(out, "}\r\n");
    start = out->n;
    if (buf_put_str(out, s))
        for (size_t i = start; i < out->n; i++)
            if (out->p[i] == '\0')
                out->p[i] = (char)0x80;
}

void imap_put_string(struct fct_str s, struct buf *out)
{
    bool escape = false;

    if (!s.p) {
        put(out, "NIL");
        return;
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == 0 || c == '\r' || c == '\n' || c >= 0x80 || s.n > MAX_QUOTED) {
            put_literal(s, out);
            return;
        }
        escape = escape || c == '"' || c == '\\';
    }
    buf_put_char(out, '"');
    for (size_t i = 0; escape && i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, s.p[i]);
    }
    if (!escape)
        buf_put_str(out, s);
    buf_put_char(out, '"');
}

static void put_nstring(struct fct_str s, struct buf *out)
{
    imap_put_string(s.n > 0 ? s : (struct fct_str){0}, out);
}

static struct fct_str skip_blanks(struct fct_str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_skip(s, 1);
    return s;
}

static struct fct_str trim_end(struct fct_str s)
{
    while (s.n > 0 && lex_is(s.p[s.n - 1], LEX_SPACE))
        s.n--;
    return s;
}

/* The value in one line: a fold becomes one space (RFC 9051 leaves it open; clients are used to
 * it). White space in front is kept when the value begins on its second line. */
static struct fct_str one_line(struct arena *arena, struct fct_str value)
{
    struct fct_str rest = skip_blanks(value), line;
    size_t n = 0;
    char *out;

    if (!rest.n || !memchr(rest.p, '\n', rest.n))
        return trim_end(rest);
    out = arena_alloc(arena, rest.n + 1);
    while (rest.p) {
        line = trim_end(str_split(&rest, '\n'));
        if (line.n == 0)
            continue;
        if (n > 0) {
            line = skip_blanks(line);
            out[n++] = ' ';
        }
        memcpy(out + n, line.p, line.n);
        n += line.n;
    }
    return (struct fct_str){out, n};
}

static void put_field(struct arena *arena, const struct fct_header *h, struct buf *out)
{
    struct fct_str v = h ? one_line(arena, h->value) : (struct fct_str){0};

    imap_put_string(h && !v.p ? FCT_STR("") : v, out);
}

/* ---- envelope ---- */

/* addr-name SP addr-adl SP addr-mailbox SP addr-host; groups as RFC 9051 7.5.2 wants them. Words in
 * capitals stand for what the message lacks, as clients know them from other servers. */
static void put_address(const struct address *a, struct buf *out)
{
    bool mailbox = a->kind == ADDRESS_MAILBOX;
    struct fct_str domain = a->domain;

    if (mailbox && a->broken)
        domain = FCT_STR("SYNTAX_ERROR");
    else if (mailbox && domain.n == 0)
        domain = FCT_STR("MISSING_DOMAIN");
    buf_put_char(out, '(');
    put_nstring(a->name, out);
    buf_put_char(out, ' ');
    put_nstring(a->route, out);
    buf_put_char(out, ' ');
    if (a->kind == ADDRESS_GROUP_END)
        put(out, "NIL");
    else if (mailbox && a->local.n == 0 && !a->local.p)
        put(out, "\"MISSING_MAILBOX\"");
    else
        imap_put_string(a->local.p ? a->local : FCT_STR(""), out);
    buf_put_char(out, ' ');
    put_nstring(domain, out);
    buf_put_char(out, ')');
}

/* No more addresses than separators can make. */
static size_t most_addresses(struct fct_str value)
{
    size_t n = 2;

    for (size_t i = 0; i < value.n; i++)
        n += value.p[i] == ',' || value.p[i] == ';' || value.p[i] == ':';
    return n;
}

/* The addresses of all fields of that name: a second From is an author too. False when there are
 * none. */
static bool put_addresses(struct arena *arena, const struct header_list *header,
                          struct fct_str name, struct buf *out)
{
    size_t left = MAX_ADDRESSES;

    for (size_t i = 0; i < header->n && left > 0; i++) {
        if (!lex_name_is(header->field[i].name, name.p, name.n))
            continue;
        struct fct_str value = header_unfold(arena, &header->field[i]);
        size_t most = most_addresses(value), n;
        struct address *list;

        most = most < left ? most : left;
        list = ARENA_ARRAY(arena, struct address, most);
        n = address_list_parse(arena, value, list, most);
        if (n > 0 && left == MAX_ADDRESSES)
            buf_put_char(out, '(');
        for (size_t k = 0; k < n; k++)
            put_address(&list[k], out);
        left -= n;
    }
    if (left < MAX_ADDRESSES)
        buf_put_char(out, ')');
    return left < MAX_ADDRESSES;
}

/* clang-format off */
enum { DATE, SUBJECT, FROM, SENDER, REPLY_TO, TO, CC, BCC, IN_REPLY_TO, MESSAGE_ID, ENVELOPE_FIELDS };

/* In the order of the answer. */
static const struct envelope_field {
    struct fct_str name;
    bool addresses;
} envelope_fields[ENVELOPE_FIELDS] = {
    [DATE]        = {{"date", 4}, false},
    [SUBJECT]     = {{"subject", 7}, false},
    [FROM]        = {{"from", 4}, true},
    [SENDER]      = {{"sender", 6}, true},
    [REPLY_TO]    = {{"reply-to", 8}, true},
    [TO]          = {{"to", 2}, true},
    [CC]          = {{"cc", 2}, true},
    [BCC]         = {{"bcc", 3}, true},
    [IN_REPLY_TO] = {{"in-reply-to", 11}, false},
    [MESSAGE_ID]  = {{"message-id", 10}, false},
};
/* clang-format on */

/* One pass over the header: which of the ten are there, and the last field of each name. */
static void find_fields(const struct header_list *header, const struct fct_header *field[])
{
    for (size_t i = 0; i < header->n; i++)
        for (size_t k = 0; k < ENVELOPE_FIELDS; k++)
            if (lex_name_is(header->field[i].name, envelope_fields[k].name.p,
                            envelope_fields[k].name.n))
                field[k] = &header->field[i];
}

void imap_put_envelope(struct arena *arena, const struct header_list *header, struct buf *out)
{
    const struct fct_header *field[ENVELOPE_FIELDS] = {0};
    struct buf from = BUF_INIT(out->max);

    find_fields(header, field);
    if (!field[FROM] || !put_addresses(arena, header, envelope_fields[FROM].name, &from))
        put(&from, "NIL");
    for (size_t k = 0; k < ENVELOPE_FIELDS; k++) {
        buf_put_char(out, k == 0 ? '(' : ' ');
        if (!envelope_fields[k].addresses)
            put_field(arena, field[k], out);
        else if (k == FROM)
            buf_put_str(out, buf_str(&from));
        else if (field[k] && put_addresses(arena, header, envelope_fields[k].name, out))
            continue;
        else if (k == SENDER || k == REPLY_TO) /* RFC 9051 7.5.2: those of From */
            buf_put_str(out, buf_str(&from));
        else
            put(out, "NIL");
    }
    buf_put_char(out, ')');
    buf_free(&from);
}

/* ---- body structure ---- */

static const struct fct_header *content(const struct mime_part *p, const char *name)
{
    return header_find(&p->header, name, 0);
}

/* body-fld-param; a text without a charset has us-ascii (RFC 2045 5.2). True when there were some.
 */
static void put_parameters(struct arena *arena, struct fct_str in, bool is_text, struct buf *out)
{
    const struct mime_parameter *list;
    size_t n = parameter_list_parse(arena, in, MAX_PARAMETERS, PARAMETER_JOINED, &list);
    bool charset = !is_text;

    for (size_t i = 0; i < n; i++) {
        buf_put_char(out, i == 0 ? '(' : ' ');
        imap_put_string(list[i].name, out);
        buf_put_char(out, ' ');
        imap_put_string(list[i].value.p ? list[i].value : FCT_STR(""), out);
        charset = charset || LEX_IS(list[i].name, "charset");
    }
    if (!charset)
        put(out, n > 0 ? " \"charset\" \"us-ascii\"" : "(\"charset\" \"us-ascii\"");
    if (n == 0 && charset)
        put(out, "NIL");
    else
        buf_put_char(out, ')');
}

static void put_content_parameters(struct arena *arena, const struct mime_part *p, bool is_text,
                                   struct buf *out)
{
    const struct fct_header *h = content(p, "Content-Type");
    struct fct_str in = h ? h->value : (struct fct_str){0}, major, minor;

    if (h && !content_type_take(&in, &major, &minor)) {
        in.n = 0; /* broken: what follows is no parameter */
        is_text = is_text && minor.n > 0;
    }
    put_parameters(arena, in, is_text, out);
}

/* body-fld-dsp = "(" string SP body-fld-param ")" / nil */
static void put_disposition(struct arena *arena, const struct mime_part *p, struct buf *out)
{
    const struct fct_header *h = content(p, "Content-Disposition");
    struct fct_str in = h ? h->value : (struct fct_str){0}, token;

    lex_skip_cfws(&in, NULL);
    token = lex_take(&in, LEX_TOKEN);
    if (!h) {
        put(out, "NIL");
        return;
    }
    buf_put_char(out, '(');
    imap_put_string(token.p ? token : FCT_STR(""), out);
    buf_put_char(out, ' ');
    put_parameters(arena, in, false, out);
    buf_put_char(out, ')');
}

/* Language-Header = 1#Language-tag RFC 3282 2 */
static void put_language(const struct mime_part *p, struct buf *out)
{
    const struct fct_header *h = content(p, "Content-Language");
    struct fct_str in = h ? h->value : (struct fct_str){0};
    unsigned n = 0;

    for (; n < MAX_LANGUAGES; n++) {
        lex_skip_cfws(&in, NULL);
        struct fct_str tag = lex_take(&in, LEX_ATEXT);

        if (tag.n == 0)
            break;
        buf_put_char(out, n == 0 ? '(' : ' ');
        imap_put_string(tag, out);
        lex_skip_cfws(&in, NULL);
        if (in.n == 0 || in.p[0] != ',') {
            n++;
            break;
        }
        in = str_skip(in, 1);
    }
    put(out, n > 0 ? ")" : "NIL");
}

/* body-ext-*: what both kinds end with */
static void put_extension(struct arena *arena, const struct mime_part *p, struct buf *out)
{
    buf_put_char(out, ' ');
    put_disposition(arena, p, out);
    buf_put_char(out, ' ');
    put_language(p, out);
    buf_put_char(out, ' ');
    put_field(arena, content(p, "Content-Location"), out);
}

/* The encoding is a token and nothing else, or the default. */
static void put_encoding(const struct mime_part *p, struct buf *out)
{
    const struct fct_header *h = content(p, "Content-Transfer-Encoding");
    struct fct_str in = h ? h->value : (struct fct_str){0}, token;

    lex_skip_cfws(&in, NULL);
    token = lex_take(&in, LEX_TOKEN);
    lex_skip_cfws(&in, NULL);
    imap_put_string(token.n > 0 && in.n == 0 ? token : FCT_STR("7bit"), out);
}

static bool is_text(const struct mime_part *p)
{
    return LEX_IS(p->major, "text");
}

/* body-type-1part up to its size */
static void put_leaf_start(struct arena *arena, const struct mime_part *p, struct buf *out)
{
    imap_put_string(p->major.p ? p->major : FCT_STR(""), out);
    buf_put_char(out, ' ');
    imap_put_string(p->minor.p ? p->minor : FCT_STR(""), out);
    buf_put_char(out, ' ');
    put_content_parameters(arena, p, is_text(p), out);
    buf_put_char(out, ' ');
    put_field(arena, content(p, "Content-ID"), out);
    buf_put_char(out, ' ');
    put_field(arena, content(p, "Content-Description"), out);
    buf_put_char(out, ' ');
    put_encoding(p, out);
    buf_put_char(out, ' ');
    buf_put_u64(out, p->is.body_length);
}

static void put_leaf_end(struct arena *arena, const struct mime_part *p, bool extended,
                         struct buf *out)
{
    if (is_text(p) || p->is_message) {
        buf_put_char(out, ' ');
        buf_put_u64(out, p->body_lines);
    }
    if (!extended)
        return;
    buf_put_char(out, ' ');
    put_field(arena, content(p, "Content-MD5"), out);
    put_extension(arena, p, out);
}

static void put_multipart_end(struct arena *arena, const struct mime_part *p, bool extended,
                              struct buf *out)
{
    if (p->first_child <
        0) { /* an empty one is not allowed: an empty text stands for its content */
        put(out, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0");
        put(out, extended ? " NIL NIL NIL NIL)" : ")");
    }
    buf_put_char(out, ' ');
    imap_put_string(p->minor.p ? p->minor : FCT_STR("x-unknown"), out);
    if (!extended)
        return;
    buf_put_char(out, ' ');
    put_content_parameters(arena, p, false, out);
    put_extension(arena, p, out);
}

static void part_end(struct arena *arena, const struct mime_part *p, bool extended, struct buf *out)
{
    if (p->is_multipart)
        put_multipart_end(arena, p, extended, out);
    else
        put_leaf_end(arena, p, extended, out);
    buf_put_char(out, ')');
}

/* Down to the first child, then to siblings, then up; the tree keeps the way, so nothing recurses.
 */
void imap_put_body(struct arena *arena, const struct mime_tree *tree, bool extended,
                   struct buf *out)
{
    int at = 0;

    for (;;) {
        const struct mime_part *p = &tree->part[at];

        buf_put_char(out, '(');
        if (!p->is_multipart)
            put_leaf_start(arena, p, out);
        if (p->is_message) {
            buf_put_char(out, ' ');
            imap_put_envelope(arena, &tree->part[p->first_child].header, out);
            buf_put_char(out, ' ');
        }
        if (p->first_child >= 0) {
            at = p->first_child;
            continue;
        }
        part_end(arena, p, extended, out);
        while (tree->part[at].next_sibling < 0) {
            at = tree->part[at].is.parent;
            if (at < 0)
                return;
            part_end(arena, &tree->part[at], extended, out);
        }
        at = tree->part[at].next_sibling;
    }
}
