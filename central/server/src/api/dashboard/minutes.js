// The last hour as a chart: page views per minute, the running minute last. Says what bars, words and marks there are; draws nothing.

import { counted, number, time } from "./names.js";

const MINUTE = 60_000;

/** `values` are page views per minute, the last one of the minute that is running at `now` (milliseconds since 1970). */
export function minutes(values, now) {
  const last = values.length - 1;
  const total = values.reduce((sum, value) => sum + value, 0);
  return {
    values,
    running: last,
    tip: (index) => `${time(now - (last - index) * MINUTE)} · ${counted(values[index], "page view", "page views")}`,
    marks: (width) => {
      const apart = values.length / (width < 400 ? 2 : values.length === 60 ? 4 : 3);
      const marks = [{ at: values.length, text: "now", anchor: "end" }];
      for (let age = values.length; age > 0; age -= apart) {
        marks.push({ at: values.length - age, text: age === values.length ? `${age} min ago` : String(age), anchor: "start" });
      }
      return marks;
    },
    summary:
      `Page views per minute, last ${values.length} minutes: ${number(total)} in all, at most ${number(Math.max(0, ...values))} ` +
      `in a minute, ${number(values.at(-1) ?? 0)} in this one. Arrow keys read single minutes.`,
  };
}
