/** A film: the pictures of a whole heat, and where everybody was at any moment of it; pure. */

import { between, unpack, unpackBots } from "./playback.js";

export class Film {
  #frames;
  #gone_m = new Map();

  /** @param {object} told - what the server tells of a recording */
  constructor(told) {
    Object.assign(this, told);
    const { hz, ticks, frames, bots } = told;
    this.#frames = frames.map((flat, i) => ({ t_s: ticks[i] / hz, cars: unpack(flat), bots: unpackBots(bots[i]) }));
    this.length_s = ticks.at(-1) / hz;
    this.length_m = told.circuit.length_m;
  }

  /** The picture of a moment: `{cars, bots}`. */
  at(t_s) {
    const i = this.#after(t_s);
    return between(this.#frames[Math.max(0, i - 1)], this.#frames[i], t_s);
  }

  /** How far a car had come at a moment, in metres from the start line, over all laps. */
  distance_m(seat, t_s) {
    const i = this.#after(t_s);
    const gone = this.#gone(seat);
    if (i === 0) return gone[0];
    const [a, b] = [this.#frames[i - 1], this.#frames[i]];
    const part = Math.min(1, Math.max(0, (t_s - a.t_s) / (b.t_s - a.t_s || 1)));
    return gone[i - 1] + (gone[i] - gone[i - 1]) * part;
  }

  /** When a car first came that far; null if it never did. */
  time_s(seat, distance_m) {
    const gone = this.#gone(seat);
    const i = gone.findIndex((far) => far >= distance_m);
    if (i < 0) return null;
    if (i === 0) return this.#frames[0].t_s;
    const part = (distance_m - gone[i - 1]) / (gone[i] - gone[i - 1]);
    return this.#frames[i - 1].t_s + part * (this.#frames[i].t_s - this.#frames[i - 1].t_s);
  }

  /** The farthest that a car came. */
  reach_m(seat) {
    return this.#gone(seat).reduce((most, far) => Math.max(most, far), 0);
  }

  /** Number of the first frame at or after a moment; the last one if there is none. */
  #after(t_s) {
    let [low, high] = [0, this.#frames.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#frames[middle].t_s >= t_s) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** A car's way at every frame; the place along the lap jumps at the line, the way does not. */
  #gone(seat) {
    let gone = this.#gone_m.get(seat);
    if (gone) return gone;
    const half = this.length_m / 2;
    let before = null;
    let far = 0;
    gone = this.#frames.map(({ cars }) => {
      const { s } = cars.get(seat);
      if (before === null) far = s > half ? s - this.length_m : s; // the grid is behind the line
      else far += s - before + (s - before < -half ? this.length_m : s - before > half ? -this.length_m : 0);
      before = s;
      return far;
    });
    this.#gone_m.set(seat, gone);
    return gone;
  }
}

/** Plays a film, and perhaps a ghost beside it; what the stage asks for its pictures. */
export class Reel {
  #at_ms = 0;
  t_s = 0;
  rate = 1;
  playing = false;
  /** @type {{film: Film, seat: number}|null} */
  ghost = null;

  /** @param {Film} film */
  constructor(film) {
    this.film = film;
  }

  seek(t_s) {
    this.t_s = Math.min(this.film.length_s, Math.max(0, t_s));
  }

  /** The picture for a moment of the page's clock. */
  at(now_ms) {
    if (this.playing && this.#at_ms) this.seek(this.t_s + (Math.min(250, now_ms - this.#at_ms) / 1000) * this.rate);
    this.#at_ms = now_ms;
    if (this.t_s >= this.film.length_s) this.playing = false;
    const { ghost } = this;
    const other = ghost?.film.at(Math.min(this.t_s, ghost.film.length_s)).cars.get(ghost.seat);
    return { t_s: this.t_s, ...this.film.at(this.t_s), ghosts: other ? [other] : [] };
  }
}

/**
 * How far behind a ghost a car is along the way: [{far_m, delta_s}], positive while it is behind.
 * @param {Film} film @param {number} seat @param {{film: Film, seat: number}} ghost
 */
export function deltas(film, seat, ghost, points = 400) {
  const most_m = Math.min(film.reach_m(seat), ghost.film.reach_m(ghost.seat));
  const found = [];
  for (let i = 0; i <= points; i += 1) {
    const far_m = (most_m * i) / points;
    const [mine, other] = [film.time_s(seat, far_m), ghost.film.time_s(ghost.seat, far_m)];
    if (mine !== null && other !== null) found.push({ far_m, delta_s: mine - other });
  }
  return found;
}
