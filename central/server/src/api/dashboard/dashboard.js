// The dashboard: which website, what is happening there now, what happened in a period, and the tag. Every text that did not come with
// this page is set with textContent, so that a title or path that holds markup stays text.

import { read, write } from "./address.js";
import { ask } from "./ask.js";
import { BarChart } from "./chart.js";
import { Definitions } from "./definitions.js";
import { Feed } from "./feed.js";
import { fillList, ROWS } from "./lists.js";
import { minutes } from "./minutes.js";
import { channel, counted, country, days, device, name, number, page } from "./names.js";
import { between, complaint, dayAt, daysOf, intervalOf, named, same } from "./period.js";
import { Staleness } from "./staleness.js";
import { showCourse, showStats } from "./visits.js";

/** Rows that are asked for when a list is open. */
const MOST_ROWS = 100;
const STATS_EVERY = 30_000;
const SITES_EVERY = 60_000;
const STATES = {
  connecting: "Connecting…",
  live: "Live",
  polling: "Asking every 3 seconds",
  lost: "Not connected, trying again",
  paused: "Paused while hidden",
};

const $ = (id) => document.getElementById(id);
const chart = new BarChart($("chart"));
const live = new Staleness($("live-notice"), [$("now"), $("recent")]);
const figures = new Staleness($("stats-notice"), [$("period-body")]);

let sites = [];
let site = null;
let period = named();
let feed = null;
let view = null;
/** Page views of the last 30 days; null while unknown. */
let everSeen = null;
let statsAsked = 0;

// === Websites ===

async function loadSites() {
  const before = JSON.stringify(sites);
  try {
    ({ sites } = await ask("/api/v1/sites"));
  } catch (problem) {
    if (!site) notice("notice", `The websites could not be read: ${problem.message}`);
    return;
  }
  if (!sites.length) {
    notice("notice", "There is no website yet. Add one with: central admin website add --name NAME --domain DOMAIN");
    return;
  }
  notice("notice", null);
  // Filling it anew would close it under the hand of whoever has it open.
  if (JSON.stringify(sites) !== before) fillPicker();
  const wanted = site?.tracking_id ?? read().site;
  const next = sites.find((s) => s.tracking_id === wanted) ?? sites[0];
  if (next.tracking_id !== site?.tracking_id) choose(next, read().period, true);
  else site = next;
}

function fillPicker() {
  const options = sites.map(({ tracking_id, name: title, domain, status }) => {
    const label = title === domain ? title : `${title} · ${domain}`;
    return new Option(status === "active" ? label : `${label} (${status})`, tracking_id);
  });
  $("site").replaceChildren(...options);
  $("site").disabled = false;
  if (site) $("site").value = site.tracking_id;
}

/** What the address names now, after back, forward or a change by hand. */
function follow() {
  const { site: wanted, period: meant } = read();
  const next = sites.find((s) => s.tracking_id === wanted);
  if (next && next.tracking_id !== site?.tracking_id) choose(next, meant, true);
  else if (next && !same(meant, period)) choosePeriod(meant, true);
}

function choose(next, meant, instead) {
  site = next;
  view = null;
  everSeen = null;
  $("site").value = site.tracking_id;
  live.forget();
  figures.forget();
  $("main").hidden = false;
  $("visitors").textContent = "–";
  for (const id of ["chart", "recent", "period-body"]) $(id).classList.add("blank");
  $("tag").textContent = site.tag;
  $("install-domain").textContent = site.domain;
  feed?.end();
  feed = new Feed(site.tracking_id, showView, showState);
  choosePeriod(meant, instead);
  loadEverSeen();
}

// === Now ===

function showState(state) {
  const before = $("connection").dataset.state;
  $("connection").dataset.state = state;
  if (state === "lost") {
    live.stale("Central does not answer.");
    figures.stale("Central does not answer.");
  } else if (before === "lost") loadStats();
  if ($("connection-text").textContent !== STATES[state]) $("connection-text").textContent = STATES[state];
}

function showView(next) {
  view = next;
  live.fresh();
  for (const id of ["chart", "recent"]) $(id).classList.remove("blank");
  const visitors = `${view.visitors_now_at_least ? "≥ " : ""}${number(view.visitors_now)}`;
  $("visitors").textContent = visitors;
  document.title = `${visitors} now · ${site.name} · Footfall`;
  $("recent-total").textContent = counted(view.pageviews, "page view", "page views");
  showChart();
  const lists = [
    ["live-pages", view.top_pages, page],
    ["live-sources", view.sources, name],
    ["live-channels", view.channels, channel],
    ["live-countries", view.countries, country],
    ["live-devices", view.devices, device],
  ];
  for (const [id, ranking, nameOf] of lists) fillList($(id), ranking.top, { nameOf, other: ranking.other });
  showInstall();
}

