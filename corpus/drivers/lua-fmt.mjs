// Formats a Lua source of some hundred functions.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { words } from "./inputs.mjs";

export async function load(folder) {
  const lua = await import(pathToFileURL(join(folder, "lua_fmt_node.js")));
  const names = words(5, 300);
  const source = names
    .map(
      (name, i) => `local function ${name}_${i}( a,b ,... )
local t={ x=1,["${name}"]=a+b*2 , function() return ... end; "s" }
  for i,v in ipairs( t ) do if v==${i} and not(a~=b) then t[#t+1]='${names[(i * 7) % 300]}' elseif i>3 then break end end
while a<b do a=a+1 ; repeat b = b-1 until b<0 end return t , #t..name end`,
    )
    .join("\n");
  return () => lua.format(source, null);
}
