// The dashboard: which website, what is happening there now, what happened in a period, and the tag. Every text that did not come with
// this page is set with textContent, so that a title or path that holds markup stays text.

import { read, write } from "./address.js";
import { Staleness } from "./staleness.js";
import { MinuteChart } from "./chart.js";
import { Feed } from "./feed.js";
import { fillList, ROWS } from "./lists.js";
import { channel, counted, country, days, device, duration, name, number, page } from "./names.js";

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
const chart = new MinuteChart($("chart"));
const live = new Staleness($("live-notice"), [$("now"), $("recent")]);
const period = new Staleness($("stats-notice"), [$("period-body")]);
const chosen = (name) => Number(document.querySelector(`input[name="${name}"]:checked`).value);

let sites = [];
let site = null;
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
  if (next.tracking_id !== site?.tracking_id) choose(next, read().days, true);
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
  const { site: wanted, days: count } = read();
  const next = sites.find((s) => s.tracking_id === wanted);
  if (next && next.tracking_id !== site?.tracking_id) choose(next, count, true);
  else if (next && count !== chosen("period")) choosePeriod(count, true);
}

function choosePeriod(count, instead) {
  document.querySelector(`input[name="period"][value="${count}"]`).checked = true;
  write(site.tracking_id, count, instead);
  loadStats();
}

function choose(next, count, instead) {
  site = next;
  view = null;
  everSeen = null;
  $("site").value = site.tracking_id;
  live.forget();
  period.forget();
  $("main").hidden = false;
  $("visitors").textContent = "–";
  $("period-body").hidden = true;
  $("tag").textContent = site.tag;
  $("install-domain").textContent = site.domain;
  feed?.end();
  feed = new Feed(site.tracking_id, showView, showState);
  choosePeriod(count, instead);
  loadEverSeen();
}

// === Now ===

function showState(state) {
  const before = $("connection").dataset.state;
  $("connection").dataset.state = state;
  if (state === "lost") {
    live.stale("Central does not answer.");
    period.stale("Central does not answer.");
  } else if (before === "lost") loadStats();
  if ($("connection-text").textContent !== STATES[state]) $("connection-text").textContent = STATES[state];
}

function showView(next) {
  view = next;
  live.fresh();
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
  for (const [id, ranking, nameOf] of lists) fillList($(id), ranking.top, nameOf, ranking.other);
  showInstall();
}

function showChart() {
  if (view) chart.show(view.pageviews_per_minute.slice(-chosen("span")), view.at_ms);
}

// === Period ===

/** Today and the days before it, in UTC. */
function since(days) {
  return new Date(Date.now() - (days - 1) * 86_400_000).toISOString().slice(0, 10);
}

async function loadStats() {
  const asked = ++statsAsked;
  const waiting = $("period-body").classList;
  waiting.add("waiting");
  try {
    const open = document.querySelector("#period-body ol[data-open]") !== null;
    const stats = await ask(statsUrl(chosen("period"), open ? MOST_ROWS : ROWS));
    if (asked !== statsAsked) return;
    period.fresh();
    showStats(stats);
  } catch (problem) {
    if (asked === statsAsked) period.stale(`These figures could not be read: ${problem.message}.`);
  }
  if (asked === statsAsked) waiting.remove("waiting");
}

function showStats(stats) {
  $("f-visitors").textContent = number(stats.visitors);
  $("f-page-views").textContent = number(stats.pageviews);
  $("f-sessions").textContent = number(stats.sessions);
  $("f-engagement").textContent = duration(stats.average_engagement_ms);
  $("period-days").textContent = days(Date.parse(stats.from), Date.parse(stats.to));
  const lists = [
    ["period-pages", stats.top_pages, page],
    ["period-sources", stats.sources, name],
    ["period-channels", stats.channels, channel],
    ["period-countries", stats.countries, country],
    ["period-devices", stats.devices, device],
    ["period-browsers", stats.browsers, name],
  ];
  for (const [id, rows, nameOf] of lists) {
    const listed = rows.reduce((sum, row) => sum + row.pageviews, 0);
    fillList($(id), rows, nameOf, Math.max(0, stats.pageviews - listed));
  }
  $("period-body").hidden = false;
}

async function loadEverSeen() {
  const of = site;
  try {
    const stats = await ask(statsUrl(30, 1));
    if (of === site) everSeen = stats.pageviews;
  } catch {
    // Unknown is not none: the period's own notice says that the figures cannot be read.
    if (of === site) everSeen = null;
  }
  showInstall();
}

const statsUrl = (days, limit) =>
  `/api/v1/sites/${encodeURIComponent(site.tracking_id)}/stats?from=${since(days)}&limit=${limit}`;

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

// === Asking ===

async function ask(url) {
  const answer = await fetch(url, { headers: { accept: "application/json" } }).catch(() => {
    throw new Error("central does not answer");
  });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `central answered ${answer.status}`);
  return body;
}

function notice(id, text) {
  $(id).hidden = text === null;
  if ($(id).textContent !== text) $(id).textContent = text ?? "";
}

$("site").addEventListener("change", () => choose(sites.find((s) => s.tracking_id === $("site").value), chosen("period")));
$("span").addEventListener("change", showChart);
$("period").addEventListener("change", () => site && choosePeriod(chosen("period")));
$("recent").addEventListener("opened", () => view && showView(view));
$("period-body").addEventListener("opened", loadStats);
addEventListener("popstate", follow);
$("copy").addEventListener("click", copyTag);
document.addEventListener("visibilitychange", () => !document.hidden && site && loadStats());
setInterval(() => !document.hidden && site && loadStats(), STATS_EVERY);
setInterval(() => !document.hidden && loadSites(), SITES_EVERY);
loadSites();
