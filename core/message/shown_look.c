/* shown_look.c - style attributes, and what HTML had before them, as far as they hide text. */
#include "core/message/shown_look.h"

#include "core/base/str.h"
#include "core/message/html_tokens.h"

enum {
    TINY_PX = 1,      /* up to here letters are dots */
    FAR_PX = 900,     /* further left or up than any window is wide */
    SAME_COLOR = 8,   /* of 255 in each channel: nobody sees the difference */
    STYLE_MAX = 4096, /* bytes of a style that are looked at */
};

const struct shown_look look_default = {.color = 0, .background = 0xffffff};

bool look_is_readable(const struct shown_look *look)
{
    if (look->gone || look->tiny || look->color == LOOK_NO_COLOR)
        return false;
    if (look->background == LOOK_NO_COLOR)
        return true;
    for (unsigned shift = 0; shift < 24; shift += 8) {
        int a = (int)(look->color >> shift & 0xff), b = (int)(look->background >> shift & 0xff);

        if (a - b > SAME_COLOR || b - a > SAME_COLOR)
            return true;
    }
    return false;
}

/* ---- numbers and units ---- */

struct css_number {
    double value;
    struct fct_str unit; /* behind it, to the end of the word */
};

static bool take_number(struct fct_str s, struct css_number *out)
{
    double sign = 1, scale = 1;
    size_t i = 0, digits = 0;
    bool fraction = false;

    *out = (struct css_number){0};
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
        sign = s.p[i++] == '-' ? -1 : 1;
    for (; i < s.n; i++) {
        if (s.p[i] == '.' && !fraction) {
            fraction = true;
        } else if (s.p[i] >= '0' && s.p[i] <= '9' && digits < 12) {
            digits++;
            scale /= fraction ? 10 : 1;
            out->value =
                fraction ? out->value + scale * (s.p[i] - '0') : out->value * 10 + (s.p[i] - '0');
        } else {
            break;
        }
    }
    out->value *= sign;
    out->unit = str_skip(s, i);
    return digits > 0;
}

static bool is_absolute(struct fct_str unit)
{
    static const char *const units[] = {"px", "pt", "pc", "cm", "mm", "in"};

    for (size_t i = 0; i < FCT_COUNT(units); i++)
        if (str_starts_nocase(unit, str_from(units[i])))
            return true;
    return false;
}

static bool is_nothing(struct fct_str value)
{
    struct css_number n;

    return take_number(value, &n) && n.value <= 0;
}

static bool is_far(struct fct_str value)
{
    struct css_number n;

    return take_number(value, &n) && n.value <= -FAR_PX;
}

/* ---- colours ---- */

static const struct {
    const char *name;
    uint32_t color;
} color_names[] = {
    {"white", 0xffffff},      {"black", 0x000000},       {"red", 0xff0000},
    {"blue", 0x0000ff},       {"green", 0x008000},       {"yellow", 0xffff00},
    {"gray", 0x808080},       {"grey", 0x808080},        {"silver", 0xc0c0c0},
    {"navy", 0x000080},       {"maroon", 0x800000},      {"purple", 0x800080},
    {"teal", 0x008080},       {"olive", 0x808000},       {"lime", 0x00ff00},
    {"aqua", 0x00ffff},       {"cyan", 0x00ffff},        {"fuchsia", 0xff00ff},
    {"orange", 0xffa500},     {"whitesmoke", 0xf5f5f5},  {"ivory", 0xfffff0},
    {"snow", 0xfffafa},       {"lightgray", 0xd3d3d3},   {"lightgrey", 0xd3d3d3},
    {"ghostwhite", 0xf8f8ff}, {"lightyellow", 0xffffe0},
};

