/** Two attempts compared: the ghost on the road, and the delta between both along the way as a graph and a table. */

import { deltas } from "./film.js";

const WIDE = 400;
const HIGH = 120;
const SVG = "http://www.w3.org/2000/svg";
const TABLE_ROWS = 12;

const at = (id) => document.getElementById(id);

export class Ghosts {
  #reel;
  #fetchFilm;
  #seek;
  #points = [];
  #now = null;
  #asked = 0;

  /** @param {object} reel @param {object} parts - fetchFilm(heat), seek(t_s) */
  constructor(reel, { fetchFilm, seek }) {
    this.#reel = reel;
    this.#fetchFilm = fetchFilm;
    this.#seek = seek;
    for (const id of ["car", "ghost"]) at(id).addEventListener("change", () => this.#compare());
    at("delta").addEventListener("click", (pressed) => this.#jump(pressed));
  }

  /** @param {string} key - "HEAT:SEAT" or nothing @param {number|null} seat */
  choose(key, seat) {
    if (seat !== null && at("car").options[seat]) at("car").value = String(seat);
    if ([...at("ghost").options].some(({ value }) => value === key)) at("ghost").value = key;
    this.#compare();
  }

  /** Follow the picture: where on the graph it is, and how far behind. */
  show() {
    if (!this.#points.length) return;
    const far_m = this.#reel.film.distance_m(this.#seat, this.#reel.t_s);
    const most_m = this.#points.at(-1).far_m || 1;
    const x = (WIDE * Math.min(1, Math.max(0, far_m / most_m))).toFixed(1);
    this.#now.setAttribute("x1", x);
    this.#now.setAttribute("x2", x);
    const near = this.#points.findLast((point) => point.far_m <= far_m) ?? this.#points[0];
    at("behind").textContent = `${Math.abs(near.delta_s).toFixed(3)} s ${near.delta_s > 0 ? "behind" : "ahead of"} the ghost`;
  }

  get #seat() {
    return Number(at("car").value);
  }

  async #compare() {
    const asked = (this.#asked += 1);
    const key = at("ghost").value;
    const cut = key.lastIndexOf(":");
    const film = key ? await this.#fetchFilm(key.slice(0, cut)) : null;
    if (asked !== this.#asked) return; // another one was chosen meanwhile
    this.#reel.ghost = film ? { film, seat: Number(key.slice(cut + 1)) } : null;
    this.#points = film ? deltas(this.#reel.film, this.#seat, this.#reel.ghost) : [];
    at("graph").hidden = this.#points.length < 2;
    at("behind").textContent = key && !film ? "That attempt cannot be shown." : "";
    if (this.#points.length > 1) this.#draw();
    this.show();
  }

  #draw() {
    const most_s = Math.max(0.05, ...this.#points.map(({ delta_s }) => Math.abs(delta_s)));
    const most_m = this.#points.at(-1).far_m || 1;
    const spot = ({ far_m, delta_s }) =>
      `${((WIDE * far_m) / most_m).toFixed(1)} ${(HIGH / 2 - (delta_s / most_s) * (HIGH / 2 - 4)).toFixed(1)}`;
    const path = shape("path", { d: `M${this.#points.map(spot).join("L")}` });
    const zero = shape("line", { class: "zero", x1: 0, x2: WIDE, y1: HIGH / 2, y2: HIGH / 2 });
    this.#now = shape("line", { class: "now", x1: 0, x2: 0, y1: 0, y2: HIGH });
    at("delta").replaceChildren(zero, path, this.#now);
    const last = this.#points.at(-1).delta_s;
    at("delta").setAttribute("aria-label", `Delta to the ghost along the way: ${signed(last)} s at the end`);
    at("range").textContent = `The graph reaches ${most_s.toFixed(2)} s either way.`;
    const rows = Array.from({ length: TABLE_ROWS + 1 }, (_, i) => this.#points[Math.round((i * (this.#points.length - 1)) / TABLE_ROWS)]);
    at("delta-table").replaceChildren(
      ...rows.map(({ far_m, delta_s }) => {
        const row = document.createElement("tr");
        row.insertCell().textContent = `${far_m.toFixed(1)} m`;
        row.insertCell().textContent = `${signed(delta_s)} s`;
        return row;
      }),
    );
  }

  /** A click on the graph leads to that place of the way. */
  #jump(pressed) {
    const { left, width } = at("delta").getBoundingClientRect();
    const far_m = ((pressed.clientX - left) / width) * (this.#points.at(-1)?.far_m ?? 0);
    const t_s = this.#reel.film.time_s(this.#seat, far_m);
    if (t_s !== null) this.#seek(t_s);
  }
}

function signed(s) {
  return `${s < 0 ? "−" : "+"}${Math.abs(s).toFixed(3)}`;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
