// A string hash table (linear probing, doubling) whose keys and slots live in an arena that
// grows the memory. The exports count words: of a built-in text, or of random syllables.
#include "freestanding.h"

#define PAGE 65536u

extern uint8_t __heap_base;

typedef struct {
    uint8_t *next;
    uint8_t *end;
} Arena;

typedef struct {
    const char *key;
    uint32_t length;
    uint32_t hash;
    int32_t value;
} Slot;

typedef struct {
    Slot *slots;
    uint32_t capacity;
    uint32_t count;
    uint32_t probes;
} Map;

static Arena arena;
static Map words;

static const char TEXT[] =
    "the quick brown fox jumps over the lazy dog and the dog sleeps on while the fox runs over "
    "the hill and over the brook and into the wood where the quick hare and the brown owl sleep";

static void arena_reset(void) {
    arena.next = (uint8_t *)(((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15);
    arena.end = (uint8_t *)(__builtin_wasm_memory_size(0) * PAGE);
}

static void *arena_take(size_t size) {
    size = (size + 7) & ~(size_t)7;
    if ((size_t)(arena.end - arena.next) < size) {
        size_t pages = (size - (size_t)(arena.end - arena.next) + PAGE - 1) / PAGE;
        if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) __builtin_trap();
        arena.end += pages * PAGE;
    }
    void *taken = arena.next;
    arena.next += size;
    return taken;
}

static uint32_t hash_bytes(const char *bytes, uint32_t length) {
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)bytes[i]) * 16777619u;
    return hash;
}

static Slot *map_find(Map *map, const char *key, uint32_t length, uint32_t hash) {
    uint32_t mask = map->capacity - 1;
    uint32_t at = hash & mask;
    for (;;) {
        Slot *slot = &map->slots[at];
        map->probes++;
        if (!slot->key) return slot;
        if (slot->hash == hash && slot->length == length && !memcmp(slot->key, key, length)) {
            return slot;
        }
        at = (at + 1) & mask;
    }
}

static Slot *new_slots(uint32_t capacity) {
    Slot *slots = arena_take(capacity * sizeof(Slot));
    memset(slots, 0, capacity * sizeof(Slot));
    return slots;
}

static void map_double(Map *map) {
    Slot *old = map->slots;
    uint32_t old_capacity = map->capacity;
    map->capacity *= 2;
    map->slots = new_slots(map->capacity);
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i].key) *map_find(map, old[i].key, old[i].length, old[i].hash) = old[i];
    }
}

static int32_t *map_at(Map *map, const char *key, uint32_t length) {
    if (map->count * 4 >= map->capacity * 3) map_double(map);
    uint32_t hash = hash_bytes(key, length);
    Slot *slot = map_find(map, key, length, hash);
    if (!slot->key) {
        char *copy = arena_take(length);
        memcpy(copy, key, length);
        *slot = (Slot){copy, length, hash, 0};
        map->count++;
    }
    return &slot->value;
}

EXPORT("reset") void reset(int32_t capacity_bits) {
    arena_reset();
    words.capacity = 1u << (capacity_bits & 15);
    words.slots = new_slots(words.capacity);
    words.count = words.probes = 0;
}

EXPORT("count_text") int32_t count_text(void) {
    const char *word = TEXT;
    for (const char *at = TEXT;; at++) {
        if (*at && *at != ' ') continue;
        if (at > word) ++*map_at(&words, word, (uint32_t)(at - word));
        if (!*at) break;
        word = at + 1;
    }
    return (int32_t)words.count;
}

EXPORT("count_random") int32_t count_random(int32_t seed, int32_t amount) {
    static const char CONSONANTS[] = "bdfgklmnprst", VOWELS[] = "aeiou";
    uint32_t state = (uint32_t)seed;
    for (int32_t i = 0; i < amount; i++) {
        char word[6];
        uint32_t length = 2 + next_random(&state) % 3 * 2;
        for (uint32_t c = 0; c < length; c += 2) {
            word[c] = CONSONANTS[next_random(&state) % (sizeof CONSONANTS - 1)];
            word[c + 1] = VOWELS[next_random(&state) % (sizeof VOWELS - 1)];
        }
        ++*map_at(&words, word, length);
    }
    return (int32_t)words.count;
}

EXPORT("most_frequent") int32_t most_frequent(void) {
    int32_t most = 0;
    for (uint32_t i = 0; i < words.capacity; i++) {
        if (words.slots[i].key && words.slots[i].value > most) most = words.slots[i].value;
    }
    return most;
}

// The count of that part of the text, or -1 when the map has never seen it.
EXPORT("count_of") int32_t count_of(int32_t start, int32_t length) {
    if (start < 0 || length < 0 || (uint32_t)(start + length) >= sizeof TEXT) __builtin_trap();
    uint32_t hash = hash_bytes(TEXT + start, (uint32_t)length);
    Slot *slot = map_find(&words, TEXT + start, (uint32_t)length, hash);
    return slot->key ? slot->value : -1;
}

EXPORT("probes") int32_t probes(void) { return (int32_t)words.probes; }
