/** The leaderboard and the list of heats, rewritten from "board" messages; text only, never markup. */

import { seconds, status, title } from "./format.js";

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
    laps: String(standing.laps.length),
    status: standing.heats ? status(standing.status) : "",
  };
}

/**
 * Rewrite the rows of a table body whose rows carry `data-entry`; columns are the cells' class names.
 * Answers whether there are entries that were not on the board.
 */
export function showStandings(body, standings, columns) {
  const kept = new Map([...body.rows].map((row) => [row.dataset.entry, row]));
  const rows = standings.map((standing) => {
    const row = kept.get(standing.entry_id) ?? document.createElement("tr");
    row.dataset.entry = standing.entry_id;
    const texts = cells(standing);
    columns.forEach((column, i) => {
      const cell = row.cells[i] ?? row.insertCell();
      cell.className = column;
      if (column === "kind") return; // only the page knows it
      if (cell.textContent !== texts[column]) {
        if (cell.textContent) flash(cell);
        cell.textContent = texts[column];
      }
    });
    row.classList.toggle("out", standing.status !== "FIN");
    return row;
  });
  const strangers = standings.some((standing) => !kept.has(standing.entry_id));
  body.replaceChildren(...rows);
  return strangers;
}

/** Rewrite the list of heats. */
export function showHeats(list, event, heats) {
  const known = new Map([...list.children].map((item) => [item.dataset.heat, item.firstChild.textContent]));
  list.replaceChildren(
    ...heats.map((heat) => {
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
