// Resizes a picture by the magic kernel.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bytes } from "./inputs.mjs";

// What browsers have and node has not.
globalThis.ImageData ??= class {
  constructor(data, width, height) {
    Object.assign(this, { data, width, height });
  }
};

export async function load(folder) {
  const glue = join(folder, "lib/magic-kernel/pkg/jsquash_magic_kernel");
  const kernel = await import(pathToFileURL(`${glue}.js`));
  kernel.initSync({ module: readFileSync(`${glue}_bg.wasm`) });
  const picture = new Uint8ClampedArray(bytes(3, 4 * 320 * 240));
  return () => {
    const made = [];
    for (const version of ["magicKernel", "magicKernelSharp2013", "magicKernelSharp2021"]) {
      const result = kernel.resize(picture, 320, 240, 500, 170, version);
      made.push(Buffer.from(result.data));
    }
    return Buffer.concat(made);
  };
}
