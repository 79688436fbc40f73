/* shown_text.c - see shown_text.h. A short stack of open elements carries their looks; it is no
 * tree, but closes what browsers close by themselves (HTML standard 13.1.2.4). */
#include "core/message/shown_text.h"

#include "core/base/str.h"
#include "core/message/shown_look.h"

enum {
    STACK_MAX = 256, /* deeper elements look as the last one that has room */
    SEARCH_MAX = 64, /* open elements that an end tag may close at once */
};

/* ---- characters ---- */

struct range {
    uint32_t first, last;
};

/* Take no room, or only tell others how to stand (Unicode: Default_Ignorable_Code_Point). */
static const struct range invisible[] = {
    {0x00ad, 0x00ad}, {0x034f, 0x034f},   {0x061c, 0x061c},   {0x17b4, 0x17b5}, {0x180b, 0x180e},
    {0x200b, 0x200f}, {0x202a, 0x202e},   {0x2060, 0x206f},   {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
    {0xfff9, 0xfffb}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};
/* Take room and show nothing. */
static const struct range blank[] = {
    {0x0085, 0x0085}, {0x00a0, 0x00a0}, {0x115f, 0x1160}, {0x1680, 0x1680},
    {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
    {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164}, {0xffa0, 0xffa0},
};

static bool is_in(uint32_t c, const struct range *range, size_t n)
{
    for (size_t i = 0; i < n && c >= range[i].first; i++)
        if (c <= range[i].last)
            return true;
    return false;
}

/* The character at s, which is not ASCII, and its length; a byte that begins none stands for
 * itself. */
static uint32_t decode(struct fct_str s, size_t *length)
{
    unsigned char lead = (unsigned char)s.p[0];
    size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
    uint32_t c = n == 4 ? lead & 0x07u : n == 3 ? lead & 0x0fu : n == 2 ? lead & 0x1fu : 0xfffdu;

    *length = 1;
    if (n > s.n)
        return 0xfffd;
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            return 0xfffd;
        c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
    }
    *length = n;
    return c;
}

/* ---- one text ---- */

static void put_bytes(struct shown_flow *f, struct fct_str bytes)
{
    if (bytes.n == 0)
        return;
    if (f->out.n > 0 && (f->line || f->space))
        buf_put_char(&f->out, f->line ? '\n' : ' ');
    f->line = f->space = false;
    buf_put_str(&f->out, bytes);
}

/* ASCII that is seen: one comparison, as there are many. */
static inline bool is_letter(char c)
{
    return (unsigned char)((unsigned char)c - 0x21) < 0x7f - 0x21;
}

/* Words in runs, as long as they can be copied at once. keep_lines: a line end is one. */
static void put_text(struct shown_flow *f, struct fct_str text, bool keep_lines)
{
    size_t start = 0, length;

    for (size_t i = 0; i < text.n; i += length) {
        bool high = (unsigned char)text.p[i] >= 0x80;
        uint32_t c;

        length = 1;
        if (is_letter(text.p[i]))
            continue;
        c = high ? decode(str_skip(text, i), &length) : (unsigned char)text.p[i];
        if (high && !is_in(c, invisible, FCT_COUNT(invisible)) &&
            !is_in(c, blank, FCT_COUNT(blank)))
            continue;
        put_bytes(f, str_head(str_skip(text, start), i - start));
        start = i + length;
        if (keep_lines && c == '\n')
            f->line = true;
        else if (!high || is_in(c, blank, FCT_COUNT(blank)))
            f->space = true;
    }
    put_bytes(f, str_skip(text, start));
}

static void begin_line(struct shown_text *t)
{
    t->shown.line = t->hidden.line = true;
}

void shown_text_init(struct shown_text *t, size_t max)
{
    *t = (struct shown_text){.shown.out = BUF_INIT(max), .hidden.out = BUF_INIT(max)};
}

void shown_text_free(struct shown_text *t)
{
    buf_free(&t->shown.out);
    buf_free(&t->hidden.out);
}

void shown_text_add_plain(struct shown_text *t, struct fct_str text)
{
    begin_line(t);
    put_text(&t->shown, text, true);
}

/* ---- elements ---- */

enum element_is {
    EMPTY = 1,    /* has no end */
    LINE = 2,     /* stands on lines of its own, and ends a paragraph before it */
    SPACE = 4,    /* apart from its neighbours */
    SCOPE = 8,    /* end tags inside close nothing outside (HTML standard 13.2.4.2) */
    THROUGH = 16, /* but the end tags of these do */
    UNSEEN = 32,  /* its text is shown nowhere */
    DROPPED = 64, /* its text is no text */
    PARAGRAPH = 128,
    CELL = 256,
    ROW = 512,
    ITEM = 1024,
    TERM = 2048,
    OPTION = 4096,
    LIST = 8192,
};

/* clang-format off */
static const struct element {
    struct fct_str name;
    unsigned is, closes; /* closes: open ones of these kinds end where it begins */
} elements[] = {
    {FCT_STR_INIT("p"), LINE | PARAGRAPH, PARAGRAPH},
    {FCT_STR_INIT("br"), EMPTY | LINE, 0},          {FCT_STR_INIT("hr"), EMPTY | LINE, PARAGRAPH},
    {FCT_STR_INIT("td"), SPACE | SCOPE | THROUGH | CELL, CELL},
    {FCT_STR_INIT("th"), SPACE | SCOPE | THROUGH | CELL, CELL},
    {FCT_STR_INIT("tr"), LINE | THROUGH | ROW, CELL | ROW},
    {FCT_STR_INIT("li"), LINE | ITEM, ITEM},
    {FCT_STR_INIT("dt"), LINE | TERM, TERM},        {FCT_STR_INIT("dd"), LINE | TERM, TERM},
    {FCT_STR_INIT("ul"), LINE | LIST, PARAGRAPH},   {FCT_STR_INIT("ol"), LINE | LIST, PARAGRAPH},
    {FCT_STR_INIT("dl"), LINE | LIST, PARAGRAPH},
    {FCT_STR_INIT("h1"), LINE, PARAGRAPH},          {FCT_STR_INIT("h2"), LINE, PARAGRAPH},
    {FCT_STR_INIT("h3"), LINE, PARAGRAPH},          {FCT_STR_INIT("h4"), LINE, PARAGRAPH},
    {FCT_STR_INIT("h5"), LINE, PARAGRAPH},          {FCT_STR_INIT("h6"), LINE, PARAGRAPH},
    {FCT_STR_INIT("div"), LINE, PARAGRAPH},         {FCT_STR_INIT("pre"), LINE, PARAGRAPH},
    {FCT_STR_INIT("nav"), LINE, PARAGRAPH},         {FCT_STR_INIT("main"), LINE, PARAGRAPH},
    {FCT_STR_INIT("form"), LINE, PARAGRAPH},        {FCT_STR_INIT("body"), LINE | THROUGH, 0},
    {FCT_STR_INIT("html"), LINE | THROUGH, 0},      {FCT_STR_INIT("center"), LINE, PARAGRAPH},
    {FCT_STR_INIT("table"), LINE | SCOPE | THROUGH, PARAGRAPH},
    {FCT_STR_INIT("tbody"), LINE | THROUGH, CELL | ROW},
    {FCT_STR_INIT("thead"), LINE | THROUGH, CELL | ROW},
    {FCT_STR_INIT("tfoot"), LINE | THROUGH, CELL | ROW},
    {FCT_STR_INIT("caption"), LINE | SCOPE | THROUGH, 0},
    {FCT_STR_INIT("header"), LINE, PARAGRAPH},      {FCT_STR_INIT("footer"), LINE, PARAGRAPH},
    {FCT_STR_INIT("section"), LINE, PARAGRAPH},     {FCT_STR_INIT("article"), LINE, PARAGRAPH},
    {FCT_STR_INIT("address"), LINE, PARAGRAPH},     {FCT_STR_INIT("fieldset"), LINE, PARAGRAPH},
    {FCT_STR_INIT("blockquote"), LINE, PARAGRAPH},
    {FCT_STR_INIT("option"), SPACE | OPTION, OPTION},
    {FCT_STR_INIT("select"), SPACE | LIST, 0},      {FCT_STR_INIT("button"), SPACE, 0},
    {FCT_STR_INIT("input"), EMPTY | SPACE, 0},      {FCT_STR_INIT("img"), EMPTY, 0},
    {FCT_STR_INIT("col"), EMPTY, 0},                {FCT_STR_INIT("wbr"), EMPTY, 0},
    {FCT_STR_INIT("area"), EMPTY, 0},               {FCT_STR_INIT("base"), EMPTY, 0},
    {FCT_STR_INIT("link"), EMPTY, 0},               {FCT_STR_INIT("meta"), EMPTY, 0},
    {FCT_STR_INIT("embed"), EMPTY, 0},              {FCT_STR_INIT("frame"), EMPTY, 0},
    {FCT_STR_INIT("param"), EMPTY, 0},              {FCT_STR_INIT("track"), EMPTY, 0},
    {FCT_STR_INIT("source"), EMPTY, 0},             {FCT_STR_INIT("bgsound"), EMPTY, 0},
    {FCT_STR_INIT("basefont"), EMPTY, 0},
    {FCT_STR_INIT("title"), UNSEEN, 0},             {FCT_STR_INIT("template"), UNSEEN | SCOPE | THROUGH, 0},
    {FCT_STR_INIT("style"), DROPPED, 0},            {FCT_STR_INIT("script"), DROPPED, 0},
    {FCT_STR_INIT("iframe"), DROPPED, 0},           {FCT_STR_INIT("noembed"), DROPPED, 0},
    {FCT_STR_INIT("noframes"), DROPPED, 0},
};
/* clang-format on */

static const struct element *find_element(struct fct_str name)
{
    static const struct element other = {{"", 0}, 0, 0};

    for (size_t i = 0; i < FCT_COUNT(elements); i++)
        if (elements[i].name.n == name.n && elements[i].name.p[0] == name.p[0] &&
            str_equal(elements[i].name, name))
            return &elements[i];
    return &other;
}

struct open_element {
    struct fct_str name;
    const struct element *element;
    struct shown_look look;
};

struct walk {
    struct shown_text *text;
    struct open_element stack[STACK_MAX];
    size_t n, beyond; /* beyond: open ones that found no room */
};

static const struct shown_look *look_now(const struct walk *w)
{
    return w->n > 0 ? &w->stack[w->n - 1].look : &look_default;
}

static struct shown_flow *flow_of(struct walk *w, const struct shown_look *look)
{
    return look_is_readable(look) ? &w->text->shown : &w->text->hidden;
}

static void stand_apart(struct walk *w, const struct element *e)
{
    if (e->is & LINE)
        begin_line(w->text);
    else if (e->is & SPACE)
        w->text->shown.space = w->text->hidden.space = true;
}

/* ---- tags ---- */

/* "<p>one<p>two": an element may end without its end tag. */
static bool close_one(struct walk *w, unsigned kinds)
{
    for (size_t i = w->n; i > 0 && w->n - i < SEARCH_MAX; i--) {
        unsigned is = w->stack[i - 1].element->is;

        if (is & kinds) {
            w->n = i - 1;
            return true;
        }
        if (is & (SCOPE | LIST))
            return false;
    }
    return false;
}

static void push(struct walk *w, struct fct_str name, const struct element *e,
                 const struct shown_look *look)
{
    if (w->n == STACK_MAX) {
        w->beyond++;
        return;
    }
    w->stack[w->n++] = (struct open_element){name, e, *look};
}

/* Words that a picture or a button carries in an attribute. */
static void put_replacement(struct walk *w, const struct fct_html_token *tag,
                            const struct shown_look *look)
{
    const struct fct_html_attribute *type = html_attribute(tag, "type"), *words = NULL;
    struct shown_flow *flow = flow_of(w, look);

    if (str_equal(tag->name, FCT_STR("img")))
        words = html_attribute(tag, "alt");
    else if (type && str_equal(tag->name, FCT_STR("input")) &&
             (str_equal_nocase(type->value, FCT_STR("submit")) ||
              str_equal_nocase(type->value, FCT_STR("button"))))
        words = html_attribute(tag, "value");
    if (!words || words->value.n == 0)
        return;
    flow->space = true;
    put_text(flow, words->value, false);
    flow->space = true;
}

static void start_tag(struct walk *w, const struct fct_html_token *tag)
{
    const struct element *e = find_element(tag->name);
    struct shown_look look;

    while (w->beyond == 0 && e->closes && close_one(w, e->closes))
        ;
    look = *look_now(w);
    look_apply(&look, tag);
    look.gone |= (e->is & UNSEEN) != 0;
    stand_apart(w, e);
    put_replacement(w, tag, &look);
    if (!(e->is & EMPTY))
        push(w, tag->name, e, &look);
}

static void end_tag(struct walk *w, struct fct_str name)
{
    const struct element *e = find_element(name);

    stand_apart(w, e);
    if (w->beyond > 0) {
        w->beyond--;
        return;
    }
    for (size_t i = w->n; i > 0 && w->n - i < SEARCH_MAX; i--) {
        if (str_equal(w->stack[i - 1].name, name)) {
            w->n = i - 1;
            return;
        }
        if (!(e->is & THROUGH) && (w->stack[i - 1].element->is & SCOPE))
            return;
    }
}

static bool is_dropped(const struct walk *w)
{
    return w->n > 0 && w->beyond == 0 && (w->stack[w->n - 1].element->is & DROPPED);
}

void shown_text_add_html(struct shown_text *t, const struct fct_html_token *token, size_t n)
{
    struct walk w = {.text = t};
    bool keeps_lines;

    begin_line(t);
    for (size_t i = 0; i < n; i++) {
        if (token[i].kind == FCT_HTML_START) {
            start_tag(&w, &token[i]);
        } else if (token[i].kind == FCT_HTML_END) {
            end_tag(&w, token[i].name);
        } else if (token[i].kind == FCT_HTML_TEXT && !is_dropped(&w)) {
            keeps_lines = w.n > 0 && str_equal(w.stack[w.n - 1].name, FCT_STR("pre"));
            put_text(flow_of(&w, look_now(&w)), token[i].text, keeps_lines);
        }
    }
}
