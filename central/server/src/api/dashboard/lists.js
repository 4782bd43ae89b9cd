// Ranked lists: a name, a number, and a bar behind them. Names come from visitors, so they are only ever set as text.

import { counted, number } from "./names.js";

/** Rows that a list shows at most. */
export const ROWS = 7;

/** Fills `list` with the first of `rows` ({name, pageviews}, greatest first); `other` is what the rows leave out. */
export function fillList(list, rows, nameOf, other = 0) {
  const shown = rows.slice(0, ROWS);
  for (const row of rows.slice(ROWS)) other += row.pageviews;
  const items = shown.map((row) => item(nameOf(row.name), row.pageviews, row.pageviews / rows[0].pageviews));
  if (other > 0) {
    const rest = item("Other", other, 0);
    rest.classList.add("other");
    items.push(rest);
  }
  if (!items.length) items.push(emptyItem());
  list.replaceChildren(...items);
}

function item(name, value, share) {
  const bar = part("share", "");
  bar.style.width = `${(share * 100).toFixed(1)}%`;
  const label = part("name", name);
  label.title = name;
  const count = part("number", number(value));
  count.title = counted(value, "page view", "page views");
  const entry = document.createElement("li");
  entry.append(bar, label, count);
  return entry;
}

function emptyItem() {
  const entry = document.createElement("li");
  entry.className = "empty";
  entry.textContent = "Nothing yet";
  return entry;
}

function part(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}
