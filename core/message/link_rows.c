/* link_rows.c - see link_rows.h. */
#include "core/message/link_rows.h"

#include "core/base/str.h"

#define ANY     \
    {           \
        NULL, 0 \
    }

/* By length of the attribute's name, which is what is compared first. ANY: of any element, as
 * mail programs know elements of their own. What an animation of SVG puts in place of a link's
 * target counts as a link that is clicked (SVG 2 16.2, linking; SMIL Animation 3.2). */
static const struct link_row rows[] = {
    {FCT_STR_INIT("to"), FCT_STR_INIT("set"), FCT_LINK_ANCHOR, LINK_ANIMATED},
    {FCT_STR_INIT("to"), FCT_STR_INIT("animate"), FCT_LINK_ANCHOR, LINK_ANIMATED},
    {FCT_STR_INIT("src"), ANY, FCT_LINK_IMAGE, LINK_ONE},
    {FCT_STR_INIT("href"), FCT_STR_INIT("a"), FCT_LINK_ANCHOR, LINK_ONE},
    {FCT_STR_INIT("href"), FCT_STR_INIT("area"), FCT_LINK_AREA, LINK_ONE},
    {FCT_STR_INIT("href"), FCT_STR_INIT("base"), FCT_LINK_OTHER, LINK_ONE},
    {FCT_STR_INIT("href"), FCT_STR_INIT("image"), FCT_LINK_IMAGE, LINK_ONE},
    {FCT_STR_INIT("href"), ANY, FCT_LINK_OTHER, LINK_ONE},
    {FCT_STR_INIT("data"), FCT_STR_INIT("object"), FCT_LINK_OTHER, LINK_ONE},
    {FCT_STR_INIT("cite"), ANY, FCT_LINK_OTHER, LINK_ONE},
    {FCT_STR_INIT("ping"), ANY, FCT_LINK_OTHER, LINK_WORDS},
    {FCT_STR_INIT("fill"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
    {FCT_STR_INIT("mask"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
    {FCT_STR_INIT("from"), FCT_STR_INIT("animate"), FCT_LINK_ANCHOR, LINK_ANIMATED},
    {FCT_STR_INIT("style"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
    {FCT_STR_INIT("action"), ANY, FCT_LINK_FORM, LINK_ONE},
    {FCT_STR_INIT("srcset"), ANY, FCT_LINK_IMAGE, LINK_SRCSET},
    {FCT_STR_INIT("poster"), ANY, FCT_LINK_IMAGE, LINK_ONE},
    {FCT_STR_INIT("lowsrc"), ANY, FCT_LINK_IMAGE, LINK_ONE},
    {FCT_STR_INIT("dynsrc"), ANY, FCT_LINK_IMAGE, LINK_ONE},
    {FCT_STR_INIT("stroke"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
    {FCT_STR_INIT("filter"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
    {FCT_STR_INIT("cursor"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
    {FCT_STR_INIT("marker"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
    {FCT_STR_INIT("values"), FCT_STR_INIT("animate"), FCT_LINK_ANCHOR, LINK_ANIMATED},
    {FCT_STR_INIT("content"), FCT_STR_INIT("meta"), FCT_LINK_OTHER, LINK_REFRESH},
    {FCT_STR_INIT("archive"), ANY, FCT_LINK_OTHER, LINK_WORDS},
    {FCT_STR_INIT("classid"), ANY, FCT_LINK_OTHER, LINK_ONE},
    {FCT_STR_INIT("profile"), ANY, FCT_LINK_OTHER, LINK_WORDS},
    {FCT_STR_INIT("codebase"), ANY, FCT_LINK_OTHER, LINK_ONE},
    {FCT_STR_INIT("longdesc"), ANY, FCT_LINK_OTHER, LINK_ONE},
    {FCT_STR_INIT("manifest"), ANY, FCT_LINK_OTHER, LINK_ONE},
    {FCT_STR_INIT("clip-path"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
    {FCT_STR_INIT("background"), ANY, FCT_LINK_IMAGE, LINK_ONE},
    {FCT_STR_INIT("formaction"), ANY, FCT_LINK_FORM, LINK_ONE},
    {FCT_STR_INIT("marker-mid"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
    {FCT_STR_INIT("marker-end"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
    {FCT_STR_INIT("xlink:href"), FCT_STR_INIT("a"), FCT_LINK_ANCHOR, LINK_ONE},
    {FCT_STR_INIT("xlink:href"), ANY, FCT_LINK_IMAGE, LINK_ONE},
    {FCT_STR_INIT("imagesrcset"), ANY, FCT_LINK_IMAGE, LINK_SRCSET},
    {FCT_STR_INIT("marker-start"), ANY, FCT_LINK_IMAGE, LINK_STYLE},
};

static inline bool same(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0;
}

static bool is_refresh(const struct fct_html_token *tag)
{
    const struct fct_html_attribute *a = html_attribute(tag, "http-equiv");

    return a && str_equal_nocase(str_trim(a->value), FCT_STR("refresh"));
}

static bool animates_target(const struct fct_html_token *tag)
{
    const struct fct_html_attribute *a = html_attribute(tag, "attributename");
    struct fct_str name = a ? str_trim(a->value) : (struct fct_str){"", 0};

    return str_equal_nocase(name, FCT_STR("href")) || str_equal_nocase(name, FCT_STR("xlink:href"));
}

/* Does what the row says depend on another attribute, which says otherwise? */
static bool is_idle(const struct link_row *row, const struct fct_html_token *tag)
{
    return (row->form == LINK_REFRESH && !is_refresh(tag)) ||
           (row->form == LINK_ANIMATED && !animates_target(tag));
}

/* The first row for names of that length: nearly all attributes hold no URL. */
static const struct link_row *rows_of(size_t length)
{
    enum { SHORTEST = 2, LONGEST = 12 };
    static const unsigned char first[LONGEST + 2] = {
        [2] = 0,  [3] = 2,  [4] = 3,   [5] = 14,  [6] = 15,  [7] = 25,
        [8] = 29, [9] = 32, [10] = 33, [11] = 39, [12] = 40, [13] = 41,
    };
    _Static_assert(FCT_COUNT(rows) == 41, "rows were added: where do the lengths begin?");

    return length < SHORTEST || length > LONGEST || first[length] == first[length + 1]
               ? NULL
               : &rows[first[length]];
}

#define BIT(letter) (1u << ((letter) - 'a'))

/* Does a row of that length begin like this? Most attributes are none of ours. */
static inline bool may_be_row(struct fct_str name)
{
    static const uint32_t first[] = {
        [2] = BIT('t'),
        [3] = BIT('s'),
        [4] = BIT('h') | BIT('d') | BIT('c') | BIT('p') | BIT('f') | BIT('m'),
        [5] = BIT('s'),
        [6] = BIT('a') | BIT('s') | BIT('p') | BIT('l') | BIT('d') | BIT('f') | BIT('c') |
              BIT('m') | BIT('v'),
        [7] = BIT('c') | BIT('a') | BIT('p'),
        [8] = BIT('c') | BIT('l') | BIT('m'),
        [9] = BIT('c'),
        [10] = BIT('b') | BIT('f') | BIT('m') | BIT('x'),
        [11] = BIT('i'),
        [12] = BIT('m'),
    };

    return name.n < FCT_COUNT(first) && name.p[0] >= 'a' && name.p[0] <= 'z' &&
           (first[name.n] & BIT(name.p[0]));
}

const struct link_row *link_row_find(const struct fct_html_token *tag, struct fct_str name)
{
    if (name.n == 0 || !may_be_row(name))
        return NULL;

    const struct link_row *row = rows_of(name.n);

    for (; row && row < rows + FCT_COUNT(rows) && row->attribute.n == name.n; row++)
        if (same(row->attribute, name) && (!row->tag.p || same(row->tag, tag->name)))
            return is_idle(row, tag) ? NULL : row;
    return NULL;
}
