/** The watch socket: follows one event, and comes back by itself when the line breaks. */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

export class Feed {
  #event;
  #frames;
  #told;
  #wait_ms = FIRST_WAIT_MS;
  #socket = null;
  #timer = 0;
  #stopped = false;
  #delay_s = 0;

  /**
   * @param {string} event - id of the event
   * @param {object} told - `message(message)` and `line(state)`, state being "open" or "lost"
   * @param {object} options - `frames: false` leaves the moving cars out; `delay_s` holds everything back
   */
  constructor(event, told, { frames = true, delay_s = 0 } = {}) {
    this.#delay_s = delay_s;
    this.#event = event;
    this.#told = told;
    this.#frames = frames;
    this.#open();
    addEventListener("online", () => this.#hurry());
    addEventListener("pagehide", () => this.#socket?.close());
    // A page that comes back from the browser's cache has lost its socket.
    addEventListener("pageshow", (shown) => shown.persisted && this.#hurry());
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #open() {
    const url = new URL("/ws/watch", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("event", this.#event);
    if (!this.#frames) url.searchParams.set("frames", "0");
    const socket = new WebSocket(url, ["league.v1.json"]);
    this.#socket = socket;
    socket.onmessage = (received) => {
      this.#wait_ms = FIRST_WAIT_MS;
      const message = JSON.parse(received.data);
      if (!this.#delay_s) this.#told.message(message);
      else setTimeout(() => !this.#stopped && this.#told.message(message), this.#delay_s * 1000);
    };
    socket.onopen = () => this.#told.line("open");
    socket.onclose = () => {
      if (this.#socket !== socket || this.#stopped) return;
      this.#told.line("lost");
      const wait_ms = this.#wait_ms * (0.5 + Math.random());
      this.#wait_ms = Math.min(this.#wait_ms * 2, LONGEST_WAIT_MS);
      this.#timer = setTimeout(() => this.#open(), wait_ms);
    };
  }

  #hurry() {
    if (this.#stopped || this.#socket?.readyState === WebSocket.OPEN) return;
    clearTimeout(this.#timer);
    this.#open();
  }
}
