/* test_blake3.c - the published vectors of keyed BLAKE3 (first 32 bytes; input 0, 1 … 250, 0, 1 …),
 * and larger ones as b3sum 1.2.0 has them. */
#include "core/base/err.h"
#include "store/blake3.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (3u << 20)

static const struct {
    size_t n;
    const char *want;
} cases[] = {
    {0, "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"},
    {1, "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b"},
    {1023, "c951ecdf03288d0fcc96ee3413563d8a6d3589547f2c2fb36d9786470f1b9d6e"},
    {1024, "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4"},
    {1025, "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69"},
    {2048, "879cf1fa2ea0e79126cb1063617a05b6ad9d0b696d0d757cf053439f60a99dd1"},
    {2049, "9f29700902f7c86e514ddc4df1e3049f258b2472b6dd5267f61bf13983b78dd5"},
    {3072, "044a0e7b172a312dc02a4c9a818c036ffa2776368d7f528268d2e6b5df191770"},
    {3073, "68dede9bef00ba89e43f31a6825f4cf433389fedae75c04ee9f0cf16a427c95a"},
    {4096, "befc660aea2f1718884cd8deb9902811d332f4fc4a38cf7c7300d597a081bfc0"},
    {4097, "00df940cd36bb9fa7cbbc3556744e0dbc8191401afe70520ba292ee3ca80abbc"},
    {5120, "2c493e48e9b9bf31e0553a22b23503c0a3388f035cece68eb438d22fa1943e20"},
    {5121, "6ccf1c34753e7a044db80798ecd0782a8f76f33563accaddbfbb2e0ea4b2d024"},
    {6144, "3d6b6d21281d0ade5b2b016ae4034c5dec10ca7e475f90f76eac7138e9bc8f1d"},
    {6145, "9ac301e9e39e45e3250a7e3b3df701aa0fb6889fbd80eeecf28dbc6300fbc539"},
    {7168, "b42835e40e9d4a7f42ad8cc04f85a963a76e18198377ed84adddeaecacc6f3fc"},
    {7169, "ed9b1a922c046fdb3d423ae34e143b05ca1bf28b710432857bf738bcedbfa511"},
    {8192, "dc9637c8845a770b4cbf76b8daec0eebf7dc2eac11498517f08d44c8fc00d58a"},
    {8193, "954a2a75420c8d6547e3ba5b98d963e6fa6491addc8c023189cc519821b4a1f5"},
    {16384, "9e9fc4eb7cf081ea7c47d1807790ed211bfec56aa25bb7037784c13c4b707b0d"},
    {31744, "efa53b389ab67c593dba624d898d0f7353ab99e4ac9d42302ee64cbf9939a419"},
    {102400, "1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7"},
    /* larger than a step */
    {65536, "160fb7538a11d83b9b311825a6baef08484d6aabb8276900a1fb08648085cca2"},
    {65537, "8f9e30b67fc0c4c1d0d5fb87e183d48248d97712223b73a8e1721a77c88c6e1d"},
    {131073, "a904833ff34d5679c332d6c30378bf7b4b4321f8fea0fa3ef87551ba2240f512"},
    {1234567, "65eb3d6e6dfc44fa3dd7db9f2c28b938bb037428cb41c255c5044a26198fae1e"},
    {3145728, "cb550d3a0627ed86fa6084a95bb30782039daceb40c1e4c5b4acc9418201b3ca"},
};

static uint8_t *input;

static void start(struct blake3 *h)
{
    blake3_start(h, (const uint8_t *)"whats the Elvish word for friend");
}

static void compare(struct blake3 *h, const uint8_t *rest, size_t n, size_t i)
{
    uint8_t got[32];
    char text[65];

    blake3_end(h, rest, n, got);
    for (size_t b = 0; b < sizeof got; b++)
        snprintf(text + 2 * b, 3, "%02x", got[b]);
    ck_assert_msg(strcmp(text, cases[i].want) == 0, "%zu bytes: %s", cases[i].n, text);
}

START_TEST(at_once)
{
    struct blake3 h;

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        start(&h);
        compare(&h, input, cases[i].n, i);
    }
}
END_TEST

START_TEST(without_wide_vectors)
{
    struct blake3 h;

    blake3_portable = true;
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        start(&h);
        compare(&h, input, cases[i].n, i);
    }
    blake3_portable = false;
}
END_TEST

START_TEST(in_pieces)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        for (size_t piece = BLAKE3_STEP; piece <= 4 * BLAKE3_STEP; piece += BLAKE3_STEP) {
            struct blake3 h;
            size_t at = 0;

            start(&h);
            for (; cases[i].n - at > piece; at += piece)
                blake3_add(&h, input + at, piece);
            compare(&h, input + at, cases[i].n - at, i);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("blake3");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    input = malloc(INPUT_MAX);
    FCT_ASSERT(input);
    for (size_t i = 0; i < INPUT_MAX; i++)
        input[i] = (uint8_t)(i % 251);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, at_once);
    tcase_add_test(tc, without_wide_vectors);
    tcase_add_test(tc, in_pieces);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    free(input);
    return failed != 0;
}
