// Hashes a tree of 64-byte blocks, and a long message piece by piece.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bytes } from "./inputs.mjs";

export async function load(folder) {
  const code = readFileSync(join(folder, "build/untouched.wasm"));
  const abort = () => {
    throw new Error("abort");
  };
  const { instance } = await WebAssembly.instantiate(code, { env: { abort } });
  const wasm = instance.exports;
  const [input, output] = [wasm.input.value, wasm.output.value];
  const memory = new Uint8Array(wasm.memory.buffer);
  const leaves = bytes(1, 64 * 4096);
  return () => {
    let level = leaves;
    while (level.length > 32) {
      const above = new Uint8Array(level.length / 2);
      for (let i = 0; i < level.length; i += 64) {
        memory.set(level.subarray(i, i + 64), input);
        wasm.digest64(input, output);
        above.set(memory.subarray(output, output + 32), i / 2);
      }
      level = above;
    }
    wasm.init();
    for (let i = 0; i < leaves.length; i += 512) {
      memory.set(leaves.subarray(i, i + 512), input);
      wasm.update(input, 512);
    }
    wasm.final(output);
    return Buffer.concat([level, memory.slice(output, output + 32)]);
  };
}
