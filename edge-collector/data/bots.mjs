// Writes bots.tsv from the package isbot: node bots.mjs path/to/isbot/index.mjs > bots.tsv
import { pathToFileURL } from "node:url";

const { list } = await import(pathToFileURL(process.argv[2]));
// Patterns that look at what stands before or after them get a column for each, as Rust's expressions cannot look around.
const parts = /^(?:\(\?<!(?<before>(?:[^()]|\([^()]*\))*)\))?(?<pattern>.*?)(?:\(\?!(?<after>(?:[^()]|\([^()]*\))*)\))?$/;
const lines = list.map((source) => {
  const { pattern, before = "", after = "" } = source.match(parts).groups;
  if (/\(\?<?[!=]/.test(pattern + before + after)) throw new Error(`cannot be split: ${source}`);
  // A hyphen after a class, as in [\w-.], is itself.
  return [pattern, before, after].map((part) => part.replace(/(\\[wds])-(?=[^\]])/g, "$1\\-")).join("\t");
});
console.log(lines.join("\n"));
