/** The stop button on every page, for whoever holds a timekeeper's token: it stops every car of a run. */

const KEPT = "timekeeper ";
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;
const LATE_MS = 10_000;
const WHY = "somebody pressed stop on a page";

const button = document.getElementById("stop");
const said = document.getElementById("stop-said");
const lines = new Map();

/** One event's control socket, which comes back by itself; a stop that was pressed meanwhile is sent then. */
class Line {
  running = false;
  #pressedAt = -Infinity;
  #wait_ms = FIRST_WAIT_MS;
  #socket = null;
  #count = 0;

  constructor(event, token) {
    this.event = event;
    this.token = token;
    this.#open();
  }

  stop() {
    this.#pressedAt = performance.now();
    if (!this.#send()) tell("No connection yet: it is sent as soon as there is one.");
  }

  #open() {
    const url = new URL("/ws/control", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, ["league.v1.json"]);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token: this.token, event: this.event }));
    socket.onmessage = (received) => this.#hear(JSON.parse(received.data));
    socket.onclose = (closed) => {
      if (closed.code === 4001 || closed.code === 4010) {
        sessionStorage.removeItem(KEPT + this.event);
        lines.delete(this.event);
        return show();
      }
      setTimeout(() => this.#open(), this.#wait_ms);
      this.#wait_ms = Math.min(2 * this.#wait_ms, LONGEST_WAIT_MS);
    };
  }

  #hear(message) {
    if (message.type === "welcome") {
      this.#wait_ms = FIRST_WAIT_MS;
      if (performance.now() - this.#pressedAt < LATE_MS) this.#send();
    } else if (message.type === "state") {
      this.running = message.run !== null;
      show();
    } else if (message.type === "done") {
      this.#pressedAt = -Infinity;
      tell("Every car was told to stop. Each is cleared beside it.");
    } else if (message.type === "error" && !message.fatal) {
      this.#pressedAt = -Infinity;
      tell(message.message);
    }
  }

  #send() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#count += 1;
    const id = `${Math.random().toString(36).slice(2, 10)}-${this.#count}`;
    this.#socket.send(JSON.stringify({ type: "do", id, what: "stop", why: WHY }));
    return true;
  }
}

function show() {
  button.hidden = ![...lines.values()].some((line) => line.running);
}

function tell(words) {
  said.textContent = words;
}

function hold(event, token) {
  if (lines.has(event)) return;
  lines.set(event, new Line(event, token));
}

function kept() {
  const names = Object.keys(sessionStorage).filter((name) => name.startsWith(KEPT));
  return names.map((name) => [name.slice(KEPT.length), sessionStorage.getItem(name)]);
}

// A tab of its own does not know what was typed into another one; the others tell it.
const tabs = new BroadcastChannel("timekeeper");
tabs.onmessage = ({ data }) => {
  if (data.ask) for (const [event, token] of kept()) tabs.postMessage({ event, token });
  else if (data.event) hold(data.event, data.token);
};
for (const [event, token] of kept()) hold(event, token);
tabs.postMessage({ ask: true });
button.addEventListener("click", () => {
  for (const line of lines.values()) if (line.running) line.stop();
});
