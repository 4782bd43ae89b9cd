// Figures that could not be asked anew: dimmed, with a sentence that says of when they are.

import { time } from "./names.js";

export class Staleness {
  #notice;
  #figures;
  #asOf = null;

  /** `notice` is told, `figures` are the elements that are dimmed. */
  constructor(notice, figures) {
    this.#notice = notice;
    this.#figures = figures;
  }

  /** The figures are of now. */
  fresh() {
    this.#asOf = Date.now();
    this.#show(null);
  }

  /** They could not be had: `why` is a sentence. Where there were none, that is all. */
  stale(why) {
    this.#show(this.#asOf === null ? why : `${why} These figures are of ${time(this.#asOf)}.`);
  }

  /** There are none any more. */
  forget() {
    this.#asOf = null;
    this.#show(null);
  }

  #show(sentence) {
    this.#notice.hidden = sentence === null;
    if (this.#notice.textContent !== (sentence ?? "")) this.#notice.textContent = sentence ?? "";
    for (const figures of this.#figures) figures.classList.toggle("stale", sentence !== null && this.#asOf !== null);
  }
}
