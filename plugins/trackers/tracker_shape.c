/* tracker_shape.c - see tracker_shape.h. */
#include "plugins/trackers/tracker_shape.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_glob.h"

enum { UNKNOWN = -1, TINY_MAX = 2, SIZE_MAX_PX = 100000, OFF_SCREEN = 900 };

struct look {
    int width, height; /* pixels, or UNKNOWN */
    bool hidden;       /* with all that is inside */
    bool off;          /* … too, but a style of what is inside may undo it */
    bool clips;        /* what is larger than itself */
    bool large;        /* by its attributes, which a style may make as wide as the screen */
};

/* Digits at the front, as browsers read sizes: "1", "1px", "000", "1.5". A share ("100%") says
 * nothing. */
static int pixels_of(struct fct_str s)
{
    int value = 0;
    size_t i = 0;

    for (s = view_trim(s); i < s.n && tracker_is_digit(s.p[i]); i++)
        if (value < SIZE_MAX_PX)
            value = 10 * value + (s.p[i] - '0');
    if (i == 0 && !(s.n > 1 && s.p[0] == '.' && tracker_is_digit(s.p[1])))
        return UNKNOWN;
    for (size_t at = i; at < s.n; at++)
        if (s.p[at] == '%' && value > 0)
            return UNKNOWN;
    for (; i < s.n && (s.p[i] == '.' || tracker_is_digit(s.p[i])); i++)
        ;
    /* "2em" is more than two pixels */
    if (value > 0 && i + 1 < s.n && tracker_is_alnum(s.p[i]) &&
        !(tracker_lower(s.p[i]) == 'p' && tracker_lower(s.p[i + 1]) != 'c'))
        return UNKNOWN;
    return value;
}

static inline bool begins(struct fct_str s, const char *word)
{
    size_t n = strlen(word);

    return s.n >= n && tracker_same(tracker_part(s, 0, n), (struct fct_str){word, n});
}

static bool has_word(struct fct_str s, const char *word)
{
    return tracker_find(s, (struct fct_str){word, strlen(word)}) < s.n;
}

/* ---- declarations of a style attribute ---- */

/* "auto" and "100%" undo the attribute. */
static void set_width(struct look *l, struct fct_str v)
{
    l->width = pixels_of(v);
}

static void set_height(struct look *l, struct fct_str v)
{
    l->height = pixels_of(v);
}

/* A maximum makes smaller, never larger. */
static void cap(int *size, struct fct_str v)
{
    int most = pixels_of(v);

    if (most != UNKNOWN && most <= TINY_MAX && (*size == UNKNOWN || *size > most))
        *size = most;
}

static void cap_width(struct look *l, struct fct_str v)
{
    cap(&l->width, v);
}

static void cap_height(struct look *l, struct fct_str v)
{
    cap(&l->height, v);
}

static void set_display(struct look *l, struct fct_str v)
{
    l->hidden = begins(v, "none");
}

static void set_overflow(struct look *l, struct fct_str v)
{
    l->clips = begins(v, "hidden") || begins(v, "clip");
}

static void set_visibility(struct look *l, struct fct_str v)
{
    l->off = l->off || begins(v, "hidden") || begins(v, "collapse");
}

static void set_opacity(struct look *l, struct fct_str v)
{
    struct fct_str zero = v;

    while (zero.n > 0 && (*zero.p == '0' || *zero.p == '.'))
        view_skip(&zero, 1);
    l->hidden =
        l->hidden || (v.n > 0 && (zero.n == 0 || !tracker_is_digit(*zero.p)) && zero.n < v.n);
}

static void set_place(struct look *l, struct fct_str v)
{
    if (v.n > 1 && *v.p == '-' && pixels_of(tracker_part(v, 1, v.n)) >= OFF_SCREEN)
        l->off = true;
}

static void set_clip(struct look *l, struct fct_str v)
{
    l->off = l->off || begins(v, "rect(0") || begins(v, "inset(100%") || begins(v, "inset(50%");
}

static void set_filter(struct look *l, struct fct_str v)
{
    l->hidden = l->hidden || has_word(v, "opacity(0)") || has_word(v, "opacity(0%");
}

static void set_transform(struct look *l, struct fct_str v)
{
    l->off = l->off || has_word(v, "scale(0)") || has_word(v, "scale(0,");
}

struct property {
    struct fct_str name;
    void (*set)(struct look *l, struct fct_str value);
};

/* By their first letter: most properties begin with none of these. */
static const struct property properties[26][5] = {
    ['c' - 'a'] = {{FCT_STR_INIT("clip"), set_clip}, {FCT_STR_INIT("clip-path"), set_clip}},
    ['d' - 'a'] = {{FCT_STR_INIT("display"), set_display}},
    ['f' - 'a'] = {{FCT_STR_INIT("filter"), set_filter}},
    ['h' - 'a'] = {{FCT_STR_INIT("height"), set_height}},
    ['l' - 'a'] = {{FCT_STR_INIT("left"), set_place}},
    ['m' - 'a'] = {{FCT_STR_INIT("max-width"), cap_width},
                   {FCT_STR_INIT("max-height"), cap_height},
                   {FCT_STR_INIT("margin-left"), set_place},
                   {FCT_STR_INIT("margin-top"), set_place}},
    ['o' - 'a'] = {{FCT_STR_INIT("opacity"), set_opacity},
                   {FCT_STR_INIT("overflow"), set_overflow}},
    ['r' - 'a'] = {{FCT_STR_INIT("right"), set_place}},
    ['t' - 'a'] = {{FCT_STR_INIT("top"), set_place},
                   {FCT_STR_INIT("text-indent"), set_place},
                   {FCT_STR_INIT("transform"), set_transform}},
    ['v' - 'a'] = {{FCT_STR_INIT("visibility"), set_visibility}},
    ['w' - 'a'] = {{FCT_STR_INIT("width"), set_width}},
};

