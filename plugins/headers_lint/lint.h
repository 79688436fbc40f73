/* lint.h - what in a message is not as mail programs write it. Reads through the host, decides
 * nothing. */
#ifndef PLUGINS_HEADERS_LINT_LINT_H
#define PLUGINS_HEADERS_LINT_LINT_H

#include <facteur/plugin.h>

enum lint_finding {
    LINT_NO_DATE,
    LINT_NO_FROM,
    LINT_NO_MESSAGE_ID,
    LINT_NO_SUBJECT,
    LINT_NO_TO,
    LINT_TWO_FROM,
    LINT_DUPLICATE_FIELD,
    LINT_BAD_DATE,
    LINT_DATE_ZONE,
    LINT_DATE_FUTURE,
    LINT_DATE_PAST,
    LINT_BAD_MESSAGE_ID,
    LINT_FIELD_8BIT,
    LINT_UNDISCLOSED,
    LINT_MANY_RECIPIENTS,
    LINT_FROM_IS_TO,
    LINT_FREEMAIL_ELSEWHERE,
    LINT_SENDER_RANDOM,
    LINT_REPLY_ELSEWHERE,
    LINT_SUBJECT_ENCODED,
    LINT_SUBJECT_CAPS,
    LINT_SUBJECT_GAPS,
    LINT_SUBJECT_HIDDEN,
    LINT_FAKED_REPLY,
    LINT_BULK_NO_UNSUBSCRIBE,
    LINT_HELO_IS_US,
    LINT_FORGED_TRACE,
    LINT_TRACE_ORDER,
    LINT_TRACE_DATE,
    LINT_MIME_NO_VERSION,
    LINT_MIME_NO_BOUNDARY,
    LINT_MIME_NO_END,
    LINT_MIME_DUPLICATE,
    LINT_MIME_BAD_BASE64,
    LINT_MIME_NUL,
    LINT_CHARSET_UNKNOWN,
    LINT_TEXT_BASE64,
    LINT_EMPTY,
    LINT_ONLY_IMAGE,
    LINT_HTML_ONLY,
    LINT_FORGED_CLIENT,
    LINT_PHP_SCRIPT,
    LINT_PRIORITY,
    LINT_FINDINGS
};

#define LINT_DETAIL_MAX 100u

struct lint {
    const struct fct_host *host;
    struct fct_call *call;
    int64_t now;               /* seconds of the epoch; of the topmost Received when it has one */
    struct fct_str us;         /* the server's name */
    uint64_t future_s, past_s; /* Date may be so far away */
    unsigned recipients;       /* more in To and Cc are many */
    struct {
        bool yes;
        size_t length;
        char detail[LINT_DETAIL_MAX];
    } of[LINT_FINDINGS];
};

/* All checks. `l` is zeroed but for what stands before the findings. */
void lint_message(struct lint *l);

void lint_found(struct lint *l, enum lint_finding what, struct fct_str detail);
static inline void lint_if(struct lint *l, bool yes, enum lint_finding what, struct fct_str detail)
{
    if (yes)
        lint_found(l, what, detail);
}

/* The groups of checks; for this folder only. */
void lint_fields(struct lint *l);
void lint_sender(struct lint *l);
void lint_subject(struct lint *l);
void lint_trace(struct lint *l);
void lint_mime(struct lint *l);
void lint_client(struct lint *l);

#endif
