/* outcome.c - see outcome.h. */
#include "protocols/relay/outcome.h"

#include "core/base/str.h"

const char *outcome_step_name(enum outcome_step step)
{
    static const char *const names[STEP_COUNT] = {
        [STEP_GREETING] = "the greeting",
        [STEP_EHLO] = "EHLO",
        [STEP_STARTTLS] = "STARTTLS",
        [STEP_AUTH] = "AUTH",
        [STEP_MAIL] = "MAIL",
        [STEP_RCPT] = "RCPT",
        [STEP_DATA] = "DATA",
        [STEP_DOT] = "the end of the message",
    };

    return names[step];
}

/* What has nothing to do with this mail. A 5xx before MAIL is mostly a policy about us or a server
 * that is being repaired: people are better served by another host and later tries than by a bounce
 * at once. */
static bool is_about_the_host(enum outcome_step step, const struct remote_reply *reply)
{
    return step < STEP_MAIL || reply->code == 421;
}

/* RFC 5321 4.5.3.1.10: "too many recipients" is 452, and 552 of those who have not read it. */
static bool is_too_many(enum outcome_step step, const struct remote_reply *reply)
{
    return step == STEP_RCPT && (reply->code == 452 || reply->code == 552);
}

enum outcome outcome_of(enum outcome_step step, const struct remote_reply *reply, unsigned accepted)
{
    unsigned wanted = step == STEP_DATA || (step == STEP_AUTH && reply_class(reply) == 3) ? 3 : 2;

    if (reply_class(reply) == wanted)
        return OUTCOME_DELIVERED;
    if (is_about_the_host(step, reply) || reply_class(reply) < 4)
        return OUTCOME_HOST;
    if (is_too_many(step, reply))
        return accepted > 0 ? OUTCOME_AGAIN : OUTCOME_DEFERRED;
    return reply_class(reply) == 5 ? OUTCOME_FAILED : OUTCOME_DEFERRED;
}

bool outcome_pushes_back(enum outcome_step step, const struct remote_reply *reply)
{
    if (reply->code == 421)
        return true;
    return reply_class(reply) == 4 && step != STEP_RCPT && step != STEP_STARTTLS;
}

static const char *default_status(enum outcome outcome, enum outcome_step step)
{
    static const struct {
        const char *temporary, *permanent;
    } status[STEP_COUNT] = {
        [STEP_GREETING] = {"4.3.0", "5.3.0"}, [STEP_EHLO] = {"4.5.0", "5.5.0"},
        [STEP_STARTTLS] = {"4.7.0", "5.7.0"}, [STEP_AUTH] = {"4.7.8", "5.7.8"},
        [STEP_MAIL] = {"4.1.8", "5.1.8"},     [STEP_RCPT] = {"4.1.0", "5.1.0"},
        [STEP_DATA] = {"4.5.0", "5.5.0"},     [STEP_DOT] = {"4.6.0", "5.6.0"},
    };

    if (outcome == OUTCOME_DELIVERED)
        return "2.0.0";
    return outcome == OUTCOME_FAILED ? status[step].permanent : status[step].temporary;
}

/* A server's own status counts when it says the same as the outcome. */
static bool status_fits(enum outcome outcome, const char *status)
{
    char wanted = outcome == OUTCOME_DELIVERED ? '2' : outcome == OUTCOME_FAILED ? '5' : '4';

    return status[0] == wanted;
}

void outcome_from_reply(struct delivery_result *to, enum outcome outcome, enum outcome_step step,
                        const struct remote_reply *reply)
{
    char text[sizeof to->text];
    int n;

    to->outcome = outcome;
    to->code = reply->code;
    n = snprintf(text, sizeof text, "%u %.*s", (unsigned)reply->code, FCT_FMT(reply_text(reply)));
    str_copy_c(to->text, sizeof to->text,
               (struct fct_str){text, n < (int)sizeof text ? (size_t)n : sizeof text - 1});
    str_copy_c(to->status, sizeof to->status,
               str_from(status_fits(outcome, reply->status) ? reply->status
                                                            : default_status(outcome, step)));
}

void outcome_without_reply(struct delivery_result *to, enum outcome outcome, const char *status,
                           const char *text)
{
    to->outcome = outcome;
    to->code = 0;
    str_copy_c(to->status, sizeof to->status, str_from(status));
    str_copy_c(to->text, sizeof to->text, str_from(text));
}
