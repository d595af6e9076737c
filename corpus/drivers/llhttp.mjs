// Parses a pipeline of HTTP requests as undici would, and notes every callback.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { words } from "./inputs.mjs";

const SPANS = ["url", "status", "header_field", "header_value", "body"];
const REQUEST = 1;

export async function load(folder) {
  const code = readFileSync(join(folder, "lib/llhttp/llhttp.wasm"));
  let seen = [];
  const env = {};
  SPANS.forEach((name, number) => {
    env[`wasm_on_${name}`] = (parser, at, length) => {
      seen.push(number, at - start, length);
      return 0;
    };
  });
  for (const [number, name] of ["message_begin", "headers_complete", "message_complete"].entries())
    env[`wasm_on_${name}`] = (parser, ...more) => {
      seen.push(100 + number, ...more.slice(0, 3).map(Number));
      return 0;
    };
  const { instance } = await WebAssembly.instantiate(code, { env });
  const wasm = instance.exports;
  const names = words(4, 3000);
  const text = Array.from({ length: 120 }, (_, i) => {
    const headers = names.slice(i * 20, i * 20 + 20).map((name, j) => `X-${name}: ${names[j * 9]}; q=0.${j}`);
    const body = names.slice(i, i + 40).join(",");
    const path = `/${names[i]}/${names[i + 1]}?q=${i}`;
    return [`POST ${path} HTTP/1.1`, "Host: example.org", ...headers, `Content-Length: ${body.length}`, "", body].join("\r\n");
  }).join("");
  const input = Buffer.from(text);
  const start = wasm.malloc(input.length);
  new Uint8Array(wasm.memory.buffer).set(input, start);
  return () => {
    seen = [];
    const parser = wasm.llhttp_alloc(REQUEST);
    const errors = [];
    for (let at = 0; at < input.length; at += 1500) {
      const length = Math.min(1500, input.length - at);
      errors.push(wasm.llhttp_execute(parser, start + at, length));
    }
    wasm.llhttp_free(parser);
    return Buffer.from(Int32Array.from([...errors, ...seen]).buffer);
  };
}