static int hex_digit(char c)
{
    c = char_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "fff", "ffffff", with two more digits of opacity in either form. */
static bool take_hex(struct fct_str s, uint32_t *out)
{
    uint32_t all = 0;
    size_t n = 0;

    for (; n < s.n && n < 8 && hex_digit(s.p[n]) >= 0; n++)
        all = all << 4 | (uint32_t)hex_digit(s.p[n]);
    if (n == 8)
        *out = (all & 0xff) ? all >> 8 : LOOK_NO_COLOR;
    else if (n >= 6)
        *out = all >> (4 * (n - 6));
    else if (n >= 3)
        *out = (all >> (4 * (n - 1)) & 0xf) * 0x110000 + (all >> (4 * (n - 2)) & 0xf) * 0x1100 +
               (all >> (4 * (n - 3)) & 0xf) * 0x11;
    return n >= 3;
}

/* rgb(1, 2, 3), rgba(1, 2, 3, 0) */
static bool take_rgb(struct fct_str s, uint32_t *out)
{
    struct css_number number = {0};
    uint32_t color = 0;

    s = str_skip(s, (size_t)str_find_char(s, '(') + 1);
    for (unsigned i = 0; i < 4 && s.n > 0; i++) {
        while (s.n > 0 && strchr(" ,/\t", s.p[0]))
            s = str_skip(s, 1);
        if (!take_number(s, &number) || number.value < 0)
            return i == 3 && (*out = color, true);
        if (i == 3) {
            *out = number.value > 0 ? color : LOOK_NO_COLOR;
            return true;
        }
        if (number.unit.n > 0 && number.unit.p[0] == '%')
            number.value *= 2.55;
        color = color << 8 | (number.value > 255 ? 255 : (uint32_t)number.value);
        s = number.unit.n > 0 && number.unit.p[0] == '%' ? str_skip(number.unit, 1) : number.unit;
    }
    return false;
}

static bool is_word(struct fct_str value, const char *word)
{
    struct fct_str w = str_from(word);

    return str_starts_nocase(value, w) && (value.n == w.n || strchr(" \t\r\n;!,)", value.p[w.n]));
}

/* False: no colour that we know. */
static bool take_color(struct fct_str value, uint32_t *out)
{
    value = str_trim(value);
    if (value.n > 0 && value.p[0] == '#')
        return take_hex(str_skip(value, 1), out);
    if (str_starts_nocase(value, FCT_STR("rgb")) && str_find_char(value, '(') > 0)
        return take_rgb(value, out);
    if (is_word(value, "transparent")) {
        *out = LOOK_NO_COLOR;
        return true;
    }
    for (size_t i = 0; i < FCT_COUNT(color_names); i++)
        if (is_word(value, color_names[i].name)) {
            *out = color_names[i].color;
            return true;
        }
    return false;
}

/* ---- properties ---- */

/* What only together hides. */
struct style {
    bool clipped, flat, lifted, far;
};

static void set_display(struct shown_look *look, struct style *s, struct fct_str value)
{
    (void)s;
    look->gone |= is_word(value, "none");
}

static void set_visibility(struct shown_look *look, struct style *s, struct fct_str value)
{
    (void)s;
    look->gone |= is_word(value, "hidden") || is_word(value, "collapse");
}

static void set_opacity(struct shown_look *look, struct style *s, struct fct_str value)
{
    (void)s;
    look->gone |= is_nothing(value);
}

/* A share of nothing (em, %) is nothing; words such as "small" can be read. */
static void set_font_size(struct shown_look *look, struct style *s, struct fct_str value)
{
    struct css_number n;

    (void)s;
    if (!take_number(value, &n))
        look->tiny = look->tiny && (is_word(value, "inherit") || is_word(value, "smaller") ||
                                    is_word(value, "larger"));
    else if (is_absolute(n.unit))
        look->tiny = n.value <= TINY_PX;
    else
        look->tiny |= n.value <= 0;
}

static void set_overflow(struct shown_look *look, struct style *s, struct fct_str value)
{
    (void)look;
    s->clipped |= is_word(value, "hidden");
}

static void set_extent(struct shown_look *look, struct style *s, struct fct_str value)
{
    (void)look;
    s->flat |= is_nothing(value);
}

static void set_position(struct shown_look *look, struct style *s, struct fct_str value)
{
    (void)look;
    s->lifted |= is_word(value, "absolute") || is_word(value, "fixed");
}

static void set_place(struct shown_look *look, struct style *s, struct fct_str value)
{
    (void)look;
    s->far |= is_far(value);
}

static void set_indent(struct shown_look *look, struct style *s, struct fct_str value)
{
    (void)s;
    look->gone |= is_far(value);
}

static void set_color(struct shown_look *look, struct style *s, struct fct_str value)
{
    (void)s;
    (void)take_color(value, &look->color);
}

/* "url(x.png) #fff": what the picture shows is not known. A background that lets the parent's
 * through changes nothing. */
static void set_background(struct shown_look *look, struct style *s, struct fct_str value)
{
    uint32_t color;

    (void)s;
    if (str_find_nocase(value, FCT_STR("url(")) >= 0 ||
        str_find_nocase(value, FCT_STR("gradient")) >= 0)
        look->background = LOOK_NO_COLOR;
    else if (take_color(value, &color) && color != LOOK_NO_COLOR)
        look->background = color;
}

static const struct {
    struct fct_str name;
    void (*set)(struct shown_look *look, struct style *s, struct fct_str value);
} properties[] = {
    {FCT_STR_INIT("display"), set_display},
    {FCT_STR_INIT("visibility"), set_visibility},
    {FCT_STR_INIT("opacity"), set_opacity},
    {FCT_STR_INIT("font-size"), set_font_size},
    {FCT_STR_INIT("overflow"), set_overflow},
    {FCT_STR_INIT("height"), set_extent},
    {FCT_STR_INIT("max-height"), set_extent},
    {FCT_STR_INIT("width"), set_extent},
    {FCT_STR_INIT("max-width"), set_extent},
    {FCT_STR_INIT("position"), set_position},
    {FCT_STR_INIT("left"), set_place},
    {FCT_STR_INIT("top"), set_place},
    {FCT_STR_INIT("text-indent"), set_indent},
    {FCT_STR_INIT("color"), set_color},
    {FCT_STR_INIT("background"), set_background},
    {FCT_STR_INIT("background-color"), set_background},
    {FCT_STR_INIT("background-image"), set_background},
};

static void declare(struct shown_look *look, struct style *s, struct fct_str declaration)
{
    struct fct_str value = declaration, name = str_trim(str_split(&value, ':'));

    for (size_t i = 0; value.p && i < FCT_COUNT(properties); i++)
        if (str_equal_nocase(name, properties[i].name))
            properties[i].set(look, s, str_trim(value));
}

static void apply_style(struct shown_look *look, struct fct_str css)
{
    struct style s = {0};

    for (css = str_head(css, STYLE_MAX); css.p;)
        declare(look, &s, str_split(&css, ';'));
    look->gone |= (s.clipped && s.flat) || (s.lifted && s.far);
}

/* ---- attributes ---- */

void look_apply(struct shown_look *look, const struct fct_html_token *tag)
{
    struct style none = {0};

    for (size_t i = 0; i < tag->attributes; i++) {
        const struct fct_html_attribute *a = &tag->attribute[i];

        if (str_equal(a->name, FCT_STR("hidden")))
            look->gone = true;
        else if (str_equal(a->name, FCT_STR("bgcolor")))
            set_background(look, &none, a->value);
        else if (str_equal(a->name, FCT_STR("background")) && a->value.n > 0)
            look->background = LOOK_NO_COLOR;
        else if ((str_equal(a->name, FCT_STR("color")) && str_equal(tag->name, FCT_STR("font"))) ||
                 (str_equal(a->name, FCT_STR("text")) && str_equal(tag->name, FCT_STR("body"))))
            set_color(look, &none, a->value);
    }
    /* last: it wins over the attributes above */
    const struct fct_html_attribute *style = html_attribute(tag, "style");

    if (style)
        apply_style(look, style->value);
}
