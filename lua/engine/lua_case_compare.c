/* lua_case_compare.c - what happened beside what the case wants. */
#include "lua_case_int.h"

/* Is the text in the list `name` of the case? */
static bool wanted(struct lua_case_run *r, const char *name, const char *line)
{
    bool found = false;

    if (lua_getfield(r->L, CASE, name) == LUA_TTABLE)
        for (lua_Integer i = 1; lua_rawgeti(r->L, CASE + 1, i) != LUA_TNIL && !found; i++) {
            found = lua_type(r->L, -1) == LUA_TSTRING && strcmp(lua_tostring(r->L, -1), line) == 0;
            lua_pop(r->L, 1);
        }
    lua_settop(r->L, CASE);
    return found;
}

static bool is_line(const struct lua_lines *lines, const char *text, bool part)
{
    for (const struct lua_line *l = lines->first; l; l = l->next)
        if (part ? strstr(l->text, text) != NULL : strcmp(l->text, text) == 0)
            return true;
    return false;
}

/* Every entry of the list is there; the first that is not, else NULL. */
static const char *missing(struct lua_case_run *r, const char *name, const struct lua_lines *lines,
                           bool part)
{
    const char *gone = NULL;

    if (lua_getfield(r->L, CASE, name) == LUA_TTABLE)
        for (lua_Integer i = 1; !gone && lua_rawgeti(r->L, CASE + 1, i) == LUA_TSTRING; i++) {
            if (!is_line(lines, lua_tostring(r->L, -1), part))
                gone = lua_tostring(r->L, -1);
            lua_pop(r->L, 1);
        }
    lua_settop(r->L, CASE);
    return gone;
}

/* What happened is what the list says, no more and no less, in any order. */
static bool same_lines(struct lua_case_run *r, const char *name, const struct lua_lines *lines)
{
    const char *gone = missing(r, name, lines, false);

    if (gone)
        return lua_case_fail(
            r, "%s: \"%s\" is wanted, but %s%s%s", name, gone, lines->n ? "there is \"" : "",
            lines->n ? lines->first->text : "there is nothing", lines->n ? "\"" : "");
    for (const struct lua_line *l = lines->first; l; l = l->next)
        if (!wanted(r, name, l->text))
            return lua_case_fail(r, "%s: \"%s\" is not wanted", name, l->text);
    return true;
}

/* finds = { "A", "B=detail" }: of this file's symbols exactly these. */
static bool same_symbols(struct lua_case_run *r)
{
    struct lua_trial *t = r->trial;
    lua_State *L = r->L;

    for (size_t i = 0; i < t->symbols; i++) {
        const struct lua_trial_symbol *s = &t->symbol[i];
        char line[300];

        snprintf(line, sizeof line, "%s=%s", s->name, s->detail);
        if (s->found && !s->given && !wanted(r, "finds", s->name) && !wanted(r, "finds", line))
            return lua_case_fail(r, "it finds %s%s%s, which is not wanted", s->name,
                                 *s->detail ? "=" : "", s->detail);
    }
    if (lua_getfield(L, CASE, "finds") == LUA_TTABLE)
        for (lua_Integer i = 1; lua_rawgeti(L, CASE + 1, i) == LUA_TSTRING; i++) {
            const char *want = lua_tostring(L, -1);
            char name[80];
            const struct lua_trial_symbol *s;

            snprintf(name, sizeof name, "%.*s", (int)strcspn(want, "="), want);
            s = lua_trial_symbol(t, name);
            if (!s || !s->found)
                return lua_case_fail(r, "%s is wanted, but not found", want);
            lua_pop(L, 1);
        }
    lua_settop(L, CASE);
    return true;
}

static bool same_text(struct lua_case_run *r, const char *name, const char *got)
{
    const char *want = lua_case_word(r, name, "");

    if (strcmp(want, got) == 0)
        return true;
    return lua_case_fail(r, "%s: %s%s%s is wanted, got %s%s%s", name, *want ? "\"" : "",
                         *want ? want : "nothing", *want ? "\"" : "", *got ? "\"" : "",
                         *got ? got : "nothing", *got ? "\"" : "");
}

/* A callback that fails is a failure of the test, unless its log line is asked for. */
static bool same_log(struct lua_case_run *r)
{
    const char *gone = missing(r, "log", &r->trial->log, true);
    bool asked = lua_getfield(r->L, CASE, "log") == LUA_TTABLE;

    lua_settop(r->L, CASE);
    if (gone)
        return lua_case_fail(r, "log: no line has \"%s\"%s%s", gone,
                             r->trial->log.n ? "; the first is " : "",
                             r->trial->log.n ? r->trial->log.first->text : "");
    for (const struct lua_line *l = r->trial->log.first; l && !asked; l = l->next)
        if (strstr(l->text, "rule_failed"))
            return lua_case_fail(r, "%s", l->text);
    return true;
}

bool lua_case_compare(struct lua_case_run *r)
{
    static const char *const verdicts[] = {"",         "accept", "quarantine", "discard",
                                           "tempfail", "reject", "disconnect", "skip"};

    return same_log(r) && same_symbols(r) && same_text(r, "verdict", verdicts[r->verdict]) &&
           (lua_case_word(r, "reply", "")[0] == '\0' || same_text(r, "reply", r->trial->reply)) &&
           same_lines(r, "adds", &r->trial->added) && same_lines(r, "edits", &r->trial->edits) &&
           same_text(r, "mailbox", r->trial->mailbox) &&
           same_lines(r, "keywords", &r->trial->keywords) &&
           same_lines(r, "changes", &r->trial->changes) && same_text(r, "forces", r->trial->forced);
}
