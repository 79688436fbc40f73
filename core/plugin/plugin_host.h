/* plugin_host.h - the one struct fct_host that every plugin gets, and its parts by subject. */
#ifndef CORE_PLUGIN_PLUGIN_HOST_H
#define CORE_PLUGIN_PLUGIN_HOST_H

#include "core/plugin/plugin_call.h"

extern const struct fct_host plugin_host;

/* plugin_host.c: host.count(), for host functions that count something themselves. */
void plugin_count(struct fct_self *self, const char *name, double by);

/* plugin_message.c: reading. */
struct fct_str message_raw(struct fct_call *call);
size_t message_headers(struct fct_call *call, const struct fct_header **first);
const struct fct_header *message_header(struct fct_call *call, const char *name, size_t nth);
struct fct_str message_header_text(struct fct_call *call, const struct fct_header *header);
size_t message_parts(struct fct_call *call, const struct fct_part **first);
struct fct_str message_part_bytes(struct fct_call *call, const struct fct_part *part);
struct fct_str message_part_text(struct fct_call *call, const struct fct_part *part);
/* The index in the tree of a part we gave out; false for any other pointer. */
bool message_part_index(struct fct_call *call, const struct fct_part *part, size_t *index);
struct fct_str message_current(struct fct_call *call); /* plugin_current.c */
/* The index in the tree of a part we gave out; false for any other pointer. */
bool message_part_index(struct fct_call *call, const struct fct_part *part, size_t *index);
const struct header_list *message_header_list(struct transaction *tx); /* parses at first use */

/* plugin_text.c: what people see, and what not. */
struct fct_str message_text(struct fct_call *call, uint32_t which);

/* plugin_result.c: symbols, replies, deliveries. */
bool result_symbol(struct fct_call *call, const char *name, double factor, struct fct_str detail);
/* Its own weight times factor, within what a symbol may add. */
int32_t symbol_milli(const struct plugin_symbol *symbol, double factor);
bool hook_takes_symbols(enum fct_hook hook); /* at these points a symbol can be found */
/* NAME_TIMEOUT of the plugin, score 0: a scan hook passed its deadline. */
void result_timed_out(struct fct_call *call);
bool result_has_symbol(struct fct_call *call, const char *name, double *score);
const char *result_symbol_at(struct fct_call *call, size_t nth, double *score);
const char *result_symbol_group(struct fct_call *call, const char *name);
bool result_reply(struct fct_call *call, unsigned code, const char *enhanced, const char *text);
bool result_mailbox(struct fct_call *call, struct fct_str name);
bool result_keyword(struct fct_call *call, struct fct_str name);
bool result_note(struct fct_call *call, const char *what, struct fct_str detail);

/* plugin_judge.c: what goes into the judgement of a message besides symbols. */
bool judge_force(struct fct_call *call, enum fct_action action, uint32_t rank, struct fct_str why);
/* Does such a wish beat the strongest so far? */
bool force_is_stronger(const struct call_force *a, enum fct_action action, uint32_t rank);
bool judge_add_composite(struct fct_self *self, const struct fct_composite *composite,
                         struct fct_err *err);
struct fct_str judge_setting(struct fct_call *call, const char *name);
const char *action_name(enum fct_action action); /* keep, tag, greylist, junk, quarantine … */
FCT_MUST_CHECK bool action_parse(struct fct_str word, enum fct_action *out);
struct fct_str setting_value(struct fct_list setting, struct fct_str name); /* or empty */

/* plugin_edit.c: edits. */
bool edit_header_add(struct fct_call *call, enum fct_where where, struct fct_str name,
                     struct fct_str value);
bool edit_header_set(struct fct_call *call, const struct fct_header *header, struct fct_str value);
bool edit_header_remove(struct fct_call *call, const struct fct_header *header);
/* At this point, by this call? */
bool edit_allowed(const struct fct_call *call);
/* Unless it overlaps an earlier one or a limit is reached; the text is copied. */
bool edit_add(struct fct_call *call, struct logged_edit *edit);
bool edit_header_insert(struct fct_call *call, enum fct_where where,
                        const struct fct_header *beside, struct fct_str name, struct fct_str value);

/* plugin_patch.c: edits of the body. */
bool edit_patch(struct fct_call *call, size_t offset, size_t length, struct fct_str with);
bool edit_part_patch(struct fct_call *call, const struct fct_part *part, size_t offset,
                     size_t length, struct fct_str with);
bool edit_body_replace(struct fct_call *call, struct fct_str body);

#endif
