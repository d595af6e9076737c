// Fills tables, then joins, groups, sorts and updates them, and exports the database.

import { createRequire } from "node:module";
import { join } from "node:path";
import { records } from "./inputs.mjs";

export async function load(folder) {
  const init = createRequire(join(folder, "package.json"))("./dist/sql-wasm.js");
  const SQL = await init({ locateFile: (name) => join(folder, "dist", name) });
  const rows = records(7, 1500);
  return () => {
    const db = new SQL.Database();
    db.run("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, parent INTEGER)");
    db.run("CREATE TABLE tag (item INTEGER, name TEXT); CREATE INDEX tags ON tag (name, item)");
    db.run("BEGIN");
    const item = db.prepare("INSERT INTO item VALUES (?, ?, ?, ?)");
    const tag = db.prepare("INSERT INTO tag VALUES (?, ?)");
    for (const row of rows) {
      item.run([row.id, row.name, row.price, row.parent?.id ?? null]);
      for (const name of row.tags) tag.run([row.id, name]);
    }
    item.free();
    tag.free();
    db.run("COMMIT");
    const found = [
      "SELECT t.name, count(*), avg(price), group_concat(i.name) FROM tag t JOIN item i ON i.id = t.item GROUP BY t.name ORDER BY 2 DESC, 1",
      "SELECT a.name, b.name FROM item a LEFT JOIN item b ON a.parent = b.id WHERE a.price > 50 ORDER BY upper(a.name), b.id LIMIT 500",
      "WITH RECURSIVE up(id, depth) AS (SELECT id, 0 FROM item WHERE id < 50 UNION SELECT parent, depth + 1 FROM item JOIN up USING (id) WHERE parent IS NOT NULL AND depth < 5) SELECT count(*), max(depth), sum(id) FROM up",
      "SELECT name FROM item WHERE name LIKE '%a_1%' AND printf('%.1f', price) > '3' ORDER BY length(name), name, id",
    ].map((query) => db.exec(query));
    db.run("UPDATE item SET price = round(price * 1.1, 2) WHERE id % 3 = 0; DELETE FROM tag WHERE rowid % 5 = 0");
    const file = Buffer.from(db.export());
    db.close();
    return Buffer.concat([Buffer.from(JSON.stringify(found)), file]);
  };
}
