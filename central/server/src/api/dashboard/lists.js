// Ranked lists: a name, a number, and a bar behind them, and a button that opens a list beyond its first rows. Names come from visitors, so
// they are only ever set as text.

import { counted, number } from "./names.js";

/** Rows that a list shows until it is opened, where its `data-rows` does not say another number. */
export const ROWS = 7;

/**
 * Fills `list` with the first of `rows` ({name, pageviews}, greatest first), with all of them when it is open; `other` is what the rows
 * leave out. A list whose `data-open` is there is open; when its button was pressed it sends the event `opened`.
 */
export function fillList(list, rows, nameOf, other = 0) {
  const few = Number(list.dataset.rows ?? ROWS);
  const open = "open" in list.dataset;
  const shown = open ? rows : rows.slice(0, few);
  for (const row of rows.slice(shown.length)) other += row.pageviews;
  showButton(list, open, open ? rows.length > few : rows.length >= few && other > 0);
  const items = shown.map((row) => item(nameOf(row.name), row.pageviews, row.pageviews / rows[0].pageviews));
  if (other > 0) {
    const rest = item("Other", other, 0);
    rest.classList.add("other");
    items.push(rest);
  }
  if (!items.length) items.push(emptyItem());
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
