/* attachments_conf.h - `plugin attachments { … }`. */
#ifndef PLUGINS_ATTACHMENTS_ATTACHMENTS_CONF_H
#define PLUGINS_ATTACHMENTS_ATTACHMENTS_CONF_H

#include <facteur/conf.h>

struct attachments_conf {
    struct fct_strings forbidden, forbidden_in_archive, forbidden_types;
    struct fct_strings reject, quarantine;
    const char *magic;
    fct_size max_look, max_unpack, max_member, max_total;
    fct_duration max_time;
    uint32_t max_files, max_entries, max_depth, max_ratio, rank;
};
extern const struct fct_conf_key attachments_keys[];

bool attachments_conf_check(const struct attachments_conf *conf, struct fct_err *err);

#endif
