/** The leaderboard and the list of heats, rewritten from "board" messages; text only, never markup. */

import { seconds, status, title } from "./format.js";
import { calm, glide, topsOnScreen } from "./glide.js";

const PAGE_ONLY = ["kind", "owner"]; // messages do not tell them
const MOST_HEATS = 100;
const AT_ONCE = 24; // rows that are rewritten in one go, besides those on the screen
const BETWEEN_MS = 20;
const waiting = new WeakMap(); // table body → rows that are still to be rewritten

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
 * Rewrite the rows of a table body whose rows carry `data-entry`; columns are the cells' class names. Of a long
 * board, rows that cannot be seen are rewritten a few at a time, so that the page never stands still.
 * @param {object} options - `trends`: entry id → places won, where they changed; `most`: rows to show
 * @returns whether there are entries that were not on the board
 */
export function showStandings(body, standings, columns, { trends = null, most = Infinity } = {}) {
  const kept = new Map([...body.rows].map((row) => [row.dataset.entry, row]));
  const seen = topsOnScreen(body);
  const shown = standings.slice(0, most);
  const late = new Map();
  const rows = shown.map((standing, i) => {
    const old = kept.get(standing.entry_id);
    const row = old ?? document.createElement("tr");
    row.dataset.entry = standing.entry_id;
    if (old && i >= AT_ONCE && !seen.has(row)) late.set(row, standing);
    else fill(row, standing, columns, trends, seen.has(row));
    return row;
  });
  glide(body, rows, calm());
  for (const row of late.size ? topsOnScreen(body).keys() : []) {
    if (late.has(row)) fill(row, late.get(row), columns, trends, false);
    late.delete(row);
  }
  waiting.set(body, late);
  if (late.size) setTimeout(fillLater, BETWEEN_MS, body, late, columns, trends);
  return shown.some((standing) => !kept.has(standing.entry_id));
}

/** Rewrite the next few rows that wait, unless newer standings came meanwhile. */
function fillLater(body, late, columns, trends) {
  if (waiting.get(body) !== late) return;
  for (const [row, standing] of [...late].slice(0, AT_ONCE)) {
    fill(row, standing, columns, trends, false);
    late.delete(row);
  }
  if (late.size) setTimeout(fillLater, BETWEEN_MS, body, late, columns, trends);
}

function fill(row, standing, columns, trends, lit) {
  const texts = cells(standing);
  columns.forEach((column, i) => {
    const cell = row.cells[i] ?? row.insertCell();
    if (cell.className !== column) cell.className = column;
    if (column === "trend") return void (trends?.has(standing.entry_id) && showTrend(cell, trends.get(standing.entry_id)));
    if (PAGE_ONLY.includes(column)) return;
    const words = cell.querySelector("bdi") ?? cell; // an entry's name is inside a link
    if (words.textContent !== texts[column]) {
      if (words.textContent && lit) flash(cell);
      words.textContent = texts[column];
    }
  });
  row.classList.toggle("out", standing.status !== "FIN");
}

/** Places won by each entry from one list of standings to the next; null for who had none. */
export function trends(before, after) {
  const places = new Map(before.filter((row) => row.heats).map((row) => [row.entry_id, row.place]));
  return new Map(
    after.map((row) => [row.entry_id, row.heats && places.has(row.entry_id) ? places.get(row.entry_id) - row.place : null]),
  );
}

function showTrend(cell, won) {
  if (cell.dataset.won === String(won)) return;
  cell.dataset.won = won;
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
