/** The event page: its board follows the race without a reload. */

import { showHeats, showStandings } from "./board.js";
import { Feed } from "./socket.js";

const at = (id) => document.getElementById(id);
const event = document.body.dataset.event;
const columns = [...at("standings").closest("table").tHead.rows[0].cells].map((cell) => cell.className);
let status = document.body.dataset.status;

function hear(message) {
  if (message.type === "board") {
    showStandings(at("standings"), message.standings ?? [], columns);
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
