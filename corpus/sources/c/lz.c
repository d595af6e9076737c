// An LZ77 compressor (hash chains, lazy matches, byte-oriented tokens), its decompressor, and
// texts to try them on. A token is a literal run (high bit clear) or a match (high bit set).
#include "freestanding.h"

enum {
    INPUT_SIZE = 8192,
    OUTPUT_SIZE = INPUT_SIZE + INPUT_SIZE / 128 + 1,
    HASH_BITS = 10,
    MIN_MATCH = 4,
    MAX_MATCH = 0x7f + MIN_MATCH,
    MAX_CHAIN = 24,
    NO_POSITION = 0xffff,
};

static uint8_t input[INPUT_SIZE];
static uint8_t packed[OUTPUT_SIZE];
static uint8_t unpacked[INPUT_SIZE];
static uint16_t newest[1 << HASH_BITS];
static uint16_t older[INPUT_SIZE];

typedef struct {
    uint32_t length;
    uint32_t distance;
} Match;

static uint32_t hash_at(const uint8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word * 2654435761u >> (32 - HASH_BITS);
}

static void remember(uint32_t at, uint32_t size) {
    if (at + MIN_MATCH > size) return;
    uint32_t hash = hash_at(input + at);
    older[at] = newest[hash];
    newest[hash] = (uint16_t)at;
}

static Match longest_match(uint32_t at, uint32_t size) {
    Match best = {0, 0};
    if (at + MIN_MATCH > size) return best;
    uint32_t limit = size - at < MAX_MATCH ? size - at : MAX_MATCH;
    uint32_t candidate = newest[hash_at(input + at)];
    for (int tries = 0; candidate != NO_POSITION && tries < MAX_CHAIN; tries++) {
        uint32_t length = 0;
        while (length < limit && input[candidate + length] == input[at + length]) length++;
        if (length > best.length) best = (Match){length, at - candidate};
        candidate = older[candidate];
    }
    if (best.length < MIN_MATCH) best.length = 0;
    return best;
}

static uint8_t *put_literals(uint8_t *out, const uint8_t *from, uint32_t count) {
    while (count) {
        uint32_t run = count < 128 ? count : 128;
        *out++ = (uint8_t)(run - 1);
        memcpy(out, from, run);
        out += run;
        from += run;
        count -= run;
    }
    return out;
}

static uint32_t compress(uint32_t size) {
    memset(newest, 0xff, sizeof newest);
    uint8_t *out = packed;
    uint32_t at = 0, literals = 0;
    while (at < size) {
        Match match = longest_match(at, size);
        remember(at, size);
        if (match.length) {
            Match later = longest_match(at + 1, size);
            if (later.length > match.length + 1) match.length = 0;
        }
        if (!match.length) {
            at++;
            literals++;
            continue;
        }
        out = put_literals(out, input + at - literals, literals);
        literals = 0;
        *out++ = (uint8_t)(0x80 | (match.length - MIN_MATCH));
        *out++ = (uint8_t)match.distance;
        *out++ = (uint8_t)(match.distance >> 8);
        for (uint32_t i = 1; i < match.length; i++) remember(at + i, size);
        at += match.length;
    }
    out = put_literals(out, input + at - literals, literals);
    return (uint32_t)(out - packed);
}

static int32_t decompress(uint32_t size) {
    const uint8_t *in = packed, *end = packed + size;
    uint32_t at = 0;
    while (in < end) {
        uint32_t token = *in++;
        if (token & 0x80) {
            if (end - in < 2) return -1;
            uint32_t length = (token & 0x7f) + MIN_MATCH;
            uint32_t distance = in[0] | (uint32_t)in[1] << 8;
            in += 2;
            if (!distance || distance > at || at + length > INPUT_SIZE) return -2;
            // Byte by byte: a match may overlap what it writes.
            for (; length; length--, at++) unpacked[at] = unpacked[at - distance];
        } else {
            uint32_t run = token + 1;
            if ((uint32_t)(end - in) < run || at + run > INPUT_SIZE) return -3;
            memcpy(unpacked + at, in, run);
            in += run;
            at += run;
        }
    }
    return (int32_t)at;
}

// Kind 0 is one byte repeated, 1 words out of a small dictionary, 2 noise, 3 a slow ramp.
static uint32_t make_input(int32_t kind, int32_t seed, int32_t size) {
    static const char WORDS[8][8] = {"memory ", "table ", "global ", "local ",
                                     "block ",  "loop ",  "branch ", "call "};
    if (size < 0 || size > INPUT_SIZE) __builtin_trap();
    uint32_t state = (uint32_t)seed, at = 0;
    while (at < (uint32_t)size) {
        uint32_t random = next_random(&state);
        switch (kind) {
        case 0: input[at++] = (uint8_t)seed; break;
        case 1: {
            const char *word = WORDS[random >> 7 & 7];
            while (*word && at < (uint32_t)size) input[at++] = (uint8_t)*word++;
            break;
        }
        case 2: input[at++] = (uint8_t)(random >> 9); break;
        case 3: input[at] = (uint8_t)(at >> 4); at++; break;
        default: __builtin_trap();
        }
    }
    return at;
}

EXPORT("packed_size") int32_t packed_size(int32_t kind, int32_t seed, int32_t size) {
    return (int32_t)compress(make_input(kind, seed, size));
}

EXPORT("round_trip") int32_t round_trip(int32_t kind, int32_t seed, int32_t size) {
    uint32_t made = make_input(kind, seed, size);
    int32_t restored = decompress(compress(made));
    if (restored < 0) return restored;
    return (uint32_t)restored == made && !memcmp(input, unpacked, made);
}

// What the decompressor makes of a stream of which one byte was changed.
EXPORT("spoiled") int32_t spoiled(int32_t kind, int32_t seed, int32_t size, int32_t at) {
    uint32_t length = compress(make_input(kind, seed, size));
    if ((uint32_t)at >= length) __builtin_trap();
    packed[at] ^= 0xff;
    return decompress(length);
}

EXPORT("packed_byte") int32_t packed_byte(int32_t at) {
    if ((uint32_t)at >= OUTPUT_SIZE) __builtin_trap();
    return packed[at];
}
