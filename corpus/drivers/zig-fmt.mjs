// Formats a Zig source of some hundred functions.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { words } from "./inputs.mjs";

export async function load(folder) {
  const zig = await import(pathToFileURL(join(folder, "zig_fmt_node.js")));
  await zig.default();
  const names = words(10, 500);
  const source = names
    .map(
      (name, i) => `/// ${name}
pub fn ${name}_${i}( a:u32,b : []const u8 )!usize{
const t=struct{x:u32=1,y:f64}{.x=a+${i},.y=0.5};
for(b,0..)|c,i|{ if(c=='${name[0]}' and i>3){ return error.Found; } else { std.debug.print("{d} {s}\\n",.{a,"${names[(i * 7) % 500]}"}); } }
var k:usize=0; while(k<b.len):(k+=1){ switch(b[k]){ 0...9=>continue, else=>|v| { _=v; break; }, } } return t.x*2; }`,
    )
    .join("\n");
  return () => zig.format(source);
}
