// Base64 both ways, CRC-32 by nibbles and by table, Adler-32 and FNV-1a over one buffer.
#include "freestanding.h"

enum { DATA_SIZE = 1536, CODE_SIZE = 2052 };

static uint8_t data[DATA_SIZE];
static char code[CODE_SIZE];
static uint8_t back[DATA_SIZE];
static uint32_t crc_table[256];

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint32_t fill(int32_t seed, int32_t size) {
    if (size < 0 || size > DATA_SIZE) __builtin_trap();
    uint32_t state = (uint32_t)seed;
    for (int32_t i = 0; i < size; i++) data[i] = (uint8_t)(next_random(&state) >> 11);
    return (uint32_t)size;
}

static uint32_t encode(const uint8_t *from, uint32_t size, char *to) {
    char *out = to;
    while (size >= 3) {
        uint32_t group = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        *out++ = ALPHABET[group >> 18];
        *out++ = ALPHABET[group >> 12 & 63];
        *out++ = ALPHABET[group >> 6 & 63];
        *out++ = ALPHABET[group & 63];
        from += 3;
        size -= 3;
    }
    if (size) {
        uint32_t group = (uint32_t)from[0] << 16 | (size == 2 ? (uint32_t)from[1] << 8 : 0);
        *out++ = ALPHABET[group >> 18];
        *out++ = ALPHABET[group >> 12 & 63];
        *out++ = size == 2 ? ALPHABET[group >> 6 & 63] : '=';
        *out++ = '=';
    }
    return (uint32_t)(out - to);
}

static int32_t sextet(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

static int32_t decode(const char *from, uint32_t size, uint8_t *to) {
    if (size % 4) return -1;
    uint8_t *out = to;
    for (uint32_t i = 0; i < size; i += 4) {
        int padding = i + 4 == size ? (from[i + 3] == '=') + (from[i + 2] == '=') : 0;
        int32_t a = sextet(from[i]), b = sextet(from[i + 1]);
        int32_t c = padding == 2 ? 0 : sextet(from[i + 2]);
        int32_t d = padding ? 0 : sextet(from[i + 3]);
        if ((a | b | c | d) < 0) return -1 - (int32_t)i;
        uint32_t group = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | (uint32_t)d;
        *out++ = (uint8_t)(group >> 16);
        if (padding < 2) *out++ = (uint8_t)(group >> 8);
        if (!padding) *out++ = (uint8_t)group;
    }
    return (int32_t)(out - to);
}

static uint32_t crc_by_nibble(const uint8_t *bytes, uint32_t size) {
    static const uint32_t NIBBLES[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = ~0u;
    for (uint32_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ NIBBLES[crc & 15];
        crc = crc >> 4 ^ NIBBLES[crc & 15];
    }
    return ~crc;
}

static uint32_t crc_by_table(const uint8_t *bytes, uint32_t size) {
    if (!crc_table[1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t crc = i;
            for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
            crc_table[i] = crc;
        }
    }
    uint32_t crc = ~0u;
    for (uint32_t i = 0; i < size; i++) crc = crc >> 8 ^ crc_table[(crc ^ bytes[i]) & 255];
    return ~crc;
}

EXPORT("crc32") int32_t crc32(int32_t seed, int32_t size) {
    return (int32_t)crc_by_nibble(data, fill(seed, size));
}

EXPORT("crcs_agree") int32_t crcs_agree(int32_t seed, int32_t size) {
    uint32_t filled = fill(seed, size);
    return crc_by_nibble(data, filled) == crc_by_table(data, filled);
}

EXPORT("adler32") int32_t adler32(int32_t seed, int32_t size) {
    uint32_t filled = fill(seed, size), low = 1, high = 0;
    for (uint32_t i = 0; i < filled; i++) {
        low = (low + data[i]) % 65521;
        high = (high + low) % 65521;
    }
    return (int32_t)(high << 16 | low);
}

EXPORT("fnv1a") int64_t fnv1a(int32_t seed, int32_t size) {
    uint32_t filled = fill(seed, size);
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < filled; i++) hash = (hash ^ data[i]) * 0x100000001b3u;
    return (int64_t)hash;
}

EXPORT("encoded_crc") int32_t encoded_crc(int32_t seed, int32_t size) {
    uint32_t length = encode(data, fill(seed, size), code);
    return (int32_t)crc_by_table((const uint8_t *)code, length);
}

// Encodes, optionally spoils one character, decodes: the size if all came back, else the fault.
EXPORT("round_trip") int32_t round_trip(int32_t seed, int32_t size, int32_t spoiled) {
    uint32_t filled = fill(seed, size);
    uint32_t length = encode(data, filled, code);
    if (spoiled >= 0 && (uint32_t)spoiled < length) code[spoiled] = '*';
    int32_t decoded = decode(code, length, back);
    if (decoded < 0) return decoded;
    return (uint32_t)decoded == filled && !memcmp(data, back, filled) ? decoded : 0;
}
