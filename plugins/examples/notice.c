/* notice.c - says in the message where it comes from, and files it as its reader wishes. */
#include <facteur/plugin.h>

#include <stdio.h>

static const struct fct_host *host;

struct notice_conf {
    const char *text, *tag;
};
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct notice_conf, text, "This message comes from outside.",
                 "Written above the first text part"),
    FCT_CONF_KEY(struct notice_conf, tag, "outside:", "Put in front of the subject"),
    FCT_CONF_END,
};

static struct fct_str str(const char *text)
{
    return (struct fct_str){text, strlen(text)};
}

static const struct fct_part *first_text(struct fct_call *call)
{
    static const char plain[] = "text/plain";
    const struct fct_part *part;
    size_t n = host->parts(call, &part);

    for (size_t i = 0; i < n; i++)
        if (part[i].type.n == sizeof plain - 1 &&
            memcmp(part[i].type.p, plain, part[i].type.n) == 0 && part[i].filename.n == 0)
            return &part[i];
    return NULL;
}

/* For everybody: the subject, a field on top, a line in the text. Offsets count in the decoded
 * text; the host finds the base64 or quoted-printable bytes that must change. */
static enum fct_verdict on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    const struct notice_conf *conf = state;
    const struct fct_header *subject = host->header(call, "Subject", 0);
    const struct fct_part *part = first_text(call);
    char text[600];

    (void)ev;
    if (host->conn(call)->login.n > 0)
        return FCT_NEXT; /* one of us */
    if (subject) {
        snprintf(text, sizeof text, "%.50s %.*s", conf->tag,
                 FCT_FMT(host->header_text(call, subject)));
        host->header_set(call, subject, str(text));
    }
    host->header_add(call, FCT_TOP, str("X-Notice"), str("outside"));
    snprintf(text, sizeof text, "%.500s\r\n\r\n", conf->text);
    if (part && !host->part_patch(call, part, 0, 0, str(text)))
        host->log(call, FCT_INFO, "the text is signed, or cannot be changed");
    return FCT_NEXT;
}

/* For one: the setting `notice` of the account names a mailbox. */
static enum fct_verdict on_deliver(struct fct_call *call, const struct fct_ev_deliver *ev,
                                   void *state)
{
    struct fct_str mailbox = host->setting(call, "notice");

    (void)ev, (void)state;
    if (host->conn(call)->login.n > 0 || mailbox.n == 0)
        return FCT_NEXT;
    host->mailbox(call, mailbox);
    host->keyword(call, str("$Outside"));
    return FCT_NEXT;
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    (void)self, (void)err;
    host = given;
    memcpy(state, &conf, sizeof conf);
    return true;
}

/* `may` tells a milter's MTA what to expect; `after` waits for whoever provides it, if anybody. */
static const struct fct_hook_row hooks[] = {
    FCT_ON(edit, on_edit, .after = "trackers?",
           .may = FCT_MAY_ADD_HEADER | FCT_MAY_CHANGE_HEADER | FCT_MAY_BODY),
    FCT_ON(deliver, on_deliver),
};

const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "notice",
    .version = "1.0",
    .summary = "marks mail from outside",
    .license = "Apache-2.0",
    .keys = keys,
    .conf_size = sizeof(struct notice_conf),
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
};
