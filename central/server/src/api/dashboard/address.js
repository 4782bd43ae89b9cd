// What is shown, in the page's address: `#FF-DEMO-1` or `#FF-DEMO-1?days=7`. So it can be kept as a bookmark, sent to somebody, and left by
// the browser's own back and forward.

const [FIRST, ...OTHERS] = [1, 7, 30];

/** The website and the period that the address names: `{ site, days }`, the site empty where it names none. */
export function read() {
  const [site, query] = location.hash.slice(1).split("?");
  const days = Number(new URLSearchParams(query).get("days"));
  return { site: plain(site), days: OTHERS.includes(days) ? days : FIRST };
}

/** Names them in the address: as a new step of the history, or instead of what it names now. Nothing happens where it names them already. */
export function write(site, days, instead) {
  const hash = `#${encodeURIComponent(site)}${days === FIRST ? "" : `?days=${days}`}`;
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
