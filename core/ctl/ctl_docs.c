/* ctl_docs.c - prints generated documents, and the completion for bash, from their tables. */
#include "core/ctl/ctl_docs.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/hook/hook_doc.h"
#include "core/log/log.h"
#include "core/supervisor/sandbox.h"

#define DOCUMENT_MAX (4u << 20)

static int print(void (*document)(struct buf *out))
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);

    document(&text);
    ctl_print(&text);
    buf_free(&text);
    return CTL_OK;
}

int ctl_log_docs(struct ctl *c)
{
    (void)c;
    return print(log_print_markdown);
}

int ctl_hooks_docs(struct ctl *c)
{
    (void)c;
    return print(hook_print_markdown);
}

int ctl_sandbox_docs(struct ctl *c)
{
    (void)c;
    return print(sandbox_print_markdown);
}

/* ---- completion ---- */

static bool is_first_of_noun(const struct ctl_verb *v)
{
    return v == ctl_verbs || !str_equal(str_from(v->noun), str_from(v[-1].noun));
}

/* One case of the shell script: what may follow a noun. */
static void put_noun_case(const struct ctl_verb *first, struct buf *out)
{
    struct fct_str noun = str_from(first->noun);

    buf_printf(out, "    %s) words=\"", first->noun);
    for (const struct ctl_verb *v = first; v->noun && str_equal(str_from(v->noun), noun); v++) {
        buf_printf(out, "%s ", v->verb);
        for (const struct ctl_option *o = v->options; o && o->name; o++)
            buf_printf(out, "%s ", o->name);
    }
    buf_put_c(out, "\" ;;\n");
}

static void put_completion(struct buf *out)
{
    buf_put_c(out, "# bash completion for facteurctl:  source <(facteurctl completion)\n"
                   "_facteurctl() {\n"
                   "  local word before=\"\" noun=\"\" words\n"
                   "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                   "    case $before,$word in --dir,*|--conf,*|--run-dir,*|*,-*) ;; *) noun=$word; "
                   "break ;; esac\n"
                   "    before=$word\n"
                   "  done\n"
                   "  case $noun in\n");
    for (const struct ctl_verb *v = ctl_verbs; v->noun; v++)
        if (is_first_of_noun(v))
            put_noun_case(v, out);
    buf_put_c(out, "    *) words=\"");
    for (const struct ctl_verb *v = ctl_verbs; v->noun; v++)
        if (is_first_of_noun(v))
            buf_printf(out, "%s ", v->noun);
    buf_put_c(out, "\" ;;\n"
                   "  esac\n"
                   "  COMPREPLY=($(compgen -W \"$words --dir --conf --run-dir --json --help\" -- "
                   "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
                   "}\n"
                   "complete -o default -F _facteurctl facteurctl\n");
}

int ctl_completion(struct ctl *c)
{
    (void)c;
    return print(put_completion);
}
