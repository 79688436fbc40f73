/* headers_lint.c - what in a message is not as mail programs write it, as a plugin: symbols of
 * small scores, that together tell a program that was written to send spam. */
#include "lint.h"
#include "lint_script.h"

#include "plugins/lib/clients.h"

#include <stdlib.h>
#include <time.h>

#define ROLES           (FCT_ROLE_MX | FCT_ROLE_REPLAY)
#define UNREAD          "LINT_UNREAD_SCRIPT"
#define TEXT_READ       4000u /* bytes that say what the text is written in */
#define RECIPIENTS_READ 100u

static const struct fct_host *host;

struct headers_lint_conf {
    struct fct_strings skip_net;
    fct_duration future, past;
    uint32_t max_recipients;
};

/* clang-format off */
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct headers_lint_conf, skip_net,       "[]",  "Clients whose mail is not looked at: relays and backup servers that hand you mail of others need not be here, printers and scripts of your own may"),
    FCT_CONF_KEY(struct headers_lint_conf, future,         "12h", "Date may be so far ahead of the clock"),
    FCT_CONF_KEY(struct headers_lint_conf, past,           "5d",  "Date may be so old: as long as servers try to deliver"),
    FCT_CONF_KEY(struct headers_lint_conf, max_recipients, "25",  "More addresses in To and Cc are many (1 to 250)"),
    FCT_CONF_END,
};

