/* plugin_text.c - struct fct_host's text(): the text people see, and what HTML hides from them;
 * made at first use, kept for the transaction. */
#include "core/plugin/plugin_host.h"

#include "core/base/str.h"
#include "core/message/shown_text.h"
#include "core/plugin/plugin_links.h"
#include "core/plugin/plugin_services.h"

#define DEFAULT_MAX (1u << 20) /* without the filter's configuration around (tests) */

struct call_text {
    struct fct_str of[FCT_TEXT_HIDDEN + 1];
};

static bool is_html(const struct fct_part *part)
{
    return str_equal(part->type, FCT_STR("text/html")) ||
           str_equal(part->type, FCT_STR("application/xhtml+xml"));
}

/* Other kinds of text (calendars, tables, style sheets) are not shown as they are. */
static bool is_plain(const struct fct_part *part)
{
    return str_equal(part->type, FCT_STR("text/plain"));
}

static void add_part(struct fct_call *call, const struct fct_part *part, struct shown_text *text)
{
    const struct fct_html_token *token;
    size_t n;

    if (is_plain(part)) {
        shown_text_add_plain(text, message_part_text(call, part));
    } else if (is_html(part)) {
        n = message_html(call, part, &token);
        shown_text_add_html(text, token, n);
    }
}

static size_t limit_of(const struct fct_call *call)
{
    const struct plugin_services *services = call_services(call);

    return services && services->max_text ? services->max_text : DEFAULT_MAX;
}

static struct call_text *make_text(struct fct_call *call)
{
    struct arena *arena = call->tx->arena;
    struct call_text *kept = ARENA_NEW(arena, struct call_text);
    const struct fct_part *part;
    size_t parts = message_parts(call, &part);
    struct shown_text text;

    shown_text_init(&text, limit_of(call));
    for (size_t i = 0; i < parts; i++)
        add_part(call, &part[i], &text);
    if (text.shown.out.overflow || text.hidden.out.overflow)
        plugin_count(call->row->self, "text_truncated", 1);
    kept->of[FCT_TEXT_SHOWN] = arena_str(arena, buf_str(&text.shown.out));
    kept->of[FCT_TEXT_HIDDEN] = arena_str(arena, buf_str(&text.hidden.out));
    shown_text_free(&text);
    return kept;
}

struct fct_str message_text(struct fct_call *call, uint32_t which)
{
    struct call_message *m = call->live ? call->tx->message : NULL;

    if (!m || which > FCT_TEXT_HIDDEN)
        return (struct fct_str){"", 0};
    if (!m->text) {
        m->text = make_text(call);
        if (!service_charge(call, m->text->of[0].n + m->text->of[1].n))
            return (struct fct_str){"", 0};
    }
    return m->text->of[which];
}
