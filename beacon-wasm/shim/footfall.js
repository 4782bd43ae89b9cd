// Runs first in a page that carries the tag: notes what happens until the WebAssembly part is there, then hands every note on
// and does for it what only a script can: listen, post, wait. It decides nothing that the other side can decide. Where
// WebAssembly may not run, or a page is left before it could, this sends the notes itself, as JSON.
//
// The build puts it into one function behind the bindings, which give it `Beacon` and `instantiate(bytes)`, and behind what it
// knows of footfall.wasm: `VERSION` and `INTEGRITY`. The bindings call `post` and `wake`.

const script = document.currentScript;
const { site, edge, storage, consent, signals, fragments, auto } = script.dataset;
const endpoint = new URL("/e", edge || script.src).href;
const refused = (navigator.globalPrivacyControl ? 1 : 0) | ((navigator.doNotTrack || window.doNotTrack) == 1 ? 2 : 0);

// A note is [name, fields, time, steady time, address, id]: a call, or with an empty name a sign that the address may have
// changed. It has an id once it was sent from here.
let notes = [];
let hear = (note) => notes.push(note);

const tell = (note) => {
  try {
    hear(note);
  } catch {
    // The module stopped. The page must not notice.
    plain([note]);
  }
};
const footfall = (name, fields) => tell([name, fields, Date.now(), performance.now(), location.href]);

// Fields by the columns of the tables: an event's and a campaign's may be named without their prefix.
const columns = (fields) => {
  const named = {};
  for (const key in fields) {
    named[
      key.replace(/^(category|action|label|value)$/, "event_$1").replace(/^(source|medium|campaign|keyword)$/, "traffic_$1")
    ] = fields[key];
  }
  return named;
};

// --- without WebAssembly

let last = document.referrer;
const page = (url) => (fragments ? url : url.split("#")[0]);

// Sends notes as JSON by the browser's own hand-over: no answer, no second try.
const plain = (notes) => {
  const events = [];
  for (const note of notes) {
    const [name, fields, at, , url, sent] = note;
    if (sent || name == "consent" || (!name && page(url) == page(last))) continue;
    // UUIDv7: 48 bits of time, version, variant, and what is random.
    const random = [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => (byte + 256).toString(16).slice(1)).join("");
    const id = (at.toString(16).padStart(12, 0) + "7" + random.slice(1, 4) + "8" + random.slice(5)).replace(
      /(.{8})(.{4})(.{4})(.{4})/,
      "$1-$2-$3-$4-",
    );
    const event = {
      event_id: (note[5] = id),
      event_type: name || "pageview",
      client_timestamp: at,
      page_url: url,
      page_title: document.title,
    };
    if (event.event_type == "pageview") {
      event.page_referrer = last;
      last = url;
    }
    events.push(Object.assign(event, columns(fields)));
  }
  if (events[0]) navigator.sendBeacon(endpoint, JSON.stringify({ tracking_id: site, events }));
};

// --- with WebAssembly

let beacon;
let timer;

// Sends a batch as text/plain, so that no browser asks the edge first (CORS). True: the browser took it over for good.
const post = (body, sequence, leaving) => {
  const blob = new Blob([body], { type: "text/plain" });
  if (leaving && navigator.sendBeacon(endpoint, blob)) return true;
  fetch(endpoint, { method: "POST", body: blob, keepalive: true, credentials: "omit" }).then(
    (answer) => beacon.answered(sequence, answer.status, +answer.headers.get("retry-after")),
    () => beacon.answered(sequence, 0, 0),
  );
};

const wake = (after) => {
  clearTimeout(timer);
  timer = setTimeout(() => beacon.tick(), after);
};

const pass = ([name, fields, at, steady, url, id]) => {
  if (name == "consent") return beacon.consent(fields == "granted");
  const named = columns(fields);
  for (const column in named) {
    const value = named[column];
    if (value == null) continue;
    if (typeof value == "object") for (const slot in value) beacon.field(column, +slot, "" + value[slot], +value[slot]);
    else beacon.field(column, 0, "" + value, +value);
  }
  beacon.call(name, at, steady, url, id || "");
};

const begin = () => {
  let store;
  try {
    store = storage == "none" ? undefined : localStorage;
  } catch {}
  beacon = new Beacon(document, performance, crypto, store, site, !!fragments, refused);
  const hints = navigator.userAgentData;
  for (const [name, value] of [
    ["screen_width", screen.width],
    ["screen_height", screen.height],
    ["viewport_width", innerWidth],
    ["viewport_height", innerHeight],
    ["language", navigator.language],
    ["timezone", Intl.DateTimeFormat().resolvedOptions().timeZone],
    ["touch", navigator.maxTouchPoints],
    ...(hints ? [["platform", hints.platform], ["mobile", hints.mobile]] : []),
    ...(hints?.brands || []).map(({ brand, version }) => ["brand", brand + "/" + version]),
  ]) {
    beacon.fact(name, "" + value, +value);
  }
  if (consent) beacon.consent(consent == "granted");
  document.addEventListener("scroll", () => beacon.scrolled(), { passive: true });
  // A page that comes back out of the back/forward cache becomes visible first: that is for its new page view to say.
  let left;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) beacon.hidden();
    else if (!left) beacon.shown();
  });
  addEventListener("pagehide", () => {
    left = 1;
    beacon.hidden();
  });
  addEventListener("pageshow", () => {
    if (left) {
      left = 0;
      if (auto != "off") footfall("pageview");
      beacon.shown();
    }
  });
};

// --- both

const run = () => {
  const ready = fetch(new URL("footfall.wasm?" + VERSION, script.src), { integrity: INTEGRITY })
    .then((answer) => answer.arrayBuffer())
    .then(instantiate);
  const hand = (to) => {
    // Consent first: it holds for what is sent next.
    const noted = notes.sort((a, b) => (b[0] == "consent") - (a[0] == "consent"));
    notes = [];
    hear = to;
    noted.forEach(tell);
  };
  const start = () => {
    if (auto != "off") notes.unshift(["pageview", 0, Date.now(), performance.now(), location.href]);
    ready.then(() => (begin(), hand(pass))).catch(() => hand((note) => plain([note])));
  };
  if (auto != "off") {
    for (const method of ["pushState", "replaceState"]) {
      const original = history[method];
      history[method] = function () {
        const result = original.apply(this, arguments);
        footfall("");
        return result;
      };
    }
    addEventListener("popstate", () => footfall(""));
  }
  document.addEventListener("visibilitychange", () => document.hidden && plain(notes));
  addEventListener("pagehide", () => plain(notes));
  if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
};

const before = window.footfall;
if (!before?.site) {
  window.footfall = footfall;
  footfall.site = site;
  if (refused && signals != "report") {
    // Global Privacy Control or Do Not Track: nothing is noted, fetched or sent.
    hear = () => {};
  } else {
    for (const call of before?.q || []) footfall(...call);
    run();
  }
}
