/* fuzz_conf.c - any bytes as a configuration file: accepted or refused with a place, never a crash.
 */
#include "core/conf/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct any_conf {
    uint32_t number;
    fct_duration duration;
    fct_size size;
    bool flag;
    const char *text;
    struct fct_strings list;
    double real;
};

static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct any_conf, number, "1", "n"),
    FCT_CONF_KEY(struct any_conf, duration, "1s", "d"),
    FCT_CONF_KEY(struct any_conf, size, "1K", "s"),
    FCT_CONF_KEY(struct any_conf, flag, "no", "f"),
    FCT_CONF_KEY(struct any_conf, text, "", "t"),
    FCT_CONF_KEY(struct any_conf, list, "", "l"),
    FCT_CONF_KEY(struct any_conf, real, "0", "r"),
    FCT_CONF_END,
};
static const struct conf_block any_block = {.name = "any",
                                            .doc = "d",
                                            .keys = keys,
                                            .size = sizeof(struct any_conf),
                                            .labelled = true,
                                            .open = true,
                                            .file = "x"};
static const struct conf_block *const blocks[] = {&any_block, NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("conf", MFD_CLOEXEC);
    struct buf out = BUF_INIT(1 << 20);
    struct config *c = NULL;
    struct fct_err err = {0};
    char path[64];
    const char *file = path;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    if (config_load(&file, 1, blocks, &c, &out, &err)) {
        conf_print_values(c, true, true, &out);
        config_free(&c);
    } else if (err.class == FCT_OK || !err.text[0]) {
        abort();
    }
    buf_free(&out);
    close(fd);
    return 0;
}
