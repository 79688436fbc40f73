/* lua_hash.c - digests and base64. Documentation: lua_api.def. */
#include "lua_hash.h"

#include "lua_api.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <xxhash.h>

static int push_hex(lua_State *L, const unsigned char *p, size_t n)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];

    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", p[i]);
    lua_pushlstring(L, hex, 2 * n);
    return 1;
}

static int digest(lua_State *L, const char *name)
{
    struct fct_str s = lua_str_check(L, 1);
    unsigned char out[EVP_MAX_MD_SIZE];
    size_t n = 0;

    if (!EVP_Q_digest(NULL, name, NULL, s.p, s.n, out, &n))
        return luaL_error(L, "OpenSSL here has no %s", name);
    return push_hex(L, out, n);
}

int lua_fn_hash_xxh3(lua_State *L)
{
    struct fct_str s = lua_str_check(L, 1);
    XXH64_canonical_t out;

    XXH64_canonicalFromHash(&out, XXH3_64bits(s.p, s.n));
    return push_hex(L, out.digest, sizeof out.digest);
}

int lua_fn_hash_blake2b(lua_State *L)
{
    return digest(L, "BLAKE2B-512");
}

int lua_fn_hash_sha256(lua_State *L)
{
    return digest(L, "SHA256");
}

int lua_fn_hash_md5(lua_State *L)
{
    return digest(L, "MD5");
}

/* ---- base64 ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int lua_fn_base64_encode(lua_State *L)
{
    struct fct_str s = lua_str_check(L, 1);
    luaL_Buffer out;

    luaL_buffinit(L, &out);
    for (size_t i = 0; i < s.n; i += 3) {
        size_t n = s.n - i < 3 ? s.n - i : 3;
        uint32_t bits = 0;

        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < n ? (unsigned char)s.p[i + j] : 0u);
        for (size_t j = 0; j < 4; j++)
            luaL_addchar(&out, j <= n ? alphabet[bits >> (18 - 6 * j) & 63u] : '=');
    }
    luaL_pushresult(&out);
    return 1;
}

bool lua_base64_decode(struct fct_str s, char *out, size_t *n)
{
    uint32_t bits = 0;
    unsigned have = 0;
    bool clean = true, padded = false;

    *n = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *at = s.p[i] ? strchr(alphabet, s.p[i]) : NULL;

        if (at && !padded) {
            bits = bits << 6 | (uint32_t)(at - alphabet);
            have += 6;
            if (have >= 8) {
                have -= 8;
                out[(*n)++] = (char)(bits >> have & 255u);
            }
        } else if (s.p[i] == '=') {
            padded = true;
        } else if (!memchr(" \t\r\n", s.p[i], 4)) {
            clean = false;
        }
    }
    return clean && have < 6;
}

int lua_fn_base64_decode(lua_State *L)
{
    struct fct_str s = lua_str_check(L, 1);
    luaL_Buffer out;
    char *p = luaL_buffinitsize(L, &out, s.n + 1);
    size_t n;

    if (!lua_base64_decode(s, p, &n)) {
        lua_pushnil(L);
        return 1;
    }
    luaL_pushresultsize(&out, n);
    return 1;
}
