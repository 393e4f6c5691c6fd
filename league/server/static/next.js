/** The board of what is raced now and next: fetched anew when the race goes on. */

import { refresh } from "./refresh.js";
import { Feed } from "./socket.js";

const SPREAD_MS = 1500; // so that many viewers do not all ask at once
let waiting = null;

function hear(message) {
  if (!["board", "heat", "hello"].includes(message.type) || waiting) return;
  waiting = setTimeout(() => {
    waiting = null;
    refresh();
  }, Math.random() * SPREAD_MS);
}

new Feed(document.body.dataset.event, { message: hear, line: () => {} }, { frames: false });
