/* consent.c - an account forwards only to whom has agreed: he gets a message with a code, and says
 * yes by an answer to it; or an administrator does by `facteurctl forward confirm CODE`.
 *
 * CODE = number of the account "-" keyed hash of its address and the target. Nothing has to be
 * remembered for it; the yes is the setting forward_confirmed, which only this file writes. */
#include "store/forward.h"

#include "core/base/base64.h"
#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/language.h"
#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/log/log.h"
#include "core/message/date.h"
#include "store/account.h"
#include "store/blob.h"
#include "store/directory.h"
#include "store/queue.h"

#include <openssl/crypto.h>

#define TEXT_MAX    16384u
#define LINE_BYTES  57u /* of a base64 line */
#define HASH_LENGTH 16u

/* ---- codes ---- */

static bool is_signed(const struct server *s, struct fct_str hash, struct fct_str account,
                      struct fct_str target)
{
    char ours[HASH_LENGTH + 1];

    for (size_t i = 0; forward_hash(s, i, account, target, ours); i++)
        if (hash.n == HASH_LENGTH && CRYPTO_memcmp(hash.p, ours, HASH_LENGTH) == 0)
            return true;
    return false;
}

static bool no_code(struct fct_err *err)
{
    return fct_fail(err, FCT_DENIED, "no forwarding waits for this code");
}

struct asked {
    struct fct_str account, target;
    uint64_t id;
    struct settings settings;
};

static bool read_code(struct server *s, struct arena *arena, struct fct_str code, struct asked *out,
                      struct fct_err *err)
{
    struct fct_str hash = code, number = str_split(&hash, '-');
    struct fct_err ignored = {0};
    struct account *a;
    char *lower;

    if (!hash.p || hash.n != HASH_LENGTH || !str_to_u64(number, &out->id) ||
        !account_find(s, out->id, &a, &ignored))
        return no_code(err);
    lower = arena_alloc(arena, HASH_LENGTH);
    memcpy(lower, hash.p, HASH_LENGTH);
    str_lower(lower, HASH_LENGTH);
    out->account = arena_str(arena, str_from(a->name));
    if (!directory_account_settings(s, out->account, arena, &out->id, &out->settings, err))
        return false;
    out->target = account_setting_value(out->settings.item, out->settings.n, FCT_STR("forward"));
    return (out->id && out->target.n > 0 &&
            is_signed(s, (struct fct_str){lower, HASH_LENGTH}, out->account, out->target)) ||
           no_code(err);
}

bool consent_read(struct server *s, struct arena *arena, struct fct_str code,
                  struct fct_str *account, struct fct_str *target, struct fct_err *err)
{
    struct asked asked;

    if (!read_code(s, arena, code, &asked, err))
        return false;
    *account = asked.account;
    *target = asked.target;
    return true;
}

static FCT_MAY_WAIT bool write_down(struct server *s, struct arena *arena,
                                    const struct asked *asked, struct fct_err *err)
{
    const struct settings_limits limits = {s->conf->max_settings + 1,
                                           s->conf->max_settings_bytes.bytes + TEXT_MAX};
    struct fct_str change = arena_printf(arena, "forward_confirmed=%.*s", FCT_FMT(asked->target));
    struct settings settings;
    struct batch b;

    if (!settings_change(asked->settings, &change, 1, &limits, arena, &settings, err))
        return false;
    batch_init(&b);
    directory_put_settings(&b, asked->account, asked->id, settings);
    if (!commit_wait(s->commit, commit_submit(s->commit, &b, NULL, 0), err))
        return false;
    directory_changed(s);
    log_event(EV_ACCOUNT, FCT_STR(""), F_C("what", "forwarding confirmed"),
              F_STR("name", asked->account), F_STR("to", asked->target));
    return true;
}

bool consent_give(struct server *s, struct arena *arena, struct fct_str code,
                  struct fct_str *account, struct fct_str *target, struct fct_err *err)
{
    struct asked asked;
    bool ok;

    if (!turn_take(&s->admin, err))
        return false;
    ok = read_code(s, arena, code, &asked, err) &&
         (str_equal(account_setting_value(asked.settings.item, asked.settings.n,
                                          FCT_STR("forward_confirmed")),
                    asked.target) ||
          write_down(s, arena, &asked, err));
    turn_give(&s->admin);
    if (!ok)
        return false;
    *account = asked.account;
    *target = asked.target;
    return true;
}

