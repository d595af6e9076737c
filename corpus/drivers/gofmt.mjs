// Formats a Go source of some hundred functions.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { words } from "./inputs.mjs";

export async function load(folder) {
  const gofmt = await import(pathToFileURL(join(folder, "gofmt_node.js")));
  await gofmt.default();
  const names = words(2, 400);
  const source = names
    .map(
      (name, i) => `// ${name} does it
func ${name}_${i}(a,b   int, xs []string)(int,error){
if a>b{ for i:=0;i<len(xs);i++{ if xs[i]=="${names[(i * 7) % 400]}" {return i,nil} } }
m:=map[string]struct{x,y int}{"a":{1,2},   "${name}":{${i},a+b*2}}
  switch { case a==1: return m["a"].x, nil
default:
return b<<3|a , fmt.Errorf("%d %s",a,xs) }}`,
    )
    .join("\n");
  const whole = `package main\nimport "fmt"\n${source}\n`;
  return () => gofmt.format(whole);
}