static const struct fct_symbol symbols[] = {
    [LINT_NO_DATE]             = {"LINT_NO_DATE",             1.0, "headers_lint", "The message has no Date"},
    [LINT_NO_FROM]             = {"LINT_NO_FROM",             2.0, "headers_lint", "The message has no From"},
    [LINT_NO_MESSAGE_ID]       = {"LINT_NO_MESSAGE_ID",       0.8, "headers_lint", "The message has no Message-ID"},
    [LINT_NO_SUBJECT]          = {"LINT_NO_SUBJECT",          0.9, "headers_lint", "The message has no subject"},
    [LINT_NO_TO]               = {"LINT_NO_TO",               0.0, "headers_lint", "The message has neither To nor Cc"},
    [LINT_TWO_FROM]            = {"LINT_TWO_FROM",            3.0, "headers_lint", "From stands twice, to show programs different senders"},
    [LINT_DUPLICATE_FIELD]     = {"LINT_DUPLICATE_FIELD",     1.0, "headers_lint", "A field that may stand once stands twice"},
    [LINT_BAD_DATE]            = {"LINT_BAD_DATE",            2.0, "headers_lint", "Date is no date"},
    [LINT_DATE_ZONE]           = {"LINT_DATE_ZONE",           2.0, "headers_lint", "Date has a zone that is nowhere on Earth"},
    [LINT_DATE_FUTURE]         = {"LINT_DATE_FUTURE",         2.6, "headers_lint", "Date is in the future, to stand on top of the inbox"},
    [LINT_DATE_PAST]           = {"LINT_DATE_PAST",           0.0, "headers_lint", "Date is long ago"},
    [LINT_BAD_MESSAGE_ID]      = {"LINT_BAD_MESSAGE_ID",      1.8, "headers_lint", "Message-ID is not of the form <left@right>"},
    [LINT_FIELD_8BIT]          = {"LINT_FIELD_8BIT",          1.5, "headers_lint", "A field has bytes that had to be encoded"},
    [LINT_UNDISCLOSED]         = {"LINT_UNDISCLOSED",         0.5, "headers_lint", "To names nobody (undisclosed-recipients)"},
    [LINT_MANY_RECIPIENTS]     = {"LINT_MANY_RECIPIENTS",     0.5, "headers_lint", "To and Cc name many people"},
    [LINT_FROM_IS_TO]          = {"LINT_FROM_IS_TO",          1.1, "headers_lint", "The sender's address is the recipient's"},
    [LINT_FREEMAIL_ELSEWHERE]  = {"LINT_FREEMAIL_ELSEWHERE",  2.0, "headers_lint", "The sender's address is at a provider that has not seen the message"},
    [LINT_SENDER_RANDOM]       = {"LINT_SENDER_RANDOM",       1.0, "headers_lint", "The sender's address looks made up by a program"},
    [LINT_REPLY_ELSEWHERE]     = {"LINT_REPLY_ELSEWHERE",     0.1, "headers_lint", "Answers go to another organisation than the sender's"},
    [LINT_SUBJECT_ENCODED]     = {"LINT_SUBJECT_ENCODED",     0.5, "headers_lint", "The subject is encoded, though it is plain ASCII"},
    [LINT_SUBJECT_CAPS]        = {"LINT_SUBJECT_CAPS",        1.5, "headers_lint", "THE SUBJECT HAS CAPITALS ONLY"},
    [LINT_SUBJECT_GAPS]        = {"LINT_SUBJECT_GAPS",        1.2, "headers_lint", "The subject has gaps between letters"},
    [LINT_SUBJECT_HIDDEN]      = {"LINT_SUBJECT_HIDDEN",      2.0, "headers_lint", "The subject has characters nobody sees"},
    [LINT_FAKED_REPLY]         = {"LINT_FAKED_REPLY",         0.1, "headers_lint", "The subject says it is an answer, and nothing says to what"},
    [LINT_BULK_NO_UNSUBSCRIBE] = {"LINT_BULK_NO_UNSUBSCRIBE", 0.1, "headers_lint", "Mass mail without List-Unsubscribe"},
    [LINT_HELO_IS_US]          = {"LINT_HELO_IS_US",          3.0, "headers_lint", "The client introduced itself with our own name"},
    [LINT_FORGED_TRACE]        = {"LINT_FORGED_TRACE",        3.0, "headers_lint", "A Received field is forged in our name"},
    [LINT_TRACE_ORDER]         = {"LINT_TRACE_ORDER",         1.2, "headers_lint", "Received fields are in no possible order of time"},
    [LINT_TRACE_DATE]          = {"LINT_TRACE_DATE",          0.8, "headers_lint", "A Received field has no date"},
    [LINT_MIME_NO_VERSION]     = {"LINT_MIME_NO_VERSION",     1.3, "headers_lint", "MIME-Version is missing"},
    [LINT_MIME_NO_BOUNDARY]    = {"LINT_MIME_NO_BOUNDARY",    1.5, "headers_lint", "A multipart has no boundary"},
    [LINT_MIME_NO_END]         = {"LINT_MIME_NO_END",         1.2, "headers_lint", "A multipart does not end"},
    [LINT_MIME_DUPLICATE]      = {"LINT_MIME_DUPLICATE",      2.0, "headers_lint", "Content-Type or its encoding stands twice, so that programs see different messages"},
    [LINT_MIME_BAD_BASE64]     = {"LINT_MIME_BAD_BASE64",     0.8, "headers_lint", "Base64 with characters that are none of it"},
    [LINT_MIME_NUL]            = {"LINT_MIME_NUL",            1.5, "headers_lint", "A text has zero bytes"},
    [LINT_CHARSET_UNKNOWN]     = {"LINT_CHARSET_UNKNOWN",     0.8, "headers_lint", "A character set that nobody uses"},
    [LINT_TEXT_BASE64]         = {"LINT_TEXT_BASE64",         1.0, "headers_lint", "Plain ASCII text in base64"},
    [LINT_EMPTY]               = {"LINT_EMPTY",               0.8, "headers_lint", "The message says nothing"},
    [LINT_ONLY_IMAGE]          = {"LINT_ONLY_IMAGE",          2.1, "headers_lint", "Pictures, and hardly a word"},
    [LINT_HTML_ONLY]           = {"LINT_HTML_ONLY",           0.6, "headers_lint", "HTML without a plain text"},
    [LINT_FORGED_CLIENT]       = {"LINT_FORGED_CLIENT",       1.1, "headers_lint", "Another mail program wrote it than it says"},
    [LINT_PHP_SCRIPT]          = {"LINT_PHP_SCRIPT",          0.5, "headers_lint", "Sent by a script of a web site"},
    [LINT_PRIORITY]            = {"LINT_PRIORITY",            0.3, "headers_lint", "Outlook's priority fields, and no mail program names itself"},
    [LINT_FINDINGS]            = {UNREAD,                     2.5, "headers_lint", "The text is written in letters that none of the account's languages has"},
    {0},
};
/* clang-format on */

