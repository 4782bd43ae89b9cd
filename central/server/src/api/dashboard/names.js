// How numbers, durations and codes are written for people. Returns text only; nothing here touches the page.

const whole = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const regions = new Intl.DisplayNames(undefined, { type: "region" });
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const amount = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
/** Of what is read off a zone's own clock: milliseconds since 1970, as if that clock were UTC's. */
const onClock = (form) => new Intl.DateTimeFormat(undefined, { ...form, timeZone: "UTC" });
const wholeDay = onClock({ day: "numeric", month: "short", year: "numeric" });
const shortDay = onClock({ day: "numeric", month: "short" });
const weekdays = onClock({ weekday: "short" });
const clockHour = onClock({ hour: "numeric", minute: "2-digit" });

/** What central has not computed yet. */
export const ABSENT = "not computed yet";

/** 12,345, and 1.2M where digits would not fit. */
export const number = (value) => (value < 1_000_000 ? whole : compact).format(value);

/** The same in few letters: 950, 12K, 1.2M. */
export const short = (value) => (value < 10_000 ? whole : compact).format(value);

/** "1 page view", "12 page views". */
export const counted = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;

/** Milliseconds as "1m 04s", or a dash where there are none. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  return `${number(Math.floor(seconds / 60))}m ${String(seconds % 60).padStart(2, "0")}s`;
}

/** A share of 0 to 1 as "12.3%", or a dash where there is none. */
export const share = (value) => (value === null ? "–" : percent.format(value));

/** "2.4", or a dash where there is none. */
export const average = (value) => (value === null ? "–" : tenths.format(value));

/** In a currency (ISO 4217), and without one where none is known. */
export function money(value, currency) {
  if (!currency) return amount.format(value);
  try {
    return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(value);
  } catch {
    return `${amount.format(value)} ${currency}`;
  }
}

/** The local time of a moment (milliseconds since 1970), to the minute. */
export const time = (ms) => clock.format(ms);

/** Day and time of a moment in a time zone; in UTC where this browser does not know the zone. */
export function moment(ms, zone) {
  const form = { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" };
  try {
    return new Intl.DateTimeFormat(undefined, { ...form, timeZone: zone }).format(ms);
  } catch {
    return `${onClock(form).format(ms)} UTC`;
  }
}

/** From a day to another: "Nov 24 – 30, 2026". */
export const days = (from, to) => wholeDay.formatRange(from, to);

/** "Nov 24". */
export const day = (clock) => shortDay.format(clock);

/** "Tue". */
export const weekday = (clock) => weekdays.format(clock);

/** "14:00". */
export const clockTime = (clock) => clockHour.format(clock);

export const page = (name) => name || "(no path)";

/** Sources and browsers are names already. */
export const name = (text) => text || "Unknown";

/** The country's name in the reader's language; what is no country code is shown as it is. */
export function country(code) {
  if (!/^[A-Za-z]{2}$/.test(code)) return code || "Unknown";
  try {
    return regions.of(code.toUpperCase());
  } catch {
    return code;
  }
}

const capitalised = (word) => word[0].toUpperCase() + word.slice(1);

export const device = (name) => (name === "tv" ? "TV" : name ? capitalised(name) : "Unknown");

/** A class of traffic sources: "Organic", "AI". */
export const channel = (name) => (name === "ai" ? "AI" : name ? capitalised(name) : "Unknown");
