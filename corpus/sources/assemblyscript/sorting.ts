// Sieves, sorts and searches over raw memory and static arrays, without a runtime: three sorts of
// the same numbers must agree.

const CAPACITY: i32 = 512;
const numbers = memory.data(2048);
const scratch = memory.data(2048);
const flags = memory.data(4096);

@inline
function at(base: usize, index: i32): i32 {
  return load<i32>(base + ((<usize>index) << 2));
}

@inline
function put(base: usize, index: i32, value: i32): void {
  store<i32>(base + ((<usize>index) << 2), value);
}

function fill(seed: i32, size: i32): void {
  if (<u32>size > <u32>CAPACITY) unreachable();
  let state: u32 = <u32>seed | 1;
  for (let i = 0; i < size; i++) {
    state = state * 1664525 + 1013904223;
    put(numbers, i, <i32>(state >> 8) % 10007 - 5000);
  }
}

function insertionSort(from: i32, to: i32): void {
  for (let i = from + 1; i < to; i++) {
    const value = at(numbers, i);
    let hole = i;
    while (hole > from && at(numbers, hole - 1) > value) {
      put(numbers, hole, at(numbers, hole - 1));
      hole--;
    }
    put(numbers, hole, value);
  }
}

function quickSort(from: i32, to: i32): void {
  while (to - from > 8) {
    const pivot = at(numbers, (from + to) >> 1);
    let low = from;
    let high = to - 1;
    while (low <= high) {
      while (at(numbers, low) < pivot) low++;
      while (at(numbers, high) > pivot) high--;
      if (low > high) break;
      const held = at(numbers, low);
      put(numbers, low++, at(numbers, high));
      put(numbers, high--, held);
    }
    quickSort(from, high + 1);
    from = low;
  }
  insertionSort(from, to);
}

function mergeSort(from: i32, to: i32): void {
  if (to - from < 2) return;
  const middle = (from + to) >> 1;
  mergeSort(from, middle);
  mergeSort(middle, to);
  let left = from;
  let right = middle;
  for (let i = from; i < to; i++) {
    const takeLeft = left < middle && (right >= to || at(numbers, left) <= at(numbers, right));
    put(scratch, i, takeLeft ? at(numbers, left++) : at(numbers, right++));
  }
  memory.copy(numbers + (<usize>from << 2), scratch + (<usize>from << 2), <usize>(to - from) << 2);
}

function digest(size: i32): u64 {
  let sum: u64 = 0;
  for (let i = 0; i < size; i++) sum = rotl<u64>(sum, 5) ^ <u64>at(numbers, i) * 31;
  return sum;
}

function sorted(method: i32, seed: i32, size: i32): void {
  fill(seed, size);
  switch (method) {
    case 0: insertionSort(0, size); break;
    case 1: quickSort(0, size); break;
    case 2: mergeSort(0, size); break;
    default: unreachable();
  }
}

export function sortDigest(method: i32, seed: i32, size: i32): u64 {
  sorted(method, seed, size);
  return digest(size);
}

export function nth(method: i32, seed: i32, size: i32, rank: i32): i32 {
  sorted(method, seed, size);
  if (<u32>rank >= <u32>size) unreachable();
  return at(numbers, rank);
}

export function search(seed: i32, size: i32, value: i32): i32 {
  sorted(1, seed, size);
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(numbers, middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function primesBelow(limit: i32): i32 {
  if (<u32>limit > 4096) unreachable();
  memory.fill(flags, 1, <usize>limit);
  let count = 0;
  for (let i = 2; i < limit; i++) {
    if (!load<u8>(flags + <usize>i)) continue;
    count++;
    for (let multiple = i * i; multiple < limit; multiple += i) {
      store<u8>(flags + <usize>multiple, 0);
    }
  }
  return count;
}

export function deviation(seed: i32, size: i32): f64 {
  fill(seed, size);
  let mean: f64 = 0;
  let squares: f64 = 0;
  for (let i = 0; i < size; i++) {
    const value = <f64>at(numbers, i);
    const delta = value - mean;
    mean += delta / <f64>(i + 1);
    squares += delta * (value - mean);
  }
  return sqrt(squares / <f64>size);
}

export function largestGap(seed: i32, size: i32): f32 {
  sorted(2, seed, size);
  let widest: f32 = 0;
  for (let i = 1; i < size; i++) {
    widest = max<f32>(widest, <f32>(at(numbers, i) - at(numbers, i - 1)));
  }
  return widest;
}
