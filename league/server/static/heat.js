/** A heat's page: fetched anew while it is raced, and when stewards decide something. */

import { refresh } from "./refresh.js";
import { Decided } from "./rulings.js";
import { Feed } from "./socket.js";

const SPREAD_MS = 3000; // so that many viewers do not all ask at once
const decided = new Decided();

function hear(message) {
  if (decided.news(message)) setTimeout(refresh, Math.random() * SPREAD_MS);
}

new Feed(document.body.dataset.event, { message: hear, line: () => {} }, { frames: false });
