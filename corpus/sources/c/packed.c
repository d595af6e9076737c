// Two values in one 64-bit result, as code without multi-value returns does it, and the rest of
// 64-bit arithmetic: wide products, Morton codes, modular powers, dates, fixed point.
#include "freestanding.h"

typedef uint64_t Pair;

static Pair pack(uint32_t high, uint32_t low) { return (Pair)high << 32 | low; }
static uint32_t high_of(Pair pair) { return (uint32_t)(pair >> 32); }
static uint32_t low_of(Pair pair) { return (uint32_t)pair; }

EXPORT("divide") Pair divide(int32_t numerator, int32_t denominator) {
    return pack((uint32_t)(numerator / denominator), (uint32_t)(numerator % denominator));
}

static uint32_t gcd(uint32_t a, uint32_t b) {
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static Pair reduced(uint32_t numerator, uint32_t denominator) {
    uint32_t common = gcd(numerator, denominator);
    if (!common) __builtin_trap();
    return pack(numerator / common, denominator / common);
}

EXPORT("fraction_sum") Pair fraction_sum(Pair left, Pair right) {
    uint32_t numerator = high_of(left) * low_of(right) + high_of(right) * low_of(left);
    return reduced(numerator, low_of(left) * low_of(right));
}

EXPORT("harmonic") Pair harmonic(int32_t terms) {
    Pair sum = pack(0, 1);
    for (int32_t i = 1; i <= terms; i++) sum = fraction_sum(sum, pack(1, (uint32_t)i));
    return sum;
}

EXPORT("multiply_high") uint64_t multiply_high(uint64_t a, uint64_t b) {
    uint64_t low = (a & 0xffffffff) * (b & 0xffffffff);
    uint64_t middle = (a >> 32) * (b & 0xffffffff) + (low >> 32);
    uint64_t other = (a & 0xffffffff) * (b >> 32) + (middle & 0xffffffff);
    return (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);
}

static uint64_t spread(uint32_t value) {
    uint64_t bits = value;
    bits = (bits | bits << 16) & 0x0000ffff0000ffffu;
    bits = (bits | bits << 8) & 0x00ff00ff00ff00ffu;
    bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0fu;
    bits = (bits | bits << 2) & 0x3333333333333333u;
    return (bits | bits << 1) & 0x5555555555555555u;
}

static uint32_t gather(uint64_t bits) {
    bits &= 0x5555555555555555u;
    bits = (bits | bits >> 1) & 0x3333333333333333u;
    bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0fu;
    bits = (bits | bits >> 4) & 0x00ff00ff00ff00ffu;
    bits = (bits | bits >> 8) & 0x0000ffff0000ffffu;
    return (uint32_t)(bits | bits >> 16);
}

EXPORT("morton") uint64_t morton(int32_t x, int32_t y) {
    return spread((uint32_t)x) | spread((uint32_t)y) << 1;
}

EXPORT("unmorton") Pair unmorton(uint64_t code) { return pack(gather(code >> 1), gather(code)); }

EXPORT("power_mod") uint64_t power_mod(uint64_t base, uint64_t exponent, uint32_t modulus) {
    uint64_t result = 1 % modulus;
    for (base %= modulus; exponent; exponent >>= 1) {
        if (exponent & 1) result = result * base % modulus;
        base = base * base % modulus;
    }
    return result;
}

EXPORT("mix") uint64_t mix(uint64_t key, int32_t rounds) {
    while (rounds-- > 0) {
        key ^= key >> 33;
        key *= 0xff51afd7ed558ccdu;
        key = key << 27 | key >> 37;
        key += (uint64_t)__builtin_popcountll(key) << __builtin_ctzll(key | 1u << 9);
    }
    return key;
}

// Days since 1970-01-01 as year << 16 | month << 8 | day; years begin in March while it counts.
EXPORT("date") int64_t date(int64_t days) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int64_t day = of_year - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    return (int64_t)((uint64_t)(year + era * 400 + (month <= 2)) << 16) | month << 8 | day;
}

EXPORT("square_root") uint32_t square_root(uint64_t square) {
    uint64_t root = 0;
    for (uint64_t bit = 1ull << 62; bit; bit >>= 2) {
        if (square >= root + bit) {
            square -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)root;
}

// A 32.32 fixed-point number from a double and back, saturating.
EXPORT("to_fixed") int64_t to_fixed(double value) {
    return (int64_t)__builtin_trunc(value * 4294967296.0);
}

EXPORT("from_fixed") double from_fixed(int64_t fixed) { return (double)fixed / 4294967296.0; }

EXPORT("narrow") int64_t narrow(int64_t value) {
    int64_t low = (int8_t)value, middle = (int16_t)(value >> 8), high = (int32_t)(value >> 24);
    return low + middle * high;
}
