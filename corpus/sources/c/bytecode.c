// A stack machine: an assembler from a compact text, an interpreter with one large switch, native
// functions called through a table, and output by an imported function.
#include "freestanding.h"

enum { STACK_SIZE = 64, CODE_SIZE = 256, FRAMES = 16, SLOTS = 8 };

__attribute__((import_module("host"), import_name("emit"))) void emit(int32_t value);

typedef enum {
    OP_HALT, OP_PUSH, OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD, OP_DUP, OP_SWAP, OP_DROP, OP_OVER,
    OP_LESS, OP_EQUAL, OP_NOT, OP_JUMP, OP_JUMP_IF, OP_LOAD, OP_STORE, OP_CALL, OP_RETURN,
    OP_EMIT, OP_NATIVE,
} Op;

typedef enum { FAULT_NONE, FAULT_STACK, FAULT_CODE, FAULT_FUEL, FAULT_FRAMES } Fault;

typedef struct {
    int32_t stack[STACK_SIZE];
    uint16_t frames[FRAMES];
    int32_t slots[SLOTS];
    int32_t height;
    int32_t depth;
    int32_t steps;
    Fault fault;
} Machine;

// One letter an instruction; a number stands before what takes an operand: "5#" pushes five.
static const char LETTERS[] = ".#+-*/%d~_o<=!jtls(r^n";

static const char *const PROGRAMS[] = {
    // The factorial of slot 0, gathered in slot 1.
    "1#1s 0l!25t 1l0l*1s 0l1#-0s 4j 1l.",
    // Emits the Collatz walk from slot 0, leaves its length.
    "0#1s 0l^ 0l1#=49t 1l1#+1s 0l2#%37t 0l2#/0s 4j 0l3#*1#+0s 4j 1l.",
    // Fibonacci of slot 0 by recursion through a subroutine at 5.
    "0l5(. d2#<24t d1#-5(~2#-5(+r",
    // Natives: the absolute value, the bit count and the sign of slot 0.
    "0l0n^ 0l1n^ 0l2n.",
    "+.",
    "0j",
};

static uint8_t code[CODE_SIZE];

static int32_t absolute(int32_t value) { return value < 0 ? -value : value; }
static int32_t bit_count(int32_t value) { return __builtin_popcount((uint32_t)value); }
static int32_t sign(int32_t value) { return (value > 0) - (value < 0); }

static int32_t (*const NATIVES[])(int32_t) = {absolute, bit_count, sign};

static int takes_operand(Op op) {
    switch (op) {
    case OP_PUSH: case OP_JUMP: case OP_JUMP_IF: case OP_LOAD: case OP_STORE: case OP_CALL:
    case OP_NATIVE:
        return 1;
    default:
        return 0;
    }
}

static int32_t assemble(const char *text) {
    int32_t size = 0;
    uint32_t number = 0;
    for (; *text; text++) {
        if (*text == ' ') continue;
        if (*text >= '0' && *text <= '9') {
            number = number * 10 + (uint32_t)(*text - '0');
            continue;
        }
        uint32_t op = 0;
        while (LETTERS[op] && LETTERS[op] != *text) op++;
        if (!LETTERS[op] || size + 2 > CODE_SIZE) __builtin_trap();
        code[size++] = (uint8_t)op;
        if (takes_operand((Op)op)) code[size++] = (uint8_t)number;
        number = 0;
    }
    return size;
}

static int32_t run_code(Machine *machine, int32_t size, int32_t fuel) {
    int32_t at = 0;
    int32_t *stack = machine->stack;
    for (machine->steps = 0; machine->steps < fuel; machine->steps++) {
        if (at >= size) return machine->fault = FAULT_CODE, 0;
        // Every instruction finds two places below and one above the top.
        if (machine->height < 2 || machine->height >= STACK_SIZE) {
            return machine->fault = FAULT_STACK, 0;
        }
        int32_t *top = &stack[machine->height - 1];
        uint8_t op = code[at++];
        uint8_t operand = takes_operand((Op)op) ? code[at++] : 0;
        switch ((Op)op) {
        case OP_HALT: return *top;
        case OP_PUSH: top[1] = operand; machine->height++; break;
        case OP_ADD: top[-1] += *top; machine->height--; break;
        case OP_SUB: top[-1] -= *top; machine->height--; break;
        case OP_MUL: top[-1] *= *top; machine->height--; break;
        case OP_DIV: top[-1] /= *top; machine->height--; break;
        case OP_MOD: top[-1] %= *top; machine->height--; break;
        case OP_DUP: top[1] = *top; machine->height++; break;
        case OP_SWAP: {
            int32_t held = *top;
            *top = top[-1];
            top[-1] = held;
            break;
        }
        case OP_DROP: machine->height--; break;
        case OP_OVER: top[1] = top[-1]; machine->height++; break;
        case OP_LESS: top[-1] = top[-1] < *top; machine->height--; break;
        case OP_EQUAL: top[-1] = top[-1] == *top; machine->height--; break;
        case OP_NOT: *top = !*top; break;
        case OP_JUMP: at = operand; break;
        case OP_JUMP_IF:
            machine->height--;
            if (*top) at = operand;
            break;
        case OP_LOAD: top[1] = machine->slots[operand % SLOTS]; machine->height++; break;
        case OP_STORE: machine->slots[operand % SLOTS] = *top; machine->height--; break;
        case OP_CALL:
            if (machine->depth == FRAMES) return machine->fault = FAULT_FRAMES, 0;
            machine->frames[machine->depth++] = (uint16_t)at;
            at = operand;
            break;
        case OP_RETURN:
            if (!machine->depth) return machine->fault = FAULT_FRAMES, 0;
            at = machine->frames[--machine->depth];
            break;
        case OP_EMIT: emit(*top); machine->height--; break;
        case OP_NATIVE: *top = NATIVES[operand % 3](*top); break;
        }
    }
    machine->fault = FAULT_FUEL;
    return 0;
}

static Machine machine;

EXPORT("run") int32_t run(int32_t program, int32_t argument, int32_t fuel) {
    if ((uint32_t)program >= sizeof PROGRAMS / sizeof *PROGRAMS) __builtin_trap();
    memset(&machine, 0, sizeof machine);
    machine.height = 2;
    machine.slots[0] = argument;
    return run_code(&machine, assemble(PROGRAMS[program]), fuel);
}

EXPORT("fault") int32_t fault(void) { return machine.fault; }
EXPORT("steps") int32_t steps(void) { return machine.steps; }
EXPORT("code_at") int32_t code_at(int32_t at) { return code[at & (CODE_SIZE - 1)]; }
