/** The leaderboard and the list of heats, rewritten from "board" messages; text only, never markup. */

import { seconds, status, title } from "./format.js";

/** Cells of one standing by column; the server's template writes the same. */
export function cells(standing) {
  const penalised = standing.fastest_lap_off_tracks ? ` (${standing.fastest_lap_off_tracks} off)` : "";
  return {
    place: standing.heats || standing.attempts ? String(standing.place) : "–",
    entry: standing.name,
    agent: standing.agent,
    total: seconds(standing.total_s),
    gap: standing.gap_s ? `+${seconds(standing.gap_s)}` : "–",
    fastest: seconds(standing.fastest_lap_s) + penalised,
    offs: String(standing.off_tracks),
    resets: String(standing.resets),
    laps: String(standing.laps.length),
    status: status(standing.status),
  };
}

/** Rewrite the rows of a table body whose rows carry `data-entry`; columns are the cells' class names. */
export function showStandings(body, standings, columns) {
  const kept = new Map([...body.rows].map((row) => [row.dataset.entry, row]));
  const rows = standings.map((standing) => {
    const row = kept.get(standing.entry_id) ?? document.createElement("tr");
    row.dataset.entry = standing.entry_id;
    const texts = cells(standing);
    columns.forEach((column, i) => {
      const cell = row.cells[i] ?? row.insertCell();
      cell.className = column;
      if (column === "kind") {
        if (!cell.textContent) cell.textContent = standing.kind ?? "";
        return;
      }
      if (cell.textContent !== texts[column]) {
        if (cell.textContent) flash(cell);
        cell.textContent = texts[column];
      }
    });
    row.classList.toggle("out", /^(DNF|DNS|DSQ|VOID)/.test(standing.status));
    return row;
  });
  body.replaceChildren(...rows);
}

/** Rewrite the list of heats. */
export function showHeats(list, event, heats) {
  list.replaceChildren(
    ...heats.map((heat) => {
      const item = document.createElement("li");
      item.dataset.status = heat.status;
      const link = document.createElement("a");
      link.href = `/events/${encodeURIComponent(event)}/heats/${encodeURIComponent(heat.id)}`;
      link.textContent = title(heat.id);
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
