// What is shown, in the page's address: `#FF-DEMO-1`, `#FF-DEMO-1?days=7` or `#FF-DEMO-1?from=2026-11-01&to=2026-11-15`. So it can be kept
// as a bookmark, sent to somebody, and left by the browser's own back and forward.

import { fromAddress, toAddress } from "./period.js";

/** The website and the period that the address names: `{ site, period }`, the site empty where it names none. */
export function read() {
  const [site, query] = location.hash.slice(1).split("?");
  return { site: plain(site), period: fromAddress(new URLSearchParams(query)) };
}

/** Names them in the address: as a new step of the history, or instead of what it names now. Nothing happens where it names them already. */
export function write(site, period, instead) {
  const query = toAddress(period);
  const hash = `#${encodeURIComponent(site)}${query && `?${query}`}`;
  if (hash === location.hash) return;
  if (instead) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
}

function plain(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
