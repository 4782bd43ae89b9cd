// The course of a period as a chart: page views by hour or by day of the website's time zone. Says what bars, words and marks there are;
// draws nothing. Times are read off the zone's own clock, which central writes (`2026-11-30T14:00:00+01:00`).

import { clockTime, counted, day, days, number, weekday } from "./names.js";

/** Bars from one mark to the next. */
const STEPS = { hour: [1, 2, 3, 4, 6, 12, 24], day: [1, 2, 7, 14, 28, 56, 91, 182, 364] };
/** Room for a mark, pixels: a day, and a day's hour. */
const MARK_WIDTH = 84;
const WIDE_MARK_WIDTH = 108;

/** What central answers for a series; it is `now`, milliseconds since 1970. */
export function course({ interval, buckets, to }, now) {
  const values = buckets.map((bucket) => bucket.pageviews);
  const starts = buckets.map((bucket) => Date.parse(bucket.start));
  const clocks = buckets.map((bucket) => Date.parse(`${bucket.start.slice(0, 19)}Z`));
  const running = now < Date.parse(to) ? starts.findLastIndex((start) => start <= now) : null;
  const severalDays = new Set(buckets.map((bucket) => bucket.start.slice(0, 10))).size > 1;
  const severalYears = new Set(buckets.map((bucket) => bucket.start.slice(0, 4))).size > 1 && interval === "day";
  const words = (clock) => {
    if (interval === "day") return severalYears ? days(clock, clock) : day(clock);
    return severalDays ? `${weekday(clock)} ${clockTime(clock)}` : clockTime(clock);
  };
  const total = values.reduce((sum, value) => sum + value, 0);
  const most = Math.max(0, ...values);
  const at = most ? ` (${words(clocks[values.indexOf(most)])})` : "";
  return {
    values,
    running,
    tip: (index) => {
      const { pageviews, visitors } = buckets[index];
      const when = interval === "day" ? `${weekday(clocks[index])}, ${words(clocks[index])}` : words(clocks[index]);
      if (starts[index] > now) return `${when} · not yet`;
      return `${when} · ${counted(pageviews, "page view", "page views")} · ${counted(visitors, "visitor", "visitors")}`;
    },
    marks: (width) => {
      const room = Math.max(2, Math.floor(width / (severalDays && interval === "hour" ? WIDE_MARK_WIDTH : MARK_WIDTH)));
      const step = STEPS[interval].find((step) => values.length / step <= room) ?? values.length;
      const marks = [];
      for (let index = 0; index < values.length; index += step) {
        const middle = step === 1 && interval === "day";
        // One that begins with the last bars has no room beside them.
        if (!middle && ((values.length - index) / values.length) * width < MARK_WIDTH / 2) continue;
        marks.push({ at: middle ? index + 0.5 : index, text: words(clocks[index]), anchor: middle ? "middle" : "start" });
      }
      return marks;
    },
    summary:
      `Page views by ${interval}: ${number(total)} in all, at most ${number(most)} in one ${interval}${at}. ` +
      `Arrow keys read single ${interval}s.`,
  };
}
