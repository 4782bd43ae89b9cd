// Which days are looked at: a period by its name, or two days of its own. A day is written as 2026-11-30 and is one of the website's time
// zone. Touches neither the page nor the clock: now is an argument.

/** By name, as the address and the page's buttons have them. The first is meant where nothing is said. */
const NAMES = ["1", "yesterday", "7", "30"];
/** Central draws no longer course than this. */
const MOST_DAYS = 750;
const MOST_DAYS_BY_HOUR = 2;
const DAY = 86_400_000;

/** A period by name; what is no name is today. */
export const named = (name) => ({ name: NAMES.includes(name) ? name : NAMES[0] });

/** From a day to another, both of them whole. */
export const between = (from, to) => ({ name: null, from, to });

/** What an address says, a `URLSearchParams`. */
export function fromAddress(query) {
  const [from, to] = [query.get("from"), query.get("to")];
  return from !== null && to !== null && complaint(from, to) === null ? between(from, to) : named(query.get("days"));
}

/** What an address has to say of it; nothing of today. */
export function toAddress({ name, from, to }) {
  if (name === null) return `from=${from}&to=${to}`;
  return name === NAMES[0] ? "" : `days=${name}`;
}

export const same = (one, other) => toAddress(one) === toAddress(other);

/** Its first day and its last one, where it is `now` (milliseconds since 1970) in a time zone. */
export function daysOf({ name, from, to }, zone, now) {
  if (name === null) return { from, to };
  const today = Date.parse(dayAt(now, zone));
  if (name === "yesterday") return { from: written(today - DAY), to: written(today - DAY) };
  return { from: written(today - (Number(name) - 1) * DAY), to: written(today) };
}

/** How its course is drawn: by hour while that can be read. */
export const intervalOf = ({ from, to }) => (count(from, to) <= MOST_DAYS_BY_HOUR ? "hour" : "day");

/** Why two texts are not the first and the last day of a period: a sentence, or null. */
export function complaint(from, to) {
  if (!isDay(from) || !isDay(to)) return "Choose two days.";
  if (from > to) return "The first day is after the last one.";
  return count(from, to) > MOST_DAYS ? `Choose at most ${MOST_DAYS} days.` : null;
}

/** The day in a time zone; in UTC where this browser does not know the zone. */
export function dayAt(ms, zone) {
  const form = { calendar: "gregory", numberingSystem: "latn", year: "numeric", month: "2-digit", day: "2-digit" };
  let format;
  try {
    format = new Intl.DateTimeFormat("en", { ...form, timeZone: zone });
  } catch {
    format = new Intl.DateTimeFormat("en", { ...form, timeZone: "UTC" });
  }
  const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}`;
}

const count = (from, to) => (Date.parse(to) - Date.parse(from)) / DAY + 1;
const written = (ms) => new Date(ms).toISOString().slice(0, 10);

/** A day that there is, from 1970 to 2199. */
function isDay(text) {
  const ms = /^(19[7-9]|20\d|21\d)\d-\d\d-\d\d$/.test(text) ? Date.parse(text) : NaN;
  return !Number.isNaN(ms) && written(ms) === text;
}
