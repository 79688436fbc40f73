/* letters.c - see letters.h. */
#include "letters.h"

struct dice {
    uint32_t state;
};

static uint32_t throw(struct dice * d, uint32_t sides)
{
    d->state = d->state * 1664525u + 1013904223u;
    return (d->state >> 16) % sides;
}

static void put_words(struct buf *out, size_t size, const char *const *words, size_t n)
{
    struct dice dice = {1};
    size_t end = out->n + size;

    while (out->n < end) {
        for (int i = 0; i < 12; i++)
            buf_printf(out, "%s ", words[throw(&dice, (uint32_t)n)]);
        buf_put_c(out, throw(&dice, 8) ? "\r\n" : "\r\n\r\n");
    }
}

/* In an order without sense. */
void put_usual_words(struct buf *out, size_t size)
{
    static const char *const words[] = {
        "the",     "of",       "and",     "to",      "a",       "in",      "you",     "that",
        "it",      "is",       "was",     "your",    "we",      "our",     "for",     "are",
        "this",    "with",     "have",    "from",    "not",     "will",    "can",     "tree",
        "window",  "people",   "time",    "new",     "list",    "message", "please",  "river",
        "server",  "function", "reader",  "field",   "country", "answer",  "meeting", "number",
        "program", "building", "service", "update",  "system",  "simple",  "picture", "after",
        "address", "work",     "home",    "weather", "paper",   "plant",   "problem", "question",
    };
    static const char phrases[] =
        "You are the next of kin. Act now and click here: verify your account now. Your account "
        "has been suspended. A casino bonus for free, no strings attached, as seen on TV. "
        "Lose weight fast.";

    put_words(out, size, words, FCT_COUNT(words));
    buf_printf(out, "%s\r\n", phrases);
}

/* Half of them begin what a rule looks for, and few go on as it wants: the hardest text there is.
 */
void put_spam_words(struct buf *out, size_t size)
{
    static const char *const words[] = {
        "your",
        "account",
        "has",
        "been",
        "verify",
        "confirm",
        "password",
        "expires",
        "click",
        "here",
        "to",
        "free",
        "money",
        "million",
        "dollars",
        "transfer",
        "the",
        "fund",
        "bank",
        "beneficiary",
        "next",
        "of",
        "kin",
        "deceased",
        "lottery",
        "winner",
        "won",
        "prize",
        "claim",
        "urgent",
        "business",
        "proposal",
        "confidential",
        "risk",
        "loan",
        "offer",
        "we",
        "I",
        "you",
        "have",
        "recorded",
        "webcam",
        "bitcoin",
        "wallet",
        "pay",
        "send",
        "video",
        "contacts",
        "viagra",
        "cialis",
        "pharmacy",
        "online",
        "meds",
        "lose",
        "weight",
        "fast",
        "casino",
        "bonus",
        "deposit",
        "spins",
        "work",
        "from",
        "home",
        "earn",
        "$5,000",
        "per",
        "week",
        "income",
        "guaranteed",
        "profit",
        "invest",
        "trading",
        "package",
        "could",
        "not",
        "delivery",
        "fee",
        "customs",
        "mailbox",
        "is",
        "full",
        "quota",
        "upgrade",
        "storage",
        "tax",
        "refund",
        "eligible",
        "security",
        "update",
        "unusual",
        "sign-in",
        "activity",
        "shared",
        "document",
        "invoice",
        "payment",
        "failed",
        "subscription",
        "expired",
        "gift",
        "card",
        "codes",
        "survey",
        "congratulations",
        "selected",
        "iphone",
        "seo",
        "ranking",
        "google",
        "web",
        "design",
        "debt",
        "credit",
        "mortgage",
        "rates",
        "insurance",
        "quotes",
        "stock",
        "alert",
        "degree",
        "university",
        "diploma",
        "software",
        "replica",
        "watches",
        "rolex",
        "remove",
        "unsubscribe",
        "reply",
        "subject",
        "list",
        "opt-in",
        "removed",
        "limited",
        "time",
        "act",
        "now",
        "order",
        "today",
        "call",
        "toll",
        "1-800-555-0100",
        "100%",
        "save",
        "50%",
        "off",
        "price",
        "lowest",
        "dear",
        "friend",
        "sir",
        "madam",
        "customer",
        "suspended",
        "http://bit.ly/abc",
        "this",
        "is",
        "a",
        "legal",
        "one",
        "email",
        "address",
    };

    put_words(out, size, words, FCT_COUNT(words));
}

void put_newsletter(struct buf *out, size_t size)
{
    size_t end = out->n + size;

    buf_put_c(out, "<html><body><table>\r\n");
    for (unsigned i = 0; out->n < end; i++)
        buf_printf(
            out,
            "<tr><td style=\"padding:0 12px;font-family:Arial\"><p>Offer %u: a sentence that "
            "says what is cheap today, as long as sentences of newsletters are.</p><a "
            "href=\"https://click.example.net/r/%08x?utm_source=mail&amp;id=%u\" "
            "target=\"_blank\">See <b>all</b> of it</a><img "
            "src=\"https://t.example.net/o/%08x.gif\" "
            "width=\"1\" height=\"1\"></td></tr>\r\n",
            i, i * 2654435761u, i, i * 40503u);
    buf_put_c(out, "</table></body></html>\r\n");
}
