// Tells how much the console weighs, compressed, and fails when it is too much.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const limits = { all: 300, first: 120 }; // KB of 1000 bytes, compressed
const app = new URL("../dist/app/", import.meta.url);
if (!existsSync(new URL("index.html", app))) {
  console.error("size: there is no dist/app: run npm run build first");
  process.exit(1);
}
const compressed = (name) => gzipSync(readFileSync(new URL(name, app)), { level: 9 }).length;
const files = readdirSync(app, { recursive: true }).map(String).filter((name) => /\.(js|css|html|svg)$/.test(name));
const sizes = new Map(files.map((name) => [name, compressed(name)]));

// The first load: the page, and all that it names or its modules import at once.
const first = new Set(["index.html"]);
for (const name of first) {
  const text = readFileSync(new URL(name, app), "utf8");
  const imports = name.endsWith(".html")
    ? [...text.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((m) => m[1])
    : [...text.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)].map((m) => `assets/${m[1]}`);
  for (const found of imports) if (sizes.has(found)) first.add(found);
}
const sum = (names) => [...names].reduce((total, name) => total + (sizes.get(name) ?? 0), 0) / 1000;
const totals = { all: sum(sizes.keys()), first: sum(first) };
for (const [name, size] of [...sizes].sort((a, b) => b[1] - a[1]).slice(0, 8)) {
  console.log(`${(size / 1000).toFixed(1).padStart(7)} KB  ${name}${first.has(name) ? "  (first load)" : ""}`);
}
console.log(`console: ${totals.first.toFixed(1)} KB at the first load (at most ${limits.first}), ${totals.all.toFixed(1)} KB in all (at most ${limits.all}), gzip`);
for (const [what, limit] of Object.entries(limits)) {
  if (totals[what] > limit) {
    console.error(`size: ${what} is ${totals[what].toFixed(1)} KB and may be ${limit}`);
    process.exitCode = 1;
  }
}
