/* cassette.h - answers of the world outside, recorded into a file and replayed from it, so that a
 * rule can be tested off line and twice with the same result (facteurctl scan --record, --replay).
 *
 * A service asks it around the real question:
 *
 *     if (cassette_replays(c)) {
 *         answer = cassette_find(c, "dns", question, err);   NULL: it was never recorded
 *         …
 *     }
 *     … ask …
 *     if (c)
 *         cassette_add(c, "dns", question, answer);
 *
 * The file is readable: one JSON object a line, {"kind":…,"question":…,"answer":…}. A question is
 * any JSON value in a normal form that its service chooses; equal questions are answered in the
 * order in which they were recorded, the last answer stays. */
#ifndef CORE_PLUGIN_CASSETTE_H
#define CORE_PLUGIN_CASSETTE_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include <jansson.h>

struct cassette;

/* Both open the file at once: later, in a sandbox, there are no files. record: replaces the file.
 */
FCT_MUST_CHECK struct cassette *cassette_record(const char *path, struct fct_err *err);
FCT_MUST_CHECK struct cassette *cassette_replay(const char *path, struct fct_err *err);
void cassette_free(struct cassette **c);

/* False for NULL and while recording. */
bool cassette_replays(const struct cassette *c);

/* The answer, borrowed, or NULL with an error that names what was asked. */
const json_t *cassette_find(struct cassette *c, const char *kind, const json_t *question,
                            struct fct_err *err);
/* Takes `answer`, not `question`. A file that cannot be written is said once in the log. Nothing
 * happens while replaying. */
void cassette_add(struct cassette *c, const char *kind, const json_t *question, json_t *answer);

/* Bytes as JSON: a string where they are UTF-8, else {"base64": …}. */
json_t *cassette_bytes(struct fct_str bytes);
FCT_MUST_CHECK bool cassette_bytes_read(struct arena *arena, const json_t *value,
                                        struct fct_str *out);

#endif
