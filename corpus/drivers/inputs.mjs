// Inputs for the drivers: made up, but the same on every run.

export function random(seed) {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

const WORDS = "alpha beta gamma delta item count total index value node left right size name".split(" ");

export function words(seed, count) {
  const next = random(seed);
  return Array.from({ length: count }, () => `${WORDS[next(WORDS.length)]}${next(100)}`);
}

export function bytes(seed, count) {
  const next = random(seed);
  return Uint8Array.from({ length: count }, () => next(256));
}

export function records(seed, count) {
  const next = random(seed);
  return words(seed, count).map((name, id) => ({
    id,
    name,
    price: next(10000) / 100,
    tags: words(seed + id, 1 + next(4)),
    parent: next(3) ? { id: next(count), open: next(2) === 1 } : null,
  }));
}
