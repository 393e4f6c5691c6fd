/** The timing tower: one row per car, first to last, moving as they overtake. */

import { delta, gap, isOut, status, time } from "./format.js";
import { glide } from "./glide.js";

const COLUMNS = ["place", "name", "lap", "gap", "last", "best", "offs", "sectors", "delta"];

export class Tower {
  #body;
  #rows = new Map();
  #calm;
  #onChoose;
  chosen = null;

  /** @param {HTMLTableSectionElement} body @param {object} options - calm(), onChoose(seat or null) */
  constructor(body, { calm, onChoose }) {
    this.#body = body;
    this.#calm = calm;
    this.#onChoose = onChoose;
  }

  clear() {
    this.#rows.clear();
    this.#body.replaceChildren();
    this.chosen = null;
  }

  /** @param {Race} race @param {Map} cars where they are now, by seat */
  show(race, cars) {
    const order = race.order();
    for (const [seat, row] of this.#rows) {
      if (!race.seats.has(seat)) {
        row.remove();
        this.#rows.delete(seat);
      }
    }
    const fastest = race.fastest_us();
    for (const seat of order) this.#fill(this.#rowOf(seat.seat), seat, race, fastest, cars);
    glide(this.#body, order.map((seat) => this.#rows.get(seat.seat)), this.#calm());
  }

  #rowOf(seat) {
    let row = this.#rows.get(seat);
    if (!row) {
      row = document.createElement("tr");
      row.dataset.seat = seat;
      row.className = `seat-${seat % 8}`;
      for (const column of COLUMNS) row.insertCell().className = column;
      const button = document.createElement("button");
      button.type = "button";
      button.addEventListener("click", () => this.#choose(seat));
      row.cells[1].append(button);
      this.#rows.set(seat, row);
    }
    return row;
  }

  #fill(row, seat, race, fastest, cars) {
    const out = isOut(seat.status);
    const penalty = race.penalties.get(seat.seat);
    const standing = penalty && race.t_us < penalty.until_us;
    row.classList.toggle("out", out);
    row.classList.toggle("standing", Boolean(standing));
    const texts = {
      place: out ? "–" : String(seat.place),
      lap: seat.status === "FIN" ? "FIN" : lapOf(seat, race),
      gap: gapOf(seat, race, { out, standing, cars }),
      last: time(seat.last_us),
      best: time(seat.best_us),
      offs: String(seat.off_tracks ?? 0),
      delta: delta(seat.delta_us),
    };
    for (const [i, column] of COLUMNS.entries()) {
      if (column === "name" || column === "sectors") continue;
      set(row.cells[i], texts[column]);
    }
    const button = row.cells[1].firstChild;
    set(button, seat.name);
    row.cells[3].title = out ? `${status(seat.status)}${seat.reason ? `: ${seat.reason}` : ""}` : "";
    button.title = seat.agent ? `${seat.name} (${seat.agent})` : seat.name;
    button.setAttribute("aria-pressed", String(this.chosen === seat.seat));
    row.cells[4].classList.toggle("own", Boolean(seat.last_us) && seat.last_us === seat.best_us);
    row.cells[5].classList.toggle("fastest", Boolean(fastest) && seat.best_us === fastest);
    row.cells[6].classList.toggle("some", (seat.off_tracks ?? 0) > 0);
    showSectors(row.cells[7], seat.sectors ?? []);
    row.cells[8].className = `delta ${seat.delta_us < 0 ? "won" : seat.delta_us > 0 ? "lost" : ""}`;
  }

  #choose(seat) {
    this.chosen = this.chosen === seat ? null : seat;
    for (const [other, row] of this.#rows) {
      row.cells[1].firstChild.setAttribute("aria-pressed", String(this.chosen === other));
    }
    this.#onChoose(this.chosen);
  }
}

/** The buttons above the tower: times, or sectors and deltas. */
export function chooseColumns() {
  const buttons = [...document.querySelectorAll(".modes [data-mode]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      document.body.dataset.tower = button.dataset.mode;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    });
  }
}

const SORTS = { all: "fastest of all", own: "own fastest", none: "" };

/** The sectors of the lap: purple for the fastest of all, green for the own fastest, yellow otherwise. */
function showSectors(cell, sectors) {
  const key = sectors.map(({ us, sort }) => `${us}${sort}`).join();
  if (cell.dataset.key === key) return;
  cell.dataset.key = key;
  cell.replaceChildren(
    ...sectors.map(({ us, sort }) => {
      const span = document.createElement("span");
      span.className = `sector-${sort}`;
      span.textContent = time(us);
      if (SORTS[sort]) span.title = SORTS[sort];
      return span;
    }),
  );
}

function lapOf(seat, race) {
  const lap = race.lapOf(seat);
  return race.laps ? `${lap}/${race.laps}` : String(lap);
}

function gapOf(seat, race, { out, standing, cars }) {
  if (out) return seat.status.split("-")[0];
  if (standing) return "Penalty";
  if (seat.place === 1) return race.seats.size > 1 ? "Leader" : "–";
  return seat.gap_us === null || seat.gap_us === undefined ? wayBehind(seat, race, cars) : gap(seat.gap_us);
}

/** How far behind the first, until the end of a sector tells the time. */
function wayBehind(seat, race, cars) {
  const [first, mine] = [cars.get(race.order()[0].seat), cars.get(seat.seat)];
  const length_m = race.circuit?.length_m;
  if (!first || !mine || !length_m) return "–";
  return `+${((first.s - mine.s + 2 * length_m) % length_m).toFixed(1)} m`;
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
