/* test_imap_concurrent.c - several clients change one mailbox at random; each checks all that it is
 * told (RFC 9051 7.5.1).
 *
 * A client remembers the UID behind each sequence number. A FETCH that contradicts it, an EXPUNGE
 * during FETCH, STORE or SEARCH, or a number that is out of range fails the test. In the end all
 * clients must agree. */
#include "fake_store.h"
#include "imap_dialogue.h"
#include "imap_test.h"
#include "protocols/imap/imap_parse.h"

#define CLIENTS 4
#define MOST    1500

struct watcher {
    struct client *c;
    uint32_t uid[MOST]; /* 0: not known yet */
    uint32_t flags[MOST];
    uint32_t n;
    bool keeps;   /* the command in hand may not shift numbers */
    char tag[16]; /* of the command in hand; empty: none */
    bool idle;
    unsigned commands;
};

static uint32_t rnd(uint32_t below)
{
    static uint64_t x = 0x9e3779b97f4a7c15u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 32) % below;
}

static void told_expunge(struct watcher *w, uint32_t number)
{
    ck_assert_msg(!w->keeps, "EXPUNGE during %s", w->tag);
    ck_assert_msg(number >= 1 && number <= w->n, "EXPUNGE of %u of %u", number, w->n);
    memmove(&w->uid[number - 1], &w->uid[number], (w->n - number) * sizeof *w->uid);
    memmove(&w->flags[number - 1], &w->flags[number], (w->n - number) * sizeof *w->flags);
    w->n--;
}

static void told_exists(struct watcher *w, uint32_t number)
{
    ck_assert_uint_ge(number, w->n);
    ck_assert_uint_lt(number, MOST);
    while (w->n < number) {
        w->flags[w->n] = UINT32_MAX;
        w->uid[w->n++] = 0;
    }
}

static uint32_t parse_flags(struct fct_str line)
{
    static const char *const names[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted",
                                        "\\Draft"};
    uint32_t flags = 0;

    for (unsigned i = 0; i < FCT_COUNT(names); i++)
        if (str_find(line, str_from(names[i])) >= 0)
            flags |= 1u << i;
    return flags;
}

static void told_fetch(struct watcher *w, uint32_t number, struct fct_str line)
{
    ptrdiff_t at = str_find(line, FCT_STR("UID "));
    struct fct_str rest = str_skip(line, (size_t)at + 4);
    uint32_t uid;

    ck_assert_msg(number >= 1 && number <= w->n, "FETCH of %u of %u", number, w->n);
    if (str_find(line, FCT_STR("FLAGS (")) >= 0)
        w->flags[number - 1] = parse_flags(line);
    if (at < 0)
        return;
    ck_assert(imap_parse_number(&rest, &uid));
    ck_assert_msg(w->uid[number - 1] == 0 || w->uid[number - 1] == uid, "%u was UID %u, now %u",
                  number, w->uid[number - 1], uid);
    w->uid[number - 1] = uid;
    ck_assert(number < 2 || w->uid[number - 2] < uid);
}

/* One line of the server. */
static void told(struct watcher *w, struct fct_str line)
{
    struct fct_str rest = str_skip(line, 2);
    uint32_t number;

    if (!str_starts(line, FCT_STR("* "))) {
        ck_assert_msg(str_starts(line, str_from(w->tag)) || str_starts(line, FCT_STR("+ ")), "%.*s",
                      FCT_FMT(line));
        ck_assert_msg(str_find(line, FCT_STR(" BAD ")) < 0, "%.*s", FCT_FMT(line));
        if (line.p[0] != '+')
            w->tag[0] = '\0';
        return;
    }
    ck_assert_msg(!str_starts(rest, FCT_STR("BYE")), "%.*s", FCT_FMT(line));
    if (!imap_parse_number(&rest, &number))
        return;
    if (str_equal(rest, FCT_STR(" EXPUNGE")))
        told_expunge(w, number);
    else if (str_equal(rest, FCT_STR(" EXISTS")))
        told_exists(w, number);
    else if (str_starts(rest, FCT_STR(" FETCH")))
        told_fetch(w, number, rest);
}

/* A line, and the literals in it. */
static void hear(struct watcher *w)
{
    struct fct_str line = client_line(w->c);
    struct imap_literal literal;
    bool more = imap_parse_literal_head(line, &literal);

    told(w, line);
    for (; more; more = imap_parse_literal_head(client_line(w->c), &literal))
        client_bytes(w->c, literal.size);
}

static void send_command(struct watcher *w, bool keeps, const char *text)
{
    FCT_CLEANUP(buf_free) struct buf line = BUF_INIT(1000);

    snprintf(w->tag, sizeof w->tag, "t%u", ++w->commands);
    w->keeps = keeps;
    buf_printf(&line, "%s %s\r\n", w->tag, text);
    client_send(w->c, buf_str(&line));
}

/* Of its own .SILENT change a client knows the outcome, unless somebody else changed the message
 * meanwhile, which it is told. */
