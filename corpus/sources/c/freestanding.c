// Built with -fno-builtin, or the compiler would turn each loop into a call of the very function.
#define DEFINES_LIBRARY
#include "freestanding.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    uint8_t *target = to;
    const uint8_t *source = from;
    while (size--) *target++ = *source++;
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    uint8_t *target = to;
    const uint8_t *source = from;
    if (target < source) {
        while (size--) *target++ = *source++;
    } else {
        while (size--) target[size] = source[size];
    }
    return to;
}

void *memset(void *to, int byte, size_t size) {
    uint8_t *target = to;
    while (size--) *target++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *left, const void *right, size_t size) {
    const uint8_t *a = left, *b = right;
    for (; size; size--, a++, b++) {
        if (*a != *b) return *a - *b;
    }
    return 0;
}

size_t strlen(const char *text) {
    const char *end = text;
    while (*end) end++;
    return (size_t)(end - text);
}