/* ---- who can read it ---- */

static FCT_MAY_WAIT enum lint_script script_of(struct fct_call *call)
{
    const struct fct_header *subject = host->header(call, "Subject", 0);
    struct fct_str text = host->text(call, FCT_TEXT_SHOWN);
    struct lint_letters letters = {{0}};

    if (subject)
        lint_count_letters(host->header_text(call, subject), &letters);
    lint_count_letters((struct fct_str){text.p, text.n < TEXT_READ ? text.n : TEXT_READ}, &letters);
    return lint_script_of(&letters);
}

/* For each account that says which languages it reads. */
static FCT_MAY_WAIT void look_for_readers(struct fct_call *call)
{
    const struct fct_recipient *to;
    enum lint_script script = LINT_SCRIPTS;

    if (!FCT_HAS(host, symbol_for))
        return;
    for (size_t i = 0; i < RECIPIENTS_READ && (to = host->recipient(call, i)); i++) {
        struct fct_str languages = host->recipient_setting(call, i, "languages");

        if (languages.n == 0)
            continue;
        if (script == LINT_SCRIPTS)
            script = script_of(call);
        if (!lint_reads(languages, script))
            (void)host->symbol_for(
                call, to->account, UNREAD, 1,
                (struct fct_str){lint_script_name[script], strlen(lint_script_name[script])});
    }
}

/* ---- the plugin ---- */

static FCT_MAY_WAIT enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev,
                                             void *state)
{
    const struct headers_lint_conf *conf = state;
    const struct fct_conn *conn = host->conn(call);
    struct lint *l;

    (void)ev;
    if (clients_have(&conf->skip_net, conn->client_ip) || !(l = host->alloc(call, sizeof *l)))
        return FCT_NEXT;
    l->host = host;
    l->call = call;
    l->now = (int64_t)time(NULL);
    l->us = host->server_name(call);
    l->future_s = conf->future.ms / 1000;
    l->past_s = conf->past.ms / 1000;
    l->recipients = conf->max_recipients;
    lint_message(l);
    for (size_t i = 0; i < LINT_FINDINGS; i++)
        if (l->of[i].yes)
            (void)host->symbol(call, symbols[i].name, 1,
                               (struct fct_str){l->of[i].detail, l->of[i].length});
    look_for_readers(call);
    return FCT_NEXT;
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *settings,
                  void **state, struct fct_err *err)
{
    const struct headers_lint_conf *conf = settings;
    struct fct_hook_row scan =
        FCT_ON(scan, on_scan, .provides = "headers_lint", .roles = ROLES, .may = FCT_MAY_NOTHING);

    host = given;
    err->class = FCT_DENIED;
    (void)snprintf(err->text, sizeof err->text, "this server is older than the plugin");
    if (!FCT_HAS(given, text))
        return false;
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "max_recipients must be 1 to 250");
    if (conf->max_recipients == 0 || conf->max_recipients > 250)
        return false;
    memcpy(state, &conf, sizeof conf); /* read-only for us as well, but state is a plain pointer */
    return clients_check("skip_net", &conf->skip_net, err) && host->add_hook(self, &scan, err);
}

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "headers_lint",
    .version = "1.0",
    .summary = "what in a message is not as mail programs write it (RFC 5322, MIME)",
    .license = "Apache-2.0",
    .keys = keys,
    .conf_size = sizeof(struct headers_lint_conf),
    .symbols = symbols,
    .start = start,
};
