// What happened in a period: figures, their course, lists and goals, as central answers them. What it has not computed yet says so. Shows;
// asks nothing.

import { BarChart } from "./chart.js";
import { course } from "./course.js";
import { fillList, VISITS } from "./lists.js";
import {
  ABSENT,
  average,
  channel,
  counted,
  country,
  device,
  duration,
  moment,
  money,
  name,
  number,
  page,
  share,
} from "./names.js";

const $ = (id) => document.getElementById(id);
const chart = new BarChart($("period-chart"));

/** `stats` of `site`, whose lists were asked for with at most `limit` rows. */
export function showStats(stats, site, limit) {
  set("f-visitors", number(stats.visitors));
  set("f-page-views", number(stats.pageviews));
  set("f-sessions", number(stats.sessions));
  set("f-engagement", duration(stats.average_engagement_ms));
  showVisits(stats.visits ?? null, site);
  showUntil(stats.meta?.sessions_until ?? null, Date.parse(stats.to), site);
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
    fillList($(id), rows, { nameOf, other: Math.max(0, stats.pageviews - listed) });
  }
  showEnds("period-entries", stats.entry_pages ?? null, stats.visits, limit);
  showEnds("period-exits", stats.exit_pages ?? null, stats.visits, limit);
  showGoals(stats.goals ?? null, site);
}

/** `series` of the same period, or why there is none. */
export function showCourse(series, why) {
  $("period-chart-notice").hidden = series !== null;
  $("period-chart-notice").textContent = series === null ? why : "";
  $("period-chart").classList.toggle("void", series === null);
  if (series !== null) chart.show(course(series, Date.now()));
}

function showVisits(visits, site) {
  const figures = [
    ["f-visits", (of) => number(of.visits)],
    ["f-bounce-rate", (of) => share(of.bounce_rate)],
    ["f-duration", (of) => duration(of.average_duration_s === null ? null : of.average_duration_s * 1000)],
    ["f-pages", (of) => average(of.pages_per_visit)],
    ["f-conversions", (of) => number(of.conversions)],
    ["f-conversion-rate", (of) => share(of.conversion_rate)],
    ["f-revenue", (of) => money(of.revenue, site.currency)],
  ];
  for (const [id, text] of figures) set(id, visits === null ? ABSENT : text(visits));
}

/** Until when visits are counted; said only where later ones of the period are still to come. */
function showUntil(until, end, site) {
  const ms = Date.parse(until);
  $("f-until").textContent = until === null ? "" : moment(ms, site.timezone);
  $("f-until").parentElement.classList.toggle("over", until === null || ms >= end);
}

/** Pages at an end of visits. Where all of them are listed, the others are visits without a page. */
function showEnds(id, rows, visits, limit) {
  const listed = (rows ?? []).reduce((sum, row) => sum + row.visits, 0);
  fillList($(id), rows, {
    nameOf: page,
    by: VISITS,
    other: rows === null ? 0 : Math.max(0, visits.visits - listed),
    otherName: (rows ?? []).length < limit ? "Without a page view" : "Other",
    detail: ({ bounces }) => (bounces ? counted(bounces, "bounce", "bounces") : ""),
  });
}

function showGoals(goals, site) {
  const rows = (goals ?? []).map((goal) => {
    const row = document.createElement("tr");
    row.setAttribute("role", "row");
    const title = cell("th", "rowheader", goal.name ?? "A goal that is gone");
    title.scope = "row";
    title.title = title.textContent;
    row.append(
      title,
      cell("td", "cell", number(goal.conversions)),
      cell("td", "cell", number(goal.times)),
      cell("td", "cell", money(goal.revenue, site.currency)),
    );
    return row;
  });
  $("goals-none").hidden = rows.length > 0;
  $("goals-none").textContent = goals === null ? "Not computed yet" : "No goal was reached.";
  $("goals").hidden = rows.length === 0;
  $("goals").tBodies[0].replaceChildren(...rows);
}

/** With its role in words: on narrow windows the rows are laid out as blocks, and would be no table to a screen reader. */
function cell(tag, role, text) {
  const element = document.createElement(tag);
  element.setAttribute("role", role);
  element.textContent = text;
  return element;
}

function set(id, text) {
  $(id).textContent = text;
  $(id).classList.toggle("absent", text === ABSENT);
}