static void send_store(struct watcher *w, uint32_t a, uint32_t b)
{
    static const char *const names[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted"};
    static const char *const signs[] = {"", "+", "-"};
    uint32_t sign = rnd(3), flag = rnd(4);
    bool silent = rnd(2);
    char text[200];

    for (uint32_t k = a < b ? a - 1 : b - 1; silent && k < (a < b ? b : a); k++)
        if (w->flags[k] != UINT32_MAX)
            w->flags[k] = sign == 0   ? 1u << flag
                          : sign == 1 ? w->flags[k] | 1u << flag
                                      : w->flags[k] & ~(1u << flag);
    snprintf(text, sizeof text, "STORE %u:%u %sFLAGS%s (%s)", a, b, signs[sign],
             silent ? ".SILENT" : "", names[flag]);
    send_command(w, true, text);
}

static void send_random(struct watcher *w)
{
    uint32_t a = 1 + rnd(w->n ? w->n : 1), b = 1 + rnd(w->n ? w->n : 1), what = rnd(14);
    char text[200];

    if (w->n == 0 && what > 2 && what < 12)
        what = 0;
    switch (what) {
    case 0:
    case 1:
        send_command(w, false, "APPEND INBOX {8+}\r\nX: y\r\n\r\n");
        return;
    case 2:
        send_command(w, false, "NOOP");
        return;
    case 3:
    case 4:
        snprintf(text, sizeof text, "FETCH %u:%u (UID FLAGS)", a, b);
        send_command(w, true, text);
        return;
    case 5:
        snprintf(text, sizeof text, "UID FETCH %u:* (FLAGS)", a);
        send_command(w, false, text);
        return;
    case 6:
    case 7:
        send_store(w, a, b);
        return;
    case 8:
        send_command(w, false, "EXPUNGE");
        return;
    case 9:
        send_command(w, true, "SEARCH TEXT y");
        return;
    case 10:
        snprintf(text, sizeof text, "FETCH %u:%u (UID ENVELOPE BODY.PEEK[HEADER.FIELDS (X)])", a,
                 b);
        send_command(w, true, text);
        return;
    case 11:
        snprintf(text, sizeof text, "MOVE %u Sent", a);
        send_command(w, false, text);
        return;
    default:
        w->idle = true;
        send_command(w, false, "IDLE");
        return;
    }
}

static void finish_command(struct watcher *w)
{
    if (w->idle)
        client_send(w->c, FCT_STR("DONE\r\n"));
    w->idle = false;
    while (w->tag[0])
        hear(w);
}

static void start(struct server *sv, struct watcher *w)
{
    w->c = client_new(sv);
    client_line(w->c);
    snprintf(w->tag, sizeof w->tag, "a");
    client_send(w->c, FCT_STR("a LOGIN alice@example.org secret\r\n"));
    while (w->tag[0])
        hear(w);
    send_command(w, false, "SELECT INBOX");
    finish_command(w);
}

static void check_all(struct watcher *w)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        send_command(&w[i], false, "NOOP");
        finish_command(&w[i]);
        if (w[i].n > 0)
            send_command(&w[i], true, "FETCH 1:* (UID FLAGS)");
        finish_command(&w[i]);
    }
    for (unsigned i = 1; i < CLIENTS; i++) {
        ck_assert_uint_eq(w[i].n, w[0].n);
        for (uint32_t k = 0; k < w[0].n; k++) {
            ck_assert_uint_eq(w[i].uid[k], w[0].uid[k]);
            ck_assert_uint_eq(w[i].flags[k], w[0].flags[k]);
        }
    }
}

/* What a client was told of flags is true without asking: the news came by themselves. */
static void check_flags_were_told(struct watcher *w)
{
    static uint32_t before[MOST];

    send_command(w, false, "NOOP");
    finish_command(w);
    memcpy(before, w->flags, sizeof before);
    if (w->n == 0)
        return;
    send_command(w, true, "FETCH 1:* (UID FLAGS)");
    finish_command(w);
    for (uint32_t k = 0; k < w->n; k++)
        ck_assert_msg(before[k] == UINT32_MAX || before[k] == w->flags[k],
                      "message %u: was told %x, is %x", k + 1, before[k], w->flags[k]);
}

START_TEST(at_random)
{
    for (int round = 0; round < 6; round++) {
        struct server *sv = server_new(NULL);
        struct watcher *w = calloc(CLIENTS, sizeof *w);

        for (int i = 0; i < 10; i++)
            fake_store_add("INBOX", FCT_STR("X: y\r\n\r\n"), 0);
        for (unsigned i = 0; i < CLIENTS; i++)
            start(sv, &w[i]);
        for (int step = 0; step < 120; step++) {
            for (unsigned i = 0; i < CLIENTS; i++)
                send_random(&w[i]);
            for (unsigned i = 0; i < CLIENTS; i++)
                finish_command(&w[i]);
            if (step % 20 == 0) {
                check_flags_were_told(&w[rnd(CLIENTS)]);
                check_all(w);
            }
        }
        check_all(w);
        for (unsigned i = 0; i < CLIENTS; i++)
            client_free(&w[i].c);
        free(w);
        server_free(&sv);
    }
}
END_TEST

IMAP_TESTS("imap_concurrent", at_random)
