// A row of bars over time. Drawn in pixels, so that bars and labels stay crisp at every width; read by pointer, arrow keys and screen
// readers. What the bars are is said by who shows them: `minutes.js`, `course.js`.

import { short } from "./names.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 2;
const RIGHT = 44;
const TOP = 8;
const BOTTOM = 24;

export class BarChart {
  #place;
  #svg = shape("svg", { role: "img", tabindex: "0" });
  #grid = shape("g", {});
  #bars = shape("g", {});
  #tip = document.createElement("div");
  #shown = { values: [] };
  #chosen = null;

  constructor(place) {
    this.#place = place;
    this.#svg.append(this.#grid, this.#bars);
    this.#tip.className = "tip";
    this.#tip.hidden = true;
    this.#tip.setAttribute("role", "status");
    place.append(this.#svg, this.#tip);
    new ResizeObserver(() => this.#draw()).observe(place);
    this.#svg.addEventListener("pointermove", (event) => this.#choose(this.#under(event)));
    this.#svg.addEventListener("pointerleave", () => this.#choose(null));
    this.#svg.addEventListener("blur", () => this.#choose(null));
    this.#svg.addEventListener("keydown", (event) => this.#step(event));
  }

  /**
   * `values`, not negative; which of them is `running` still, or null; the `tip` of the one at an index; for a width in pixels, the `marks`
   * below ({at, text, anchor}, `at` in bars from the left); and a `summary` for who does not see it.
   */
  show(shown) {
    if (shown.values.length !== this.#shown.values.length) {
      this.#chosen = null;
      this.#bars.replaceChildren(...shown.values.map(() => shape("rect", {})));
    }
    this.#shown = shown;
    [...this.#bars.children].forEach((bar, index) => bar.classList.toggle("running", index === shown.running));
    this.#svg.setAttribute("aria-label", shown.summary);
    this.#draw();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#place;
    const { values } = this.#shown;
    if (!width || !values.length) return;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const ceiling = niceCeiling(Math.max(...values));
    const floor = height - BOTTOM;
    const slot = this.#slot();
    const gap = slot > 24 ? slot / 6 : slot > 7 ? 2 : slot > 3 ? 1 : 0;
    values.forEach((value, index) => {
      const tall = value ? Math.max(2, (value / ceiling) * (floor - TOP)) : 0;
      const x = LEFT + index * slot + (slot > 24 ? gap / 2 : 0);
      set(this.#bars.children[index], { x, width: slot - gap, y: floor - tall, height: tall, rx: slot > 7 ? 2 : 0 });
    });
    this.#drawGrid(width, floor, ceiling);
    this.#showTip();
  }

  #drawGrid(width, floor, ceiling) {
    const parts = [];
    for (const step of [0, ceiling / 2, ceiling]) {
      const y = Math.round(floor - (step / ceiling) * (floor - TOP)) + 0.5;
      parts.push(shape("line", { x1: 0, x2: width - RIGHT + 4, y1: y, y2: y }));
      if (step) parts.push(words(short(step), { x: width, y: y + 4, "text-anchor": "end" }));
    }
    for (const { at, text, anchor } of this.#shown.marks(width)) {
      parts.push(words(text, { x: LEFT + at * this.#slot(), y: floor + 18, "text-anchor": anchor }));
    }
    this.#grid.replaceChildren(...parts);
  }

  #slot() {
    return (this.#place.clientWidth - LEFT - RIGHT) / this.#shown.values.length;
  }

  #under(event) {
    const index = Math.floor((event.clientX - this.#svg.getBoundingClientRect().left - LEFT) / this.#slot());
    return index >= 0 && index < this.#shown.values.length ? index : null;
  }

  #step(event) {
    const last = this.#shown.values.length - 1;
    const from = this.#chosen ?? last + 1;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#choose(to === null ? null : Math.min(Math.max(to, 0), last));
  }

  #choose(index) {
    this.#bars.children[this.#chosen]?.classList.remove("chosen");
    this.#chosen = index;
    this.#bars.children[index]?.classList.add("chosen");
    this.#showTip();
  }

  #showTip() {
    const index = this.#chosen;
    this.#tip.hidden = index === null;
    if (index === null) return;
    this.#tip.textContent = this.#shown.tip(index);
    const middle = LEFT + (index + 0.5) * this.#slot() - this.#tip.offsetWidth / 2;
    const left = Math.min(Math.max(middle, 0), this.#place.clientWidth - this.#tip.offsetWidth);
    const above = Number(this.#bars.children[index].getAttribute("y")) - this.#tip.offsetHeight - 6;
    this.#tip.style.transform = `translate(${left}px, ${Math.max(above, -22)}px)`;
  }
}

/** The least round even number that is not below `value`: 2, 4, 6, 8, 10, 20, 30, 40, 50, 60, 80, 100, … */
function niceCeiling(value) {
  for (let unit = 1; ; unit *= 10) {
    for (const factor of [2, 3, 4, 5, 6, 8, 10]) {
      const ceiling = factor * unit;
      if (ceiling >= value && ceiling % 2 === 0) return ceiling;
    }
  }
}

function shape(kind, attributes) {
  return set(document.createElementNS(SVG, kind), attributes);
}

function words(text, attributes) {
  const element = shape("text", attributes);
  element.textContent = text;
  return element;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
