/** The event page: its board follows the race without a reload. */

import { showHeats, showStandings, trends } from "./board.js";
import { renew } from "./boards.js";
import { seconds } from "./format.js";
import { refresh } from "./refresh.js";
import { Decided } from "./rulings.js";
import { Feed } from "./socket.js";

const SPREAD_MS = 3000; // so that many viewers do not all ask at once

const at = (id) => document.getElementById(id);
const { event, view, size } = document.body.dataset;
const columns = [...at("standings").closest("table").tHead.rows[0].cells].map((cell) => cell.className);
let status = document.body.dataset.status;
const decided = new Decided();
let known = null; // the standings of the last message

function hear(message) {
  if (message.type === "board") showBoard(message.standings ?? [], message.heats);
  if (decided.news(message)) setTimeout(renew, Math.random() * SPREAD_MS);
  if (message.type === "hello" && message.event.status !== status) {
    status = message.event.status;
    at("status").textContent = status;
    at("status").dataset.status = status;
    document.body.dataset.status = status;
    if (known) showVerdict(known);
  }
}

function showBoard(standings, heats) {
  const raced = known && standings.some((row, i) => row.heats !== known[i]?.heats || row.entry_id !== known[i].entry_id);
  if (view === "top") {
    const moved = raced ? trends(known, standings) : null;
    const strangers = showStandings(at("standings"), standings, columns, { trends: moved, most: Number(size) });
    if (strangers) setTimeout(refresh, Math.random() * SPREAD_MS);
  } else if (raced) setTimeout(renew, Math.random() * SPREAD_MS); // this page is a part of the board; ask for it again
  known = standings;
  showVerdict(standings);
  at("no-standings").hidden = standings.length > 0;
  if (heats) {
    showHeats(at("heats"), event, heats);
    at("no-heats").hidden = heats.length > 0;
  }
}

/** Who leads or won, and by how much: what the server's template wrote. */
function showVerdict([first, second]) {
  const verdict = at("verdict");
  verdict.hidden = !first?.heats || first.status !== "FIN";
  if (verdict.hidden) return;
  const [leader, said, next] = verdict.children;
  const ahead = second?.heats && second.gap_s && verdict.dataset.margin !== "no" ? seconds(second.gap_s) : "";
  const by = ahead && (ahead.includes(":") ? `${ahead} ` : `${ahead} s `);
  leader.textContent = first.name;
  said.textContent = (status === "finished" ? "won" : "leads") + (second?.heats ? `, ${by}ahead of` : "");
  next.textContent = second?.heats ? second.name : "";
}

new Feed(event, { message: hear, line: (state) => (document.body.dataset.line = state) }, { frames: false });