function showChart() {
  const span = Number(document.querySelector('input[name="span"]:checked').value);
  if (view) chart.show(minutes(view.pageviews_per_minute.slice(-span), view.at_ms));
}

// === Period ===

const zone = () => site.timezone ?? "UTC";

/** The one whose button is pressed; none is where two days were chosen. */
function choosePeriod(meant, instead) {
  period = meant;
  for (const button of document.querySelectorAll('input[name="period"]')) button.checked = button.value === period.name;
  write(site.tracking_id, period, instead);
  fillDays(true);
  loadStats();
}

/** Writes the period's days beside its buttons; not under the hand of whoever is writing there. */
function fillDays(chosen) {
  const { from, to } = daysOf(period, zone(), Date.now());
  $("period-days").textContent = `${days(Date.parse(from), Date.parse(to))} · ${zone().replaceAll("_", " ")}`;
  if (!chosen && $("days").contains(document.activeElement)) return;
  [$("from").value, $("to").value] = [from, to];
  $("from").max = $("to").max = dayAt(Date.now(), zone());
  $("to").setCustomValidity("");
}

function chooseDays() {
  const [from, to] = [$("from").value, $("to").value];
  $("to").setCustomValidity(complaint(from, to) ?? "");
  if ($("days").reportValidity() && site) choosePeriod(between(from, to));
}

async function loadStats() {
  const asked = ++statsAsked;
  const of = site;
  const body = $("period-body").classList;
  body.add("waiting");
  fillDays(false);
  const open = document.querySelector("#period-body ol[data-open]") !== null;
  const limit = open ? MOST_ROWS : ROWS;
  const asks = daysOf(period, zone(), Date.now());
  const [stats, series] = await Promise.allSettled([
    ask(periodUrl("stats", asks, `limit=${limit}`)),
    ask(periodUrl("series", asks, `interval=${intervalOf(asks)}`)),
  ]);
  if (asked !== statsAsked) return;
  body.remove("waiting");
  if (stats.status === "fulfilled") {
    figures.fresh();
    showStats(stats.value, of, limit);
    showCourse(series.value ?? null, `The chart could not be read: ${series.reason?.message}.`);
    body.remove("blank");
  } else figures.stale(`These figures could not be read: ${stats.reason.message}.`);
  // Without figures of this website there is nothing to keep a place for.
  $("period-body").hidden = body.contains("blank");
}

const periodUrl = (report, { from, to }, rest) =>
  `/api/v1/sites/${encodeURIComponent(site.tracking_id)}/${report}?from=${from}&to=${to}&tz=${encodeURIComponent(zone())}&${rest}`;

async function loadEverSeen() {
  const of = site;
  try {
    const stats = await ask(periodUrl("stats", daysOf(named("30"), zone(), Date.now()), "limit=1"));
    if (of === site) everSeen = stats.pageviews;
  } catch {
    // Unknown is not none: the period's own notice says that the figures cannot be read.
    if (of === site) everSeen = null;
  }
  showInstall();
}

// === The tag ===

/** A website that nobody has visited gets its tag first, and told what to do with it. */
function showInstall() {
  const quiet = view !== null && !view.visitors_now && view.pageviews_per_minute.every((views) => !views);
  const first = quiet && !everSeen;
  const card = $("install");
  if (card.classList.contains("first") === first) return;
  card.classList.toggle("first", first);
  $("install-title").textContent = first ? "Waiting for the first visit" : "Your tag";
  $("install-hint").hidden = !first;
  $("recent").hidden = first;
  $("visits").hidden = first;
  if (first) $("main").prepend(card);
  else $("main").append(card);
}

async function copyTag() {
  let said = "Copied";
  try {
    await navigator.clipboard.writeText($("tag").textContent);
  } catch {
    getSelection().selectAllChildren($("tag"));
    said = "Press Ctrl C";
  }
  $("copy").textContent = said;
  setTimeout(() => ($("copy").textContent = "Copy"), 2_000);
}

function notice(id, text) {
  $(id).hidden = text === null;
  if ($(id).textContent !== text) $(id).textContent = text ?? "";
}

$("site").addEventListener("change", () => choose(sites.find((s) => s.tracking_id === $("site").value), period));
$("span").addEventListener("change", showChart);
$("period").addEventListener("change", ({ target }) => site && choosePeriod(named(target.value)));
$("days").addEventListener("submit", (event) => {
  event.preventDefault();
  chooseDays();
});
$("recent").addEventListener("opened", () => view && showView(view));
$("period-body").addEventListener("opened", loadStats);
addEventListener("popstate", follow);
$("copy").addEventListener("click", copyTag);
document.addEventListener("visibilitychange", () => !document.hidden && site && loadStats());
setInterval(() => !document.hidden && site && loadStats(), STATS_EVERY);
setInterval(() => !document.hidden && loadSites(), SITES_EVERY);
new Definitions($("main"), $("definition"));
loadSites();
