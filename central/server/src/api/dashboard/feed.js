// The live view of one website: server-sent events while they arrive, asking every few seconds while they do not, nothing while the page
// is hidden (a browser has only six connections to share among its tabs). Says what it is doing; draws nothing.

const POLL_EVERY = 3_000;
/** The server speaks at least every 15 s; a stream that is silent for longer is dead. */
const SILENCE = 20_000;

export class Feed {
  #url;
  #onView;
  #onState;
  #stream = null;
  #poll = 0;
  #watchdog = 0;
  #ended = false;
  #visibility = () => (document.hidden ? this.#pause() : this.#connect());

  /** `onView` gets each view, `onState` one of connecting, live, polling, lost, paused. */
  constructor(siteId, onView, onState) {
    this.#url = `/api/v1/sites/${encodeURIComponent(siteId)}/realtime`;
    this.#onView = onView;
    this.#onState = onState;
    document.addEventListener("visibilitychange", this.#visibility);
    this.#visibility();
  }

  end() {
    this.#ended = true;
    document.removeEventListener("visibilitychange", this.#visibility);
    this.#stop();
  }

  #connect() {
    this.#stop();
    this.#onState("connecting");
    this.#openStream();
  }

  #openStream() {
    this.#stream?.close();
    this.#stream = new EventSource(`${this.#url}/stream`);
    this.#stream.onmessage = (message) => {
      this.#stopPolling();
      this.#expectMore();
      this.#onState("live");
      this.#onView(JSON.parse(message.data));
    };
    this.#stream.onerror = () => this.#fallBack();
    this.#expectMore();
  }

  #expectMore() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#fallBack(), SILENCE);
  }

  #fallBack() {
    clearTimeout(this.#watchdog);
    this.#stream?.close();
    this.#stream = null;
    if (!this.#poll) {
      this.#poll = setInterval(() => this.#ask(), POLL_EVERY);
      this.#ask();
    }
  }

  async #ask() {
    const poll = this.#poll;
    const current = () => !this.#ended && this.#poll === poll;
    try {
      const answer = await fetch(this.#url, { headers: { accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const view = await answer.json();
      if (!current()) return;
      this.#onState("polling");
      this.#onView(view);
      // Whoever answers here may answer the stream as well.
      if (this.#stream === null) this.#openStream();
    } catch {
      if (current()) this.#onState("lost");
    }
  }

  #pause() {
    this.#stop();
    this.#onState("paused");
  }

  #stopPolling() {
    clearInterval(this.#poll);
    this.#poll = 0;
  }

  #stop() {
    this.#stopPolling();
    clearTimeout(this.#watchdog);
    this.#stream?.close();
    this.#stream = null;
  }
}
