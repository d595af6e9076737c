// Text statistics with the language's own strings, arrays and maps, so that the module carries
// the runtime's allocator and hash table.

class Tally {
  constructor(public word: string, public count: i32) {}
}

function words(text: string): Array<string> {
  const found = new Array<string>();
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : 32;
    const letter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
    if (letter) continue;
    if (at > start) found.push(text.substring(start, at));
    start = at + 1;
  }
  return found;
}

function tallies(text: string): Array<Tally> {
  const counts = new Map<string, i32>();
  const all = words(text);
  for (let i = 0; i < all.length; i++) {
    const word = all[i];
    counts.set(word, (counts.has(word) ? counts.get(word) : 0) + 1);
  }
  const keys = counts.keys();
  const result = new Array<Tally>(0);
  for (let i = 0; i < keys.length; i++) result.push(new Tally(keys[i], counts.get(keys[i])));
  result.sort((a, b) => (a.count != b.count ? b.count - a.count : a.word < b.word ? -1 : 1));
  return result;
}

function sample(which: i32): string {
  if (which == 0) return "the cat and the dog and the bird";
  if (which == 1) return "One two Three two one Two three THREE";
  let text = "";
  for (let i = 0; i < which; i++) text += (i % 3 ? "ab" : "cd") + (i % 5 ? " " : "e ");
  return text;
}

export function distinctWords(which: i32): i32 {
  return tallies(sample(which)).length;
}

export function countAt(which: i32, rank: i32): i32 {
  return tallies(sample(which))[rank].count;
}

export function firstLetterAt(which: i32, rank: i32): i32 {
  return tallies(sample(which))[rank].word.charCodeAt(0);
}

export function hashOf(which: i32): u64 {
  const text = sample(which);
  let hash: u64 = 14695981039346656037;
  for (let i = 0; i < text.length; i++) {
    hash = (hash ^ (text.charCodeAt(i) as u64)) * 1099511628211;
  }
  return hash;
}

export function meanLength(which: i32): f64 {
  const all = words(sample(which));
  let total = 0;
  for (let i = 0; i < all.length; i++) total += all[i].length;
  return (total as f64) / (all.length as f64);
}
