/** What has happened by a moment of a film: a race like a live one, made from the facts; pure. */

import { isOut } from "./format.js";
import { Race } from "./race.js";

const FINISHED = 8;
const OUT = 4;
const ROUNDING_US = 500; // moments in links have milliseconds

export class Story {
  #film;
  #next = 0;
  #passed = new Map();
  #led_us = new Map();
  #told_s = -1;
  /** Grows whenever the story was begun again. */
  tellings = 0;

  /** @param {object} film @param {object} event - what the page knows of the event */
  constructor(film, event) {
    this.#film = film;
    this.race = new Race();
    this.race.apply({ type: "hello", event, circuit: film.circuit });
    this.#begin();
  }

  /** Tell the story up to a moment. */
  tell(t_s) {
    const { race } = this;
    const film = this.#film;
    if (t_s < this.#told_s) this.#begin();
    this.#told_s = t_s;
    const { facts } = film;
    while (this.#next < facts.length && facts[this.#next].t_us <= t_s * 1e6 + ROUNDING_US) {
      const fact = facts[this.#next];
      this.#next += 1;
      if (fact.kind === "sector") this.#gap(fact);
      race.apply({ type: "event", ...fact }, (seat) => film.at(fact.t_us / 1e6).cars.get(seat));
    }
    race.t_us = t_s * 1e6;
    race.state = t_s >= film.length_s ? "finished" : "running";
    this.#place(t_s);
  }

  #begin() {
    const { heat, phase, seats, laps, hz, car, boxes, bots } = this.#film;
    this.#next = 0;
    this.#passed.clear();
    this.#led_us.clear();
    this.tellings += 1;
    this.race.apply({ type: "heat", heat, phase, status: "starting", names: seats.map(({ name }) => name) });
    const fresh = seats.map((seat, i) => ({ ...seat, status: "racing", lap: 0, place: i + 1, off_tracks: 0, resets: 0 }));
    this.race.apply({ type: "snap", heat, phase, k: 0, t_us: 0, laps, hz, car, boxes, bots: bots[0] ?? [], seats: fresh, status: "running" });
  }

  /** The gap at a sector's end: behind the first car that passed it. */
  #gap({ seat, t_us }) {
    const passed = (this.#passed.get(seat) ?? 0) + 1;
    this.#passed.set(seat, passed);
    if (!this.#led_us.has(passed)) this.#led_us.set(passed, t_us);
    this.race.seats.get(seat).gap_us = t_us - this.#led_us.get(passed);
  }

  /** Places: those who finished by time, those who race by distance, then the rest. */
  #place(t_s) {
    const film = this.#film;
    const { cars } = film.at(t_s);
    const rank = ({ seat, status, total_us }) => {
      const { flags } = cars.get(seat);
      if (status === "FIN" && flags & FINISHED) return [0, total_us ?? Infinity];
      return [isOut(status) || flags & OUT ? 2 : 1, -film.distance_m(seat, t_s)];
    };
    const ranks = new Map([...this.race.seats.values()].map((seat) => [seat, rank(seat)]));
    const order = [...ranks.keys()].sort((a, b) => {
      const [x, y] = [ranks.get(a), ranks.get(b)];
      return x[0] - y[0] || x[1] - y[1] || a.seat - b.seat;
    });
    order.forEach((seat, i) => (seat.place = i + 1));
  }
}