/* The ones that begin as `name` does, up to one without a name. */
static inline const struct property *properties_like(struct fct_str name)
{
    static const struct property none = {.name = {"", 0}};
    unsigned char letter = (unsigned char)((name.n > 0 ? *name.p | 0x20 : 0) - 'a');

    return letter < 26 ? properties[letter] : &none;
}

static struct fct_str css_trim(struct fct_str s)
{
    while (s.n > 0 && (unsigned char)*s.p <= ' ')
        view_skip(&s, 1);
    while (s.n > 0 && (unsigned char)s.p[s.n - 1] <= ' ')
        s.n--;
    return s;
}

static struct fct_str skip_comment(struct fct_str s)
{
    while (begins(s, "/*")) {
        size_t end = tracker_find(s, (struct fct_str){"*/", 2});

        s = css_trim(tracker_part(s, end < s.n ? end + 2 : s.n, s.n));
    }
    return s;
}

static void read_style(struct look *l, struct fct_str style)
{
    struct fct_str one;

    while (view_split(&style, ';', &one)) {
        struct fct_str value = skip_comment(css_trim(one)), name;
        const struct property *p = properties_like(value);

        if (!p->set || !view_split(&value, ':', &name) || !value.p)
            continue;
        name = css_trim(name);
        value = css_trim(value);
        for (; p->set; p++)
            if (tracker_same(name, p->name))
                p->set(l, value);
    }
}

/* ---- elements ---- */

const struct fct_html_attribute *tracker_attribute(const struct fct_html_token *token,
                                                   const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < token->attributes; i++)
        if (token->attribute[i].name.n == n && *token->attribute[i].name.p == *name &&
            memcmp(token->attribute[i].name.p, name, n) == 0)
            return &token->attribute[i];
    return NULL;
}

/* A style outdoes the other attributes, wherever it stands. */
static struct look look_at(const struct fct_html_token *token)
{
    const struct fct_html_attribute *style = NULL;
    struct look l = {.width = UNKNOWN, .height = UNKNOWN};
    bool hidden = false;

    for (size_t i = 0; i < token->attributes; i++) {
        const struct fct_html_attribute *a = &token->attribute[i];

        if (view_is(a->name, "width"))
            l.width = pixels_of(a->value);
        else if (view_is(a->name, "height"))
            l.height = pixels_of(a->value);
        else if (view_is(a->name, "style"))
            style = a;
        else if (view_is(a->name, "hidden"))
            hidden = true;
    }
    l.large = l.width > TINY_MAX || l.height > TINY_MAX;
    if (style)
        read_style(&l, style->value);
    l.hidden = l.hidden || hidden;
    return l;
}

enum tracker_shape tracker_shape_of(const struct fct_html_token *token)
{
    struct look l = look_at(token);

    if (l.hidden || l.off)
        return TRACKER_HIDDEN;
    if (l.width == UNKNOWN && l.height == UNKNOWN)
        return l.large ? TRACKER_SEEN : TRACKER_NO_SIZE;
    if (l.width == 0 || l.height == 0)
        return TRACKER_TINY;
    if (l.width == UNKNOWN || l.height == UNKNOWN) /* the other one follows the image */
        return l.width == 1 || l.height == 1 ? TRACKER_NO_SIZE : TRACKER_SEEN;
    return l.width <= TINY_MAX && l.height <= TINY_MAX ? TRACKER_TINY : TRACKER_SEEN;
}

static bool ends(struct fct_str s, const char *word)
{
    size_t n = strlen(word);

    return s.n >= n && tracker_same(tracker_part(s, s.n - n, s.n), (struct fct_str){word, n});
}

/* Is the property, whose name all in front of the colon ends in, one that may hide what is inside?
 */
static bool is_hiding_name(struct fct_str before)
{
    while (before.n > 0 && (unsigned char)before.p[before.n - 1] <= ' ')
        before.n--;
    if (before.n < 7)
        return false;
    switch (before.p[before.n - 1] | 0x20) {
    case 'y':
        return ends(before, "display") || ends(before, "opacity") || ends(before, "visibility");
    case 'w':
        return ends(before, "overflow");
    default:
        return false;
    }
}

/* Most styles are about letters and colours, and are not read. */
static bool may_hide(struct fct_str style)
{
    const char *p = style.p, *end = style.p + style.n, *colon;

    for (; p < end && (colon = memchr(p, ':', (size_t)(end - p))); p = colon + 1) {
        const char *value = colon + 1;

        while (value < end && (unsigned char)*value <= ' ')
            value++;
        if ((value < end && *value == '-') || /* off the screen */
            is_hiding_name(tracker_part(style, 0, (size_t)(colon - style.p))))
            return true;
    }
    return false;
}

bool tracker_hides_content(const struct fct_html_token *token)
{
    bool may = false;
    struct look l;

    for (size_t i = 0; i < token->attributes; i++) {
        const struct fct_html_attribute *a = &token->attribute[i];

        if (view_is(a->name, "hidden"))
            return true;
        may = may || (view_is(a->name, "style") && may_hide(a->value));
    }
    if (!may)
        return false;
    l = look_at(token);
    return l.hidden || l.off || (l.clips && (l.width == 0 || l.height == 0));
}
