/* fuzzy_conf.c - the rows of `plugin fuzzy`. */
#include "fuzzy_conf.h"

#include "fuzzy_message.h"

/* clang-format off */
const struct fct_conf_key fuzzy_conf_keys[] = {
    FCT_CONF_KEY(struct fuzzy_conf, secret,          "",     "Mixed into everything that is stored, so that nobody outside can tell what was learned or by whom; the same on all servers that share a Redis. What was learned under another one is forgotten"),
    FCT_CONF_KEY(struct fuzzy_conf, users_needed,    "0",    "What so many users moved to Junk is spam to everybody, and what so many called wanted is wanted, such as 3 where users may decide for each other; 0: what users say concerns themselves alone"),
    FCT_CONF_KEY(struct fuzzy_conf, text_matches,    "16",   "Of 32 numbers of a text so many must be equal to those of a learned one; 12 to 32. Fewer find looser copies"),
    FCT_CONF_KEY(struct fuzzy_conf, html_matches,    "28",   "The same of the shape of HTML, where honest bulk mail shares templates with other; 16 to 32"),
    FCT_CONF_KEY(struct fuzzy_conf, min_attachment,  "2K",   "Smaller attachments are not looked at: icons and signatures are in everybody's mail"),
    FCT_CONF_KEY(struct fuzzy_conf, max_attachments, "20",   "Attachments of a message that are looked at; at most 20"),
    FCT_CONF_KEY(struct fuzzy_conf, max_text,        "256K", "Text of a message that is looked at"),
    FCT_CONF_KEY(struct fuzzy_conf, keep,            "90d",  "How long something learned is known at most, and half of that at least; 2d to 730d. After a change what was learned before is forgotten"),
    FCT_CONF_KEY(struct fuzzy_conf, max_learned,     "50000","Texts, shapes and attachments known per half of `keep`, of about 0.6 KiB each: what comes on top is not learned"),
    FCT_CONF_KEY(struct fuzzy_conf, max_teachers,    "40",   "Users remembered of one text; 1 to 200"),
    FCT_CONF_KEY(struct fuzzy_conf, max_users,       "20",   "Recipients of a message whose own lessons count; the others have everybody's verdict; at most 50"),
    FCT_CONF_KEY(struct fuzzy_conf, check_users,     "no",   "Judge what users who have logged in submit, too"),
    FCT_CONF_END,
};
/* clang-format on */

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

static bool in(uint64_t value, uint64_t low, uint64_t high, const char *what, struct fct_err *err)
{
    if (value >= low && value <= high)
        return true;
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s: must be %llu to %llu", what,
                   (unsigned long long)low, (unsigned long long)high);
    return false;
}

bool fuzzy_conf_check(const struct fuzzy_conf *c, struct fct_err *err)
{
    return in(c->text_matches, 12, FUZZY_POSITIONS, "text_matches", err) &&
           in(c->html_matches, 16, FUZZY_POSITIONS, "html_matches", err) &&
           in(c->max_attachments, 0, FUZZY_ATTACHMENTS_MAX, "max_attachments", err) &&
           in(c->max_teachers, 1, 200, "max_teachers", err) &&
           in(c->max_users, 0, 50, "max_users", err) &&
           in(c->max_learned, 1, 10000000, "max_learned", err) &&
           in(c->keep.ms / DAY_MS, 2, 730, "keep (in days)", err);
}
