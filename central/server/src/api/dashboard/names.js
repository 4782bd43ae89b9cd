// How numbers, durations and codes are written for people. Returns text only; nothing here touches the page.

const whole = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const regions = new Intl.DisplayNames(undefined, { type: "region" });

/** 12,345, and 1.2M where digits would not fit. */
export const number = (value) => (value < 1_000_000 ? whole : compact).format(value);

/** "1 page view", "12 page views". */
export const counted = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;

/** Milliseconds as "1m 04s", or a dash where there are none. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  return `${number(Math.floor(seconds / 60))}m ${String(seconds % 60).padStart(2, "0")}s`;
}

/** The local time of a moment (milliseconds since 1970), to the minute. */
export const time = (ms) => clock.format(ms);

/** The days from one moment to another, in UTC. */
export const days = (from, to) => `${day.formatRange(from, to)} UTC`;

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
