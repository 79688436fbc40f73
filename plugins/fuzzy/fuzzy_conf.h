/* fuzzy_conf.h - the block `plugin fuzzy`. */
#ifndef PLUGINS_FUZZY_FUZZY_CONF_H
#define PLUGINS_FUZZY_FUZZY_CONF_H

#include <facteur/conf.h>

struct fuzzy_conf {
    const char *secret;
    uint32_t text_matches, html_matches, users_needed, max_users, max_learned, max_teachers;
    uint32_t max_attachments;
    fct_size min_attachment, max_text;
    fct_duration keep;
    bool check_users;
};
extern const struct fct_conf_key fuzzy_conf_keys[];

FCT_MUST_CHECK bool fuzzy_conf_check(const struct fuzzy_conf *conf, struct fct_err *err);

#endif
