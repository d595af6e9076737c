// Float kernels: matrix product, elimination with pivots, Simpson's rule, a 2D stencil, the
// Mandelbrot set, and a single-precision dot product that a vectorizer can take up.
#include "freestanding.h"

enum { MAX_ORDER = 16, GRID = 24, SAMPLES = 512 };

static double left[MAX_ORDER][MAX_ORDER + 1];
static double right[MAX_ORDER][MAX_ORDER + 1];
static double product[MAX_ORDER][MAX_ORDER + 1];
static double grid[2][GRID][GRID];
static float xs[SAMPLES], ys[SAMPLES];

static double uniform(uint32_t *state) { return next_random(state) / 4294967296.0 - 0.5; }

static void check_order(int32_t order) {
    if (order < 1 || order > MAX_ORDER) __builtin_trap();
}

static void fill(double (*matrix)[MAX_ORDER + 1], int32_t order, uint32_t *state) {
    for (int32_t row = 0; row < order; row++) {
        for (int32_t column = 0; column <= order; column++) matrix[row][column] = uniform(state);
    }
}

EXPORT("product_trace") double product_trace(int32_t order, int32_t seed) {
    check_order(order);
    uint32_t state = (uint32_t)seed;
    fill(left, order, &state);
    fill(right, order, &state);
    for (int32_t i = 0; i < order; i++) {
        for (int32_t j = 0; j < order; j++) {
            double sum = 0;
            for (int32_t k = 0; k < order; k++) sum += left[i][k] * right[k][j];
            product[i][j] = sum;
        }
    }
    double trace = 0;
    for (int32_t i = 0; i < order; i++) trace += product[i][i];
    return trace;
}

// Solves a random system by elimination; the largest residual of the solution.
EXPORT("solve_residual") double solve_residual(int32_t order, int32_t seed) {
    check_order(order);
    uint32_t state = (uint32_t)seed;
    fill(left, order, &state);
    memcpy(right, left, sizeof left);
    for (int32_t column = 0; column < order; column++) {
        int32_t pivot = column;
        for (int32_t row = column + 1; row < order; row++) {
            if (__builtin_fabs(left[row][column]) > __builtin_fabs(left[pivot][column])) {
                pivot = row;
            }
        }
        for (int32_t i = 0; pivot != column && i <= order; i++) {
            double held = left[pivot][i];
            left[pivot][i] = left[column][i];
            left[column][i] = held;
        }
        for (int32_t row = column + 1; row < order; row++) {
            double factor = left[row][column] / left[column][column];
            for (int32_t i = column; i <= order; i++) left[row][i] -= factor * left[column][i];
        }
    }
    double solution[MAX_ORDER];
    for (int32_t row = order - 1; row >= 0; row--) {
        double value = left[row][order];
        for (int32_t i = row + 1; i < order; i++) value -= left[row][i] * solution[i];
        solution[row] = value / left[row][row];
    }
    double worst = 0;
    for (int32_t row = 0; row < order; row++) {
        double value = -right[row][order];
        for (int32_t i = 0; i < order; i++) value += right[row][i] * solution[i];
        if (__builtin_fabs(value) > worst) worst = __builtin_fabs(value);
    }
    return worst;
}

static double witch(double x) { return 4 / (1 + x * x); }
static double arc(double x) { return __builtin_sqrt(x < 2 ? 4 - x * x : 0); }
static double ramp(double x) { return __builtin_floor(x * 8) / 8 + __builtin_copysign(0.5, x); }

EXPORT("integrate") double integrate(int32_t which, double from, double to, int32_t steps) {
    static double (*const FUNCTIONS[])(double) = {witch, arc, ramp};
    if ((uint32_t)which >= 3 || steps < 1) __builtin_trap();
    double (*function)(double) = FUNCTIONS[which];
    double width = (to - from) / (steps * 2.0), sum = function(from) + function(to);
    for (int32_t i = 1; i < steps * 2; i++) {
        sum += function(from + i * width) * (i & 1 ? 4 : 2);
    }
    return sum * width / 3;
}

EXPORT("diffuse") double diffuse(int32_t rounds, double rate) {
    memset(grid, 0, sizeof grid);
    grid[0][GRID / 2][GRID / 2] = grid[1][GRID / 2][GRID / 2] = 100;
    for (int32_t round = 0; round < rounds; round++) {
        double (*now)[GRID] = grid[round & 1], (*next)[GRID] = grid[~round & 1];
        for (int32_t y = 1; y < GRID - 1; y++) {
            for (int32_t x = 1; x < GRID - 1; x++) {
                double around = now[y - 1][x] + now[y + 1][x] + now[y][x - 1] + now[y][x + 1];
                next[y][x] = now[y][x] + rate * (around - 4 * now[y][x]);
            }
        }
    }
    return grid[rounds & 1][GRID / 2][GRID / 2 + 1];
}

EXPORT("mandelbrot") int32_t mandelbrot(double x, double y, int32_t limit) {
    double a = 0, b = 0;
    int32_t count = 0;
    while (count < limit && a * a + b * b <= 4) {
        double next = a * a - b * b + x;
        b = 2 * a * b + y;
        a = next;
        count++;
    }
    return count;
}

EXPORT("scaled_dot") float scaled_dot(int32_t seed, int32_t size, float scale) {
    if (size < 0 || size > SAMPLES) __builtin_trap();
    uint32_t state = (uint32_t)seed;
    for (int32_t i = 0; i < size; i++) {
        xs[i] = (float)(next_random(&state) % 1000);
        ys[i] = (float)(next_random(&state) % 1000);
    }
    for (int32_t i = 0; i < size; i++) xs[i] = xs[i] * scale + ys[i];
    float sum = 0;
    for (int32_t i = 0; i < size; i++) sum += xs[i] * 0.5f;
    return sum;
}
