/* srs_dump.c - srs_forward and srs_reverse for tests/interop/test_srs.py. */
#include "core/base/str.h"
#include "core/message/srs.h"

#include <stdio.h>
#include <time.h>

int main(int argc, char **argv)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str secret = argc == 5 ? str_from(argv[2]) : FCT_STR(""), out;
    struct srs_conf conf = {&secret, 1, argc == 5 ? str_from(argv[3]) : FCT_STR(""), 4, 21};
    struct fct_err err = {0};
    bool ok;

    if (argc != 5) {
        fprintf(stderr, "usage: srs_dump forward|reverse SECRET DOMAIN ADDRESS\n");
        return 64;
    }
    ok = strcmp(argv[1], "forward") == 0
             ? srs_forward(arena, &conf, str_from(argv[4]), time(NULL), &out, &err)
             : srs_reverse(arena, &conf, str_from(argv[4]), time(NULL), &out, &err);
    if (ok)
        printf("%.*s\n", FCT_FMT(out));
    else
        fprintf(stderr, "%s\n", err.text);
    arena_free(&arena);
    return !ok;
}
