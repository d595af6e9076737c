// Reads a source map of ten thousand mappings, asks for positions and goes through all of them.

import { createRequire } from "node:module";
import { join } from "node:path";
import { random, words } from "./inputs.mjs";

export async function load(folder) {
  const sourceMap = createRequire(join(folder, "package.json"))("./source-map.js");
  const generator = new sourceMap.SourceMapGenerator({ file: "out.js" });
  const next = random(6);
  const names = words(6, 200);
  for (let line = 1; line <= 1000; line++)
    for (let place = 0; place < 10; place++)
      generator.addMapping({
        generated: { line, column: place * 8 + next(8) },
        original: { line: 1 + next(2000), column: next(100) },
        source: `${names[next(20)]}.ts`,
        name: next(2) ? names[next(200)] : undefined,
      });
  const map = generator.toString();
  return async () => {
    let found = "";
    await sourceMap.SourceMapConsumer.with(map, null, (consumer) => {
      for (let line = 1; line <= 1000; line += 3) {
        const { source, line: from, column, name } = consumer.originalPositionFor({ line, column: 33 });
        found += `${source} ${from} ${column} ${name}\n`;
        const { line: to, column: at } = consumer.generatedPositionFor({
          source: `${names[line % 20]}.ts`,
          line,
          column: 7,
          bias: sourceMap.SourceMapConsumer.LEAST_UPPER_BOUND,
        });
        found += `${to} ${at}\n`;
      }
      consumer.computeColumnSpans();
      let count = 0;
      consumer.eachMapping((mapping) => {
        count += mapping.originalColumn * mapping.generatedLine + (mapping.lastGeneratedColumn ?? 0);
      });
      found += count;
    });
    return found;
  };
}
