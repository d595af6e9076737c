// A JSON tokenizer with a stack of open brackets, over documents that are built in or that the
// caller writes into the buffer. Errors are negative: minus one less than the place of the fault.
#include "freestanding.h"

enum { MAX_DEPTH = 32, BUFFER_SIZE = 2048 };

typedef enum {
    TOKEN_END,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_WORD,
    TOKEN_ERROR,
} Kind;

typedef struct {
    const char *start;
    const char *at;
    double number;
    uint32_t escapes;
    char bracket;
} Scanner;

static const char *const DOCUMENTS[] = {
    "{\"name\": \"arena\", \"sizes\": [1, 2.5, -3e2, 0.125], \"deep\": {\"a\": {\"b\": [[], {}]}}}",
    "[true, false, null, \"tab\\t quote\\\" \\u00e9\", {\"k\": 1e-3}]",
    "[1, 2,, 3]",
    "{\"open\": [1, 2}",
    "-12.75E+1",
    "\"never closed",
    "[01]",
};

static char buffer[BUFFER_SIZE];

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static int is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static Kind scan_string(Scanner *scanner) {
    for (scanner->at++; *scanner->at != '"'; scanner->at++) {
        if ((uint8_t)*scanner->at < 0x20) return TOKEN_ERROR;
        if (*scanner->at != '\\') continue;
        scanner->escapes++;
        switch (*++scanner->at) {
        case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
            break;
        case 'u':
            for (int i = 0; i < 4; i++) {
                if (!is_hex(*++scanner->at)) return TOKEN_ERROR;
            }
            break;
        default:
            return TOKEN_ERROR;
        }
    }
    scanner->at++;
    return TOKEN_STRING;
}

static double power_of_ten(int32_t exponent) {
    double result = 1, base = exponent < 0 ? 0.1 : 10;
    for (uint32_t n = (uint32_t)(exponent < 0 ? -exponent : exponent); n; n >>= 1) {
        if (n & 1) result *= base;
        base *= base;
    }
    return result;
}

static Kind scan_number(Scanner *scanner) {
    const char *at = scanner->at;
    int negative = *at == '-';
    at += negative;
    if (!is_digit(*at) || (*at == '0' && is_digit(at[1]))) return TOKEN_ERROR;
    double value = 0;
    int32_t scale = 0;
    for (; is_digit(*at); at++) value = value * 10 + (*at - '0');
    if (*at == '.') {
        if (!is_digit(*++at)) return TOKEN_ERROR;
        for (; is_digit(*at); at++, scale--) value = value * 10 + (*at - '0');
    }
    if (*at == 'e' || *at == 'E') {
        int32_t exponent = 0;
        int below = *++at == '-';
        if (*at == '-' || *at == '+') at++;
        if (!is_digit(*at)) return TOKEN_ERROR;
        for (; is_digit(*at); at++) exponent = exponent * 10 + (*at - '0');
        scale += below ? -exponent : exponent;
    }
    scanner->at = at;
    scanner->number = (negative ? -value : value) * power_of_ten(scale);
    return TOKEN_NUMBER;
}

static Kind scan_word(Scanner *scanner) {
    static const char *const WORDS[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(WORDS[i]);
        size_t same = 0;
        while (same < length && scanner->at[same] == WORDS[i][same]) same++;
        if (same == length) {
            scanner->at += length;
            return TOKEN_WORD;
        }
    }
    return TOKEN_ERROR;
}

static Kind next_token(Scanner *scanner) {
    while (*scanner->at == ' ' || *scanner->at == '\n' || *scanner->at == '\t') scanner->at++;
    switch (*scanner->at) {
    case '\0': return TOKEN_END;
    case '{': case '[':
        scanner->bracket = *scanner->at++;
        return TOKEN_OPEN;
    case '}': case ']':
        scanner->bracket = *scanner->at++;
        return TOKEN_CLOSE;
    case ',': scanner->at++; return TOKEN_COMMA;
    case ':': scanner->at++; return TOKEN_COLON;
    case '"': return scan_string(scanner);
    case 't': case 'f': case 'n': return scan_word(scanner);
    default: return scan_number(scanner);
    }
}

typedef struct {
    int32_t tokens;
    int32_t depth;
    uint32_t escapes;
    double sum;
} Totals;

static int32_t scan_document(const char *text, Totals *totals) {
    Scanner scanner = {text, text, 0, 0, 0};
    char open[MAX_DEPTH];
    int32_t depth = 0;
    int wants_value = 1;
    *totals = (Totals){0, 0, 0, 0};
    for (;;) {
        const char *before = scanner.at;
        Kind kind = next_token(&scanner);
        int32_t fault = -1 - (int32_t)(before - text);
        switch (kind) {
        case TOKEN_END:
            if (depth || wants_value) return fault;
            totals->escapes = scanner.escapes;
            return totals->tokens;
        case TOKEN_OPEN:
            if (!wants_value || depth == MAX_DEPTH) return fault;
            open[depth++] = scanner.bracket;
            if (depth > totals->depth) totals->depth = depth;
            break;
        case TOKEN_CLOSE:
            // Both closing brackets are two code points above their opening ones.
            if (!depth || open[--depth] != scanner.bracket - 2) return fault;
            wants_value = 0;
            break;
        case TOKEN_COMMA: case TOKEN_COLON:
            if (wants_value || !depth) return fault;
            wants_value = 1;
            break;
        case TOKEN_STRING: case TOKEN_NUMBER: case TOKEN_WORD:
            if (!wants_value) return fault;
            if (kind == TOKEN_NUMBER) totals->sum += scanner.number;
            wants_value = 0;
            break;
        case TOKEN_ERROR:
            return fault;
        }
        totals->tokens++;
    }
}

static const char *document(int32_t index) {
    if (index < 0) return buffer;
    if ((uint32_t)index >= sizeof DOCUMENTS / sizeof *DOCUMENTS) __builtin_trap();
    return DOCUMENTS[index];
}

EXPORT("tokens") int32_t tokens(int32_t index) {
    Totals totals;
    return scan_document(document(index), &totals);
}

EXPORT("depth") int32_t depth(int32_t index) {
    Totals totals;
    scan_document(document(index), &totals);
    return totals.depth;
}

EXPORT("escapes") int32_t escapes(int32_t index) {
    Totals totals;
    scan_document(document(index), &totals);
    return (int32_t)totals.escapes;
}

EXPORT("sum") double sum(int32_t index) {
    Totals totals;
    scan_document(document(index), &totals);
    return totals.sum;
}

// Fills the buffer with `count` nested arrays, a number in the innermost; its length.
EXPORT("nest") int32_t nest(int32_t count) {
    if (count < 0 || count * 2 + 2 > BUFFER_SIZE) __builtin_trap();
    memset(buffer, '[', (size_t)count);
    buffer[count] = '7';
    memset(buffer + count + 1, ']', (size_t)count);
    buffer[count * 2 + 1] = '\0';
    return count * 2 + 1;
}

EXPORT("buffer_address") int32_t buffer_address(void) { return (int32_t)(uintptr_t)buffer; }