/* ---- the question ---- */

/* clang-format off */
static const struct words {
    const char *subject, *before, *after; /* the code stands between */
} all_words[LANGUAGES] = {
    [LANGUAGE_ENGLISH] = {"May mail be forwarded to you?",
     "wants to forward its mail to this address.\r\n\r\n"
     "If you agree, answer this message, whatever you write; or give the code to whom\r\nit belongs:\r\n\r\n    ",
     "\r\n\r\nOtherwise do nothing: no mail is forwarded without your consent.\r\n"},
    [LANGUAGE_FRENCH] = {"Acceptez-vous de recevoir ce courrier ?",
     "souhaite faire suivre son courrier à cette adresse.\r\n\r\n"
     "Si vous êtes d'accord, répondez à ce message, peu importe le texte ; ou donnez\r\nle code à son titulaire :\r\n\r\n    ",
     "\r\n\r\nSinon, ne faites rien : aucun message n'est transmis sans votre accord.\r\n"},
};
/* clang-format on */

static void put_encoded(struct fct_str text, struct buf *out)
{
    for (; text.n > 0; text = str_skip(text, LINE_BYTES)) {
        (void)!base64_encode(str_head(text, LINE_BYTES), out);
        buf_put_c(out, "\r\n");
    }
}

static void put_head(struct fct_str account, struct fct_str target, struct fct_str code,
                     const struct words *words, struct buf *out)
{
    struct fct_str domain = directory_domain(account);

    buf_printf(out, "From: <postmaster@%.*s>\r\nTo: <%.*s>\r\n", FCT_FMT(domain), FCT_FMT(target));
    buf_printf(out, "Reply-To: <" CONSENT_LOCAL "%.*s@%.*s>\r\nSubject: ", FCT_FMT(code),
               FCT_FMT(domain));
    buf_put_c(out, words->subject);
    buf_put_c(out, "\r\nDate: ");
    date_format(clock_wall(), out);
    buf_printf(out, "\r\nMessage-ID: <%s.forward@%.*s>\r\n", id_new().text, FCT_FMT(domain));
    buf_put_c(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: base64\r\n\r\n");
}

static void compose(struct fct_str account, struct fct_str target, struct fct_str code,
                    struct fct_str languages, struct buf *out)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    const struct words *words = &all_words[language_choose(languages)];

    buf_put_str(&text, account);
    buf_put_c(&text, "\r\n");
    buf_put_c(&text, words->before);
    buf_put_str(&text, code);
    buf_put_c(&text, words->after);
    put_head(account, target, code, words, out);
    put_encoded(buf_str(&text), out);
}

static FCT_MAY_WAIT bool queue_text(struct server *s, struct fct_str text, struct fct_str from,
                                    struct fct_str target, struct fct_err *err)
{
    struct id id = id_new();
    struct queue_recipient to = {.address = target, .notify = QUEUE_NOTIFY_NEVER};
    struct queue_entry entry = {.arrived = clock_wall(),
                                .size = text.n,
                                .recipient = &to,
                                .n = 1,
                                .envelope = {.log_id = str_from(id.text), .reverse_path = from}};
    struct body body = {0};
    struct change c;
    bool exists, ok = body_of_text(s, text, &body, err) && queue_has_room(s, FCT_STR(""), err) &&
                      blob_exists(s, &body.id, &exists, err);

    if (ok) {
        change_begin(&c, s);
        (void)queue_add(s, &c, &entry, FCT_STR(""), &body.id);
        blob_put(&c.batch, &body, exists, 1);
        ok = commit_wait(s->commit, change_commit(&c), err);
    }
    body_free(&body);
    return ok;
}

bool consent_ask(struct server *s, struct arena *arena, uint64_t account_id, struct fct_str account,
                 struct fct_str target, struct fct_str languages, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    char hash[HASH_LENGTH + 1];
    struct fct_str code;

    if (!forward_settings(s) || !forward_settings(s)->accounts ||
        !forward_hash(s, 0, account, target, hash))
        return fct_fail(err, FCT_DENIED, "accounts do not forward here (forward.accounts)");
    code = arena_printf(arena, "%llu-%s", (unsigned long long)account_id, hash);
    compose(account, target, code, languages, &text);
    return queue_text(s, buf_str(&text), FCT_STR(""), target, err);
}
