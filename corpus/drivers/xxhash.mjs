// Hashes short keys and long buffers by every function that xxHash has.

import { createRequire } from "node:module";
import { join } from "node:path";
import { bytes, words } from "./inputs.mjs";

export async function load(folder) {
  const { xxh32, xxh64, xxh3, Xxh32, Xxh64 } = createRequire(import.meta.url)(
    join(folder, "xxhash.wasi.cjs"),
  );
  const long = Buffer.from(bytes(12, 400_000));
  const keys = words(12, 200);
  return () => {
    const found = keys.map((key, i) => [xxh32(key, i), xxh64(key, BigInt(i)), xxh3.xxh64(key), xxh3.xxh128(key)]);
    for (let size = 17; size <= long.length; size *= 3) {
      const part = long.subarray(0, size);
      found.push([xxh32(part, size), xxh64(part), xxh3.xxh64(part), xxh3.xxh128(part)]);
    }
    const [narrow, wide] = [new Xxh32(1), new Xxh64(1n)];
    for (let at = 0; at < long.length; at += 20_000) {
      narrow.update(long.subarray(at, at + 20_000));
      wide.update(long.subarray(at, at + 20_000));
    }
    found.push([narrow.digest(), wide.digest()]);
    return found.join("\n");
  };
}
