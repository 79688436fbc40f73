/* phishing_markup.c - what HTML of a message does besides linking: forms, fields for passwords,
 * pages and scripts inside URLs. */
#include "phishing_plugin.h"

static bool is(struct fct_str s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

static struct fct_str attribute(const struct fct_html_token *token, const char *name)
{
    for (size_t i = 0; i < token->attributes; i++)
        if (is(token->attribute[i].name, name))
            return token->attribute[i].value;
    return (struct fct_str){"", 0};
}

/* "0; url=data:…" */
static struct fct_str refresh_target(struct fct_str content)
{
    for (size_t i = 0; i + 4 <= content.n; i++)
        if ((content.p[i] | 0x20) == 'u' && (content.p[i + 1] | 0x20) == 'r' &&
            (content.p[i + 2] | 0x20) == 'l' && content.p[i + 3] == '=')
            return (struct fct_str){content.p + i + 4, content.n - i - 4};
    return (struct fct_str){"", 0};
}

/* Attributes that a click or a display follows to a page; pictures are none. */
static const struct row {
    const char *element, *attribute;
} pages[] = {
    {"a", "href"},     {"area", "href"},        {"form", "action"}, {"button", "formaction"},
    {"iframe", "src"}, {"frame", "src"},        {"embed", "src"},   {"object", "data"},
    {"base", "href"},  {"input", "formaction"},
};

static void judge_url(struct phishing_scan *s, const struct fct_html_token *token,
                      struct fct_str url)
{
    enum phishing_scheme scheme = phishing_scheme_of(url);

    if (scheme == PHISHING_SCHEME_DATA)
        phishing_found(s, PHISH_DATA_URL, 1, "<%.*s>", FCT_FMT(token->name));
    if (scheme == PHISHING_SCHEME_SCRIPT)
        phishing_found(s, PHISH_SCRIPT_URL, 1, "<%.*s>", FCT_FMT(token->name));
}

static bool says(struct fct_str value, const char *word)
{
    if (value.n != strlen(word))
        return false;
    for (size_t i = 0; i < value.n; i++)
        if ((value.p[i] | 0x20) != word[i])
            return false;
    return true;
}

static void judge_form(struct phishing_scan *s, struct fct_str action)
{
    struct fct_url url;

    if (action.n == 0 || !s->plugin->host->url_parse(s->call, action, &url) ||
        phishing_equal(url.org, s->sender.domain.org) || phishing_is_signer(s, url.org) ||
        phishing_is_skipped(s, url.host))
        return;
    phishing_found(s, PHISH_FORM, 1, "to %.*s", FCT_FMT(url.host));
}

static void judge_element(struct phishing_scan *s, const struct fct_html_token *token)
{
    for (size_t i = 0; i < FCT_COUNT(pages); i++)
        if (is(token->name, pages[i].element))
            judge_url(s, token, attribute(token, pages[i].attribute));
    if (is(token->name, "meta") && says(attribute(token, "http-equiv"), "refresh"))
        judge_url(s, token, refresh_target(attribute(token, "content")));
    if (is(token->name, "form"))
        judge_form(s, attribute(token, "action"));
    if (is(token->name, "input") && says(attribute(token, "type"), "password"))
        phishing_found(s, PHISH_PASSWORD, 1, "a field for a password");
}

void phishing_judge_markup(struct phishing_scan *s)
{
    const struct fct_part *part;
    size_t parts = s->plugin->host->parts(s->call, &part);

    for (size_t i = 0; i < parts; i++) {
        const struct fct_html_token *token;
        size_t n =
            is(part[i].type, "text/html") ? s->plugin->host->html(s->call, &part[i], &token) : 0;

        for (size_t k = 0; k < n; k++)
            if (token[k].kind == FCT_HTML_START)
                judge_element(s, &token[k]);
    }
}
