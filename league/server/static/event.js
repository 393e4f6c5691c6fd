/** The event page: its board follows the race without a reload. */

import { showHeats, showStandings } from "./board.js";
import { refresh } from "./refresh.js";
import { Feed } from "./socket.js";

const SPREAD_MS = 3000; // so that many viewers do not all ask at once

const at = (id) => document.getElementById(id);
const event = document.body.dataset.event;
const columns = [...at("standings").closest("table").tHead.rows[0].cells].map((cell) => cell.className);
let status = document.body.dataset.status;

function hear(message) {
  if (message.type === "board") {
    const strangers = showStandings(at("standings"), message.standings ?? [], columns);
    if (strangers) setTimeout(refresh, Math.random() * SPREAD_MS);
    at("no-standings").hidden = (message.standings ?? []).length > 0;
    if (message.heats) {
      showHeats(at("heats"), event, message.heats);
      at("no-heats").hidden = message.heats.length > 0;
    }
  }
  if (message.type === "hello" && message.event.status !== status) {
    status = message.event.status;
    at("status").textContent = status;
    at("status").dataset.status = status;
    document.body.dataset.status = status;
  }
}

new Feed(event, { message: hear, line: (state) => (document.body.dataset.line = state) }, { frames: false });
