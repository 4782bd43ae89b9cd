// Ranked lists: a name, a number, and a bar behind them. Names come from visitors, so they are only ever set as text.

import { counted, number } from "./names.js";

/** Fills `list` with `rows` of {name, page_views}; `other` is what the rows leave out. */
export function fillList(list, rows, other, nameOf) {
  const greatest = rows.length ? rows[0].page_views : 0;
  const items = rows.map((row) => item(nameOf(row.name), row.page_views, row.page_views / greatest));
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
