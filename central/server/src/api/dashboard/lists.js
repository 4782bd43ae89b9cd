// Ranked lists: a name, a number, and a bar behind them, and a button that opens a list beyond its first rows. Names come from visitors, so
// they are only ever set as text.

import { counted, number } from "./names.js";

/** Rows that a list shows until it is opened, where its `data-rows` does not say another number. */
export const ROWS = 7;

/** What rows are counted by. */
export const PAGE_VIEWS = { of: (row) => row.pageviews, one: "page view", many: "page views" };
export const VISITS = { of: (row) => row.visits, one: "visit", many: "visits" };

/**
 * Fills `list` with the first of `rows` ({name, …}, greatest first), with all of them when it is open; rows that are null are not computed
 * yet. `other` is what the rows leave out, and `otherName` who that is; `detail` gives a row some more words. A list whose `data-open` is
 * there is open; when its button was pressed it sends the event `opened`.
 */
export function fillList(list, rows, { nameOf, by = PAGE_VIEWS, other = 0, otherName = "Other", detail = () => "" }) {
  const few = Number(list.dataset.rows ?? ROWS);
  const open = "open" in list.dataset;
  const shown = open ? (rows ?? []) : (rows ?? []).slice(0, few);
  const hidden = (rows ?? []).slice(shown.length);
  if (hidden.length) otherName = "Other";
  for (const row of hidden) other += by.of(row);
  showButton(list, open, open ? rows?.length > few : shown.length >= few && other > 0);
  const most = shown.length ? by.of(shown[0]) : 0;
  const items = shown.map((row) => item(nameOf(row.name), detail(row), by.of(row), most ? by.of(row) / most : 0, by));
  if (other > 0) {
    const rest = item(otherName, "", other, 0, by);
    rest.classList.add("other");
    items.push(rest);
  }
  if (!items.length) items.push(emptyItem(rows === null ? "Not computed yet" : "Nothing yet"));
  list.replaceChildren(...items);
}

function showButton(list, open, useful) {
  const before = list.nextElementSibling;
  if (!before && !useful) return;
  const button = before ?? document.createElement("button");
  if (!before) {
    button.type = "button";
    button.className = "more";
    button.setAttribute("aria-controls", list.id);
    button.setAttribute("aria-describedby", list.getAttribute("aria-labelledby"));
    button.addEventListener("click", () => {
      list.toggleAttribute("data-open");
      list.dispatchEvent(new CustomEvent("opened", { bubbles: true }));
    });
    list.after(button);
  }
  button.hidden = !useful;
  button.textContent = open ? "Show fewer" : "Show more";
  button.setAttribute("aria-expanded", String(open));
}

function item(name, detail, value, share, by) {
  const bar = part("share", "");
  bar.style.width = `${(share * 100).toFixed(1)}%`;
  const label = part("name", name);
  label.title = name;
  const count = part("number", number(value));
  count.title = counted(value, by.one, by.many);
  const entry = document.createElement("li");
  entry.append(bar, label, ...(detail ? [part("detail", detail)] : []), count);
  return entry;
}

function emptyItem(words) {
  const entry = document.createElement("li");
  entry.className = "empty";
  entry.textContent = words;
  return entry;
}

function part(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}
