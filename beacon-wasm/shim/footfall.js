// Runs first in a page that carries the tag: queues calls until the WebAssembly module is loaded, then passes them to it and does for it
// what needs a script: event listeners, requests, timers. It decides nothing that the module can decide. Where WebAssembly may not run,
// or a page is left before it could, this sends the queue itself, as JSON.
//
// The build puts it into one function after the bindings, which define `Beacon` and `instantiate(bytes)`, and after the constants
// `VERSION` and `INTEGRITY` of footfall.wasm. The bindings call `post` and `wake`.

const script = document.currentScript;
const { site, edge, storage, consent, signals, fragments, auto } = script.dataset;
const endpoint = new URL("/e", edge || script.src).href;
const optOut = (navigator.globalPrivacyControl ? 1 : 0) | ((navigator.doNotTrack || window.doNotTrack) == 1 ? 2 : 0);

// Where local storage holds the visitor's ids, under consent only, and that consent was denied. Every page of the site reads both.
const keys = [`footfall:${site}`, `footfall-denied:${site}`];

// A call is [name, fields, time, steady time, address, id]. An empty name means that the address may have changed. A call has an id once
// it was sent from here.
let queue = [];
let handle = (call) => queue.push(call);

const dispatch = (call) => {
  try {
    handle(call);
  } catch {
    // The module has stopped with an error, which the page must not see.
    sendJson([call]);
  }
};
const footfall = (name, fields) => {
  if (name == "consent") answer(fields, true);
  dispatch([name, fields, Date.now(), performance.now(), location.href]);
};

// Leaves the visitor's answer for all pages of the site, at once and with or without the module. A tag that says "denied" is no answer of
// the visitor's: it takes back what is stored, and leaves nothing where nothing is.
const answer = (consent, asked) => {
  try {
    const [visitor, denied] = keys;
    if (consent == "granted") localStorage.removeItem(denied);
    else if (asked || localStorage.getItem(visitor)) {
      localStorage.removeItem(visitor);
      if (!localStorage.getItem(denied)) {
        localStorage.setItem(denied, 1);
        // Where nothing may be kept, the other pages still see it come and go.
        if (storage == "none") localStorage.removeItem(denied);
      }
    }
  } catch {}
};

// Fields by the names of the tables' columns: those of events and campaigns may be given without their prefix.
const columns = (fields) => {
  const named = {};
  for (const key in fields) {
    named[
      key.replace(/^(category|action|label|value)$/, "event_$1").replace(/^(source|medium|campaign|keyword|content)$/, "traffic_$1")
    ] = fields[key];
  }
  return named;
};

// --- without WebAssembly

let lastUrl = document.referrer;
const pageOf = (url) => (fragments ? url : url.split("#")[0]);

// Sends calls as JSON by sendBeacon: no answer, no retry.
const sendJson = (calls) => {
  const events = [];
  for (const call of calls) {
    const [name, fields, at, , url, sent] = call;
    if (sent || name == "consent" || (!name && pageOf(url) == pageOf(lastUrl))) continue;
    // UUIDv7: 48 bits of time, version, variant, and what is random.
    const random = [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => (byte + 256).toString(16).slice(1)).join("");
    const id = (at.toString(16).padStart(12, 0) + "7" + random.slice(1, 4) + "8" + random.slice(5)).replace(
      /(.{8})(.{4})(.{4})(.{4})/,
      "$1-$2-$3-$4-",
    );
    const event = {
      event_id: (call[5] = id),
      event_type: name || "pageview",
      client_timestamp: at,
      page_url: url,
      page_title: document.title,
    };
    if (event.event_type == "pageview") {
      event.page_referrer = lastUrl;
      lastUrl = url;
    }
    events.push(Object.assign(event, columns(fields)));
  }
  if (events[0]) navigator.sendBeacon(endpoint, JSON.stringify({ tracking_id: site, events }));
};

// --- with WebAssembly

let beacon;
let timer;

let told;
let asked;
let muted;

// Tells the owner of the page once why the edge refused something for good; after a 403 nothing more is sent. Returns the status.
const judge = (reply) => {
  const { status } = reply;
  if (/^4(?!08|25|29)/.test(status)) {
    muted = muted || status == 403;
    if (!told) {
      told = 1;
      reply
        .json()
        .catch(() => ({}))
        .then(({ error }) => console.warn(`footfall: ${endpoint} answered ${status} to ${site}: ${error || "no reason was given"}`));
    }
  }
  return status;
};

// Sends a batch as text/plain, which needs no CORS preflight. True: there will be no answer.
const post = (body, sequence, leaving) => {
  const blob = new Blob([body], { type: "text/plain" });
  if (muted || (leaving && navigator.sendBeacon(endpoint, blob))) return true;
  fetch(endpoint, { method: "POST", body: blob, keepalive: true, credentials: "omit" }).then(
    (reply) => beacon.answered(sequence, judge(reply), +reply.headers.get("retry-after")),
    async () => {
      // Lost, or refused so that this page may not read it. Every page may ask the edge whether it would be refused.
      asked =
        asked ||
        fetch(`${endpoint}?site=${encodeURIComponent(site)}`).then(
          (reply) => reply.status == 403 && judge(reply),
          () => (asked = 0),
        );
      beacon.answered(sequence, await asked, 0);
    },
  );
};

const wake = (after) => {
  clearTimeout(timer);
  timer = setTimeout(() => beacon.tick(), after);
};

const callModule = ([name, fields, at, steady, url, id]) => {
  if (name == "consent") return beacon.consent(fields == "granted");
  const named = columns(fields);
  // Nothing is as good as absent, within a map too; a text of blanks is no number.
  const field = (column, slot, value) => value == null || beacon.field(column, slot, "" + value, ("" + value).trim() ? Number(value) : NaN);
  for (const column in named) {
    const value = named[column];
    if (typeof value == "object") for (const slot in value) field(column, +slot, value[slot]);
    else field(column, 0, value);
  }
  beacon.call(name, at, steady, url, id || "");
};

const startModule = () => {
  let store;
  try {
    store = localStorage;
  } catch {}
  const keeps = storage != "none";
  beacon = new Beacon(document, performance, crypto, store, keeps, ...keys, site, !!fragments, optOut);
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
  addEventListener("storage", ({ key, newValue }) => {
    if (!keeps && key == keys[1] && newValue) beacon.consent(false);
    else if (!key || keys.includes(key)) beacon.recall();
  });
  document.addEventListener("scroll", () => beacon.scrolled(), { passive: true });
  // A page that is restored from the back/forward cache becomes visible before pageshow, which reports it with its new page view.
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
  const drainTo = (handler) => {
    // Consent first: it holds for everything that is sent next.
    const calls = queue.sort((a, b) => (b[0] == "consent") - (a[0] == "consent"));
    queue = [];
    handle = handler;
    calls.forEach(dispatch);
  };
  const start = () => {
    if (auto != "off") queue.unshift(["pageview", 0, Date.now(), performance.now(), location.href]);
    ready.then(() => (startModule(), drainTo(callModule))).catch(() => drainTo((call) => sendJson([call])));
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
  document.addEventListener("visibilitychange", () => document.hidden && sendJson(queue));
  addEventListener("pagehide", () => sendJson(queue));
  if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
};

const before = window.footfall;
if (!before?.site) {
  window.footfall = footfall;
  footfall.site = site;
  if (consent && consent != "granted") answer(consent);
  // Global Privacy Control or Do Not Track: nothing is queued, fetched or sent.
  const quiet = optOut && signals != "report";
  if (quiet) handle = () => {};
  for (const call of before?.q || []) footfall(...call);
  if (!quiet) run();
}
