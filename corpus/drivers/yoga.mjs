// Lays out a tree of boxes, some of which wrap, grow or have aspect ratios, in several widths.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { random } from "./inputs.mjs";

export async function load(folder) {
  const { default: init } = await import(pathToFileURL(join(folder, "dist/index.js")));
  const yoga = await init(readFileSync(join(folder, "dist/yoga.wasm")));
  return () => {
    const next = random(9);
    const nodes = [];
    const grow = (depth) => {
      const node = yoga.Node.create();
      nodes.push(node);
      node.setFlexDirection(next(4));
      node.setFlexWrap(next(3));
      node.setJustifyContent(next(6));
      node.setAlignItems(next(8));
      node.setFlexGrow(next(3));
      node.setMargin(next(9), next(12));
      node.setPadding(next(9), next(7));
      if (!next(3)) node.setWidthPercent(10 + next(60));
      if (!next(4)) node.setMinHeight(next(50));
      if (!next(9)) node.setAspectRatio(1 + next(3) / 2);
      const children = depth ? 2 + next(5) : 0;
      for (let i = 0; i < children; i++) node.insertChild(grow(depth - 1), i);
      if (!children) node.setWidth(5 + next(90)), node.setHeight(5 + next(40));
      return node;
    };
    const root = grow(4);
    const places = [];
    for (const width of [320, 768, 1280]) {
      root.calculateLayout(width, 600, 1 + (width & 1));
      for (const node of nodes) {
        const { left, top, width, height } = node.getComputedLayout();
        places.push(left, top, width, height);
      }
    }
    root.freeRecursive();
    return Buffer.from(Float64Array.from(places).buffer);
  };
}
