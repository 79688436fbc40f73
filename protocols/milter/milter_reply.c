/* milter_reply.c - verdicts as libmilter wants them. Codes and texts are those of our own SMTP
 * server. */
#include "core/base/str.h"
#include "protocols/milter/milter_session.h"

#define TEXT_MAX 480 /* libmilter takes 980, a reply line has 512 (RFC 5321 4.5.3.1.5) */

/* MTAs take the text for a format: % is doubled. What is no printable ASCII becomes '?'. */
static void copy_text(struct fct_str from, char to[2 * TEXT_MAX + 1])
{
    size_t n = 0;

    from = str_head(from, TEXT_MAX);
    for (size_t i = 0; i < from.n; i++) {
        char c = from.p[i];

        to[n++] = c >= ' ' && c <= '~' ? c : '?';
        if (c == '%')
            to[n++] = '%';
    }
    to[n] = '\0';
}

sfsistat milter_reply(struct milter_session *s, const struct filter_answer *answer,
                      enum smtp_stage stage)
{
    char text[2 * TEXT_MAX + 1], code[8];
    char enhanced[16] = "";
    struct smtp_reply r;

    if (!smtp_reply_verdict(answer, stage, s->tx ? s->message : s->call, &r))
        return SMFIS_CONTINUE;
    if (answer->verdict == FCT_DISCONNECT)
        r.code = 421, r.enhanced = "4.7.0"; /* the only reply behind which MTAs hang up */
    (void)snprintf(code, sizeof code, "%u", r.code);
    if (r.enhanced)
        str_copy_c(enhanced, sizeof enhanced, str_from(r.enhanced));
    copy_text(r.text, text);
    (void)smfi_setreply(s->ctx, code, enhanced[0] ? enhanced : NULL, text);
    return r.code >= 500 ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}
