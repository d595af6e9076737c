// Compresses and decompresses JSON at several levels.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { records } from "./inputs.mjs";

export async function load(folder) {
  const require = createRequire(join(folder, "dist/common/zstd.js"));
  const { Module, waitInitialized } = require("./module.js");
  Module.init(readFileSync(join(folder, "dist/web/zstd.wasm")));
  await waitInitialized();
  const { compress } = require("./simple/compress.js");
  const { decompress } = require("./simple/decompress.js");
  const text = Buffer.from(JSON.stringify(records(11, 3000)));
  return () => {
    const made = [1, 3, 9].map((level) => Buffer.from(compress(text, level)));
    const back = made.map((each) => Buffer.from(decompress(each)));
    if (!back.every((each) => each.equals(text))) throw new Error("does not come back");
    return Buffer.concat(made);
  };
}
