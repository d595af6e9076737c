// Runs a Lua program: sieve, sorting, strings and closures.

import { createRequire } from "node:module";
import { join } from "node:path";

const PROGRAM = `
local out = {}
local sieve, primes = {}, 0
for i = 2, 40000 do
  if not sieve[i] then
    primes = primes + 1
    for j = i * i, 40000, i do sieve[j] = true end
  end
end
out[#out + 1] = primes
local seed, list = 42, {}
for i = 1, 8000 do
  seed = (seed * 1103515245 + 12345) % 2147483648
  list[i] = string.format("%08x-%d", seed, i % 97)
end
table.sort(list, function(a, b) return a:sub(3) < b:sub(3) end)
out[#out + 1] = table.concat(list, ",", 1, 50)
local words = {}
for word in table.concat(list, " "):gmatch("[a-f]+") do words[word] = (words[word] or 0) + 1 end
local keys = {}
for word, count in pairs(words) do keys[#keys + 1] = word .. count end
table.sort(keys)
out[#out + 1] = table.concat(keys, ";")
local function compose(f, g) return function(x) return f(g(x)) end end
local f = function(x) return x / 3 + 1 end
for _ = 1, 60 do f = compose(f, function(x) return x * 1.5 % 1000 end) end
local sum = 0.0
for i = 1, 400 do sum = sum + f(i) end
out[#out + 1] = string.format("%.17g", sum)
return table.concat(out, "\\n")
`;

export async function load(folder) {
  const { LuaFactory } = createRequire(join(folder, "package.json"))("./dist/index.js");
  const lua = await new LuaFactory(join(folder, "dist/glue.wasm")).createEngine();
  return () => lua.doStringSync(PROGRAM);
}
