// Runs the same work on several versions of a module, in turns, and prints what came out as JSON.
//
//     node --no-liftoff race.mjs DRIVER.mjs SECONDS ROUNDS PACKAGE_FOLDER ...
//
// A driver exports `load(folder)`, which takes a package of npm with one version of the module in
// it and gives a function that does some work, always the same, and returns its result as text or
// bytes. The folders come one after the other in every round, so that whatever else the machine
// does hits all of them. Times are CPU seconds of one piece of work, the least of all rounds.
//
// With --no-liftoff all code is compiled by the optimizing compiler before it runs: which
// functions get hot soon enough is left out of the comparison.

import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [driver, seconds, rounds, ...folders] = process.argv.slice(2);
const { load } = await import(pathToFileURL(resolve(driver)));

function cpuSeconds(since) {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

async function timed(work, times) {
  const start = process.cpuUsage();
  for (let i = 0; i < times; i++) await work();
  return cpuSeconds(start) / times;
}

const works = [];
const digests = [];
for (const folder of folders) {
  const work = await load(resolve(folder));
  digests.push(createHash("sha256").update(await work()).digest("hex"));
  works.push(work);
}

// As often as fills the time, once the JavaScript around the module is warm. All do the same
// pieces of work from first to last: a module with a heap is slower the more it has done.
let once = Infinity;
for (const work of works) {
  await timed(work, 1);
  once = Math.min(once, await timed(work, 3));
}
const times = Math.max(1, Math.ceil(Number(seconds) / once));
const least = works.map(() => Infinity);
for (let round = 0; round < Number(rounds); round++) {
  for (let turn = 0; turn < works.length; turn++) {
    const place = (turn + round) % works.length;
    least[place] = Math.min(least[place], await timed(works[place], times));
  }
}
// Still the same after all that work.
for (const [place, work] of works.entries()) {
  const again = createHash("sha256").update(await work()).digest("hex");
  if (again !== digests[place]) digests[place] = `${digests[place]}, then ${again}`;
}
console.log(JSON.stringify({ digests, seconds: least, times }));
process.exit(0);
