// The speed of `closure`, beside those who answer the same question; part of `npm run bench`, or by itself: `node test/bench/closure.mjs`. Needs the built dist/.
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execute, measure } from "./measure.mjs";

const program = path.resolve(fileURLToPath(import.meta.url), "../../../dist/main.js");
const machine = { x64: 62, arm64: 183 }[process.arch];
/** lddtree is for the system's own python, whatever else is called so. */
const env = { PATH: `/usr/bin:/bin:${process.env.PATH}` };
/** So many files for those who need a process for each; they are compared file by file. */
const sampleSize = 100;

/** Programs and libraries of this machine's architecture under /usr. */
function programsAndLibraries() {
  const entries = readdirSync("/usr", { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter(isProgramOrLibrary);
}

function isProgramOrLibrary(file) {
  const head = Buffer.alloc(20);
  try {
    const opened = openSync(file, "r");
    readSync(opened, head);
    closeSync(opened);
  } catch {
    return false;
  }
  return (
    head.readUInt32BE(0) === 0x7f454c46 && head.readUInt16LE(18) === machine && [2, 3].includes(head.readUInt16LE(16))
  );
}

/** Exit codes say that something is missing or is no program, which is an answer, too. */
function answer(command) {
  try {
    execute(command, { env });
  } catch (error) {
    if (!/: exit code \d/.test(error.message)) throw error;
  }
}

function lddEach(those) {
  for (const file of those) answer(["ldd", file]);
}

function isInstalled(name) {
  try {
    execute([name, "--help"], { env });
    return true;
  } catch {
    return false;
  }
}

const files = programsAndLibraries();
const step = Math.max(1, Math.floor(files.length / sampleSize));
const sample = files.filter((_, index) => index % step === 0);
const others = [
  { name: "ldd, file by file", bound: 10, run: () => lddEach(sample) },
  ...(isInstalled("lddtree")
    ? [{ name: "lddtree, one call", bound: 20, run: () => answer(["lddtree", ...sample]) }]
    : []),
];
const all = {
  name: "closure, one call",
  run: () => answer([process.execPath, program, "closure", "--json", ...files]),
};

const ours = measure([all], 5).get(all.name) / files.length;
console.log(
  `closure --json of ${files.length} files: ${ours.toFixed(3)} ms each (bound 1: ${ours <= 1 ? "kept" : "MISSED"})`,
);
const theirs = measure(others, 1);
for (const { name, bound } of others) {
  const each = theirs.get(name) / sample.length;
  const verdict = each / ours >= bound ? "kept" : "MISSED";
  console.log(
    `${name}, ${sample.length} files: ${each.toFixed(2)} ms each, ${(each / ours).toFixed(0)} times ours (at least ${bound}: ${verdict})`,
  );
}
