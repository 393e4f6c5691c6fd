/** The leaderboard and the list of heats, rewritten from "board" messages; text only, never markup. */

import { seconds, status, title } from "./format.js";
import { calm, glide } from "./glide.js";

const PAGE_ONLY = ["kind", "owner"]; // messages do not tell them
const MOST_HEATS = 100;

/** Cells of one standing by column; the server's template writes the same. */
export function cells(standing) {
  const penalised = standing.fastest_lap_off_tracks ? ` (${standing.fastest_lap_off_tracks} off)` : "";
  return {
    place: standing.heats ? String(standing.place) : "–",
    entry: standing.name,
    agent: standing.agent,
    total: seconds(standing.total_s),
    gap: standing.gap_s ? `+${seconds(standing.gap_s)}` : "–",
    fastest: seconds(standing.fastest_lap_s) + penalised,
    offs: String(standing.off_tracks),
    resets: String(standing.resets),
    attempts: String(standing.attempts),
    laps: String(standing.laps?.length ?? ""),
    status: standing.heats ? status(standing.status) : "",
  };
}

/**
 * Rewrite the rows of a table body whose rows carry `data-entry`; columns are the cells' class names.
 * @param {object} options - `trends`: entry id → places won, where they changed; `most`: rows to show
 * @returns whether there are entries that were not on the board
 */
export function showStandings(body, standings, columns, { trends = null, most = Infinity } = {}) {
  const kept = new Map([...body.rows].map((row) => [row.dataset.entry, row]));
  const shown = standings.slice(0, most);
  const rows = shown.map((standing) => {
    const row = kept.get(standing.entry_id) ?? document.createElement("tr");
    row.dataset.entry = standing.entry_id;
    const texts = cells(standing);
    columns.forEach((column, i) => {
      const cell = row.cells[i] ?? row.insertCell();
      cell.className = column;
      if (column === "trend") return void (trends?.has(standing.entry_id) && showTrend(cell, trends.get(standing.entry_id)));
      if (PAGE_ONLY.includes(column)) return;
      const words = cell.querySelector("bdi") ?? cell; // an entry's name is inside a link
      if (words.textContent !== texts[column]) {
        if (words.textContent) flash(cell);
        words.textContent = texts[column];
      }
    });
    row.classList.toggle("out", standing.status !== "FIN");
    return row;
  });
  glide(body, rows, calm());
  return shown.some((standing) => !kept.has(standing.entry_id));
}

/** Places won by each entry from one list of standings to the next; null for who had none. */
export function trends(before, after) {
  const places = new Map(before.filter((row) => row.heats).map((row) => [row.entry_id, row.place]));
  return new Map(
    after.map((row) => [row.entry_id, row.heats && places.has(row.entry_id) ? places.get(row.entry_id) - row.place : null]),
  );
}

function showTrend(cell, won) {
  const sort = !won ? "same" : won > 0 ? "up" : "down";
  const mark = document.createElement("span");
  mark.className = sort;
  const [sign, word] = { same: ["–", "as before"], up: ["▲", "up "], down: ["▼", "down "] }[sort];
  const drawn = document.createElement("span");
  drawn.ariaHidden = "true";
  drawn.textContent = sign;
  const said = document.createElement("span");
  said.className = "unseen";
  said.textContent = won === null ? "new" : word;
  mark.append(...(won ? [drawn, said, String(Math.abs(won))] : [said, drawn]));
  cell.replaceChildren(mark);
}

/** Rewrite the list of heats: the last that were raced and the first that wait. */
export function showHeats(list, event, heats) {
  const known = new Map([...list.children].map((item) => [item.dataset.heat, item.firstChild.textContent]));
  const raced = heats.filter((heat) => heat.status !== "waiting").slice(-MOST_HEATS);
  const waiting = heats.filter((heat) => heat.status === "waiting").slice(0, MOST_HEATS);
  list.replaceChildren(
    ...[...raced, ...waiting].map((heat) => {
      const item = document.createElement("li");
      item.dataset.heat = heat.id;
      item.dataset.status = heat.status;
      const link = document.createElement(heat.status === "waiting" ? "bdi" : "a");
      if (link.localName === "a") {
        link.href = `/events/${encodeURIComponent(event)}/heats/${encodeURIComponent(heat.id)}`;
      }
      link.textContent = known.get(heat.id) ?? title(heat.id);
      const word = document.createElement("span");
      word.className = "status";
      word.textContent = heat.status;
      item.append(link, word);
      return item;
    }),
  );
}

function flash(cell) {
  cell.classList.remove("changed");
  requestAnimationFrame(() => cell.classList.add("changed"));
}
