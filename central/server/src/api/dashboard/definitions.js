// What each figure means, one click away: a question mark beside its name opens the sentence by which central counts it. The sentences are
// central's own (`/api/v1/definitions`) and are asked for at the first click.

import { ask } from "./ask.js";

/** Between the question mark and the box, and from the window's edge. */
const APART = 8;

export class Definitions {
  #box;
  #name;
  #meaning;
  #asked = null;
  #button = null;

  /**
   * `box` shows one definition at a time; every element of `page` with `data-figure` gets its question mark, and has the
   * figure's name as its text or in `data-name`.
   */
  constructor(page, box) {
    this.#box = box;
    [this.#name, this.#meaning] = ["h2", "p"].map((tag) => box.querySelector(tag));
    for (const place of page.querySelectorAll("[data-figure]")) place.append(this.#questionMark(place));
    box.querySelector("button").addEventListener("click", () => this.#close(true));
    document.addEventListener("keydown", (event) => this.#button && this.#leave(event));
    document.addEventListener("pointerdown", ({ target }) => {
      if (!box.contains(target) && !this.#button?.contains(target)) this.#close(false);
    });
    addEventListener("resize", () => this.#place());
  }

  #questionMark(place) {
    const button = document.createElement("button");
    const name = place.dataset.name ?? place.textContent.trim();
    button.type = "button";
    button.className = "why";
    button.textContent = "?";
    button.setAttribute("aria-label", `What “${name}” means`);
    button.setAttribute("aria-haspopup", "dialog");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      if (this.#button === button) this.#close(true);
      else this.#open(button, place.dataset.figure, name);
    });
    return button;
  }

  async #open(button, figure, name) {
    this.#close(false);
    this.#button = button;
    button.setAttribute("aria-expanded", "true");
    this.#say(name, "…");
    this.#box.hidden = false;
    this.#place();
    let sentence;
    try {
      this.#asked ??= ask("/api/v1/definitions");
      const { definitions } = await this.#asked;
      const found = definitions.find((definition) => definition.figure === figure);
      sentence = found?.meaning ?? "Central does not say what it means by this.";
      name = found?.name ?? name;
    } catch (problem) {
      this.#asked = null;
      sentence = `The definition could not be read: ${problem.message}.`;
    }
    if (this.#button !== button) return;
    this.#say(name, sentence);
    this.#place();
    // Only now: whoever has the page read aloud hears the box as it gets the focus.
    this.#box.focus({ preventScroll: true });
  }

  #say(name, meaning) {
    this.#name.textContent = name;
    this.#meaning.textContent = meaning;
  }

  /** Under its question mark, above it where there is no room, and never beyond the sides. */
  #place() {
    if (!this.#button) return;
    const mark = this.#button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.#box;
    const { clientWidth, clientHeight } = document.documentElement;
    const left = Math.max(APART, Math.min(mark.left - APART, clientWidth - width - APART));
    const below = mark.bottom + APART;
    const above = mark.top - APART - height;
    const top = below + height > clientHeight && above > 0 ? above : below;
    this.#box.style.left = `${left + scrollX}px`;
    this.#box.style.top = `${top + scrollY}px`;
  }

  /** Escape closes; whoever leaves the box with Tab goes on from the question mark. */
  #leave(event) {
    if (event.key === "Escape") this.#close(true);
    const edge = event.shiftKey ? this.#box : this.#box.querySelector("button");
    if (event.key === "Tab" && document.activeElement === edge) this.#close(true);
  }

  #close(back) {
    const button = this.#button;
    if (!button) return;
    this.#button = null;
    button.setAttribute("aria-expanded", "false");
    if (back) button.focus({ preventScroll: true });
    this.#box.hidden = true;
  }
}
