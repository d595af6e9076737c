// Parses a large JSON text, edits it and parses again, and prints the tree.

import { createRequire } from "node:module";
import { join } from "node:path";
import { records } from "./inputs.mjs";

export async function load(folder) {
  const Parser = createRequire(join(folder, "package.json"))("./tree-sitter.js");
  await Parser.init({ locateFile: (name) => join(folder, name) });
  const JSON_ = await Parser.Language.load(join(folder, "../node_modules/tree-sitter-json/tree-sitter-json.wasm"));
  const text = JSON.stringify(records(8, 600), null, 1);
  return () => {
    const parser = new Parser();
    parser.setLanguage(JSON_);
    let tree = parser.parse(text);
    const place = text.indexOf("[", text.length / 2);
    const position = { row: text.slice(0, place).split("\n").length - 1, column: 9 };
    tree.edit({
      startIndex: place,
      oldEndIndex: place,
      newEndIndex: place + 3,
      startPosition: position,
      oldEndPosition: position,
      newEndPosition: { row: position.row, column: position.column + 3 },
    });
    const old = tree;
    tree = parser.parse(`${text.slice(0, place)}[[,${text.slice(place)}`, old);
    const printed = tree.rootNode.toString();
    const errors = tree.rootNode.descendantsOfType("ERROR").length;
    old.delete();
    tree.delete();
    parser.delete();
    return `${printed}${errors}`;
  };
}
