/**
 * Between frames: where every car is at the moment that is being drawn; pure.
 *
 * Frames arrive unevenly, and a lockstep race may run faster than real time. So the picture has a race
 * clock of its own, a little more than one frame behind the latest, whose speed follows the frames.
 */

const FIELDS = 8;
const BOT_FIELDS = 5;
const KEPT = 64;
const BEHIND = 1.25; // frame intervals between the latest frame and the picture
const BURST_MS = 4;
const LOST_S = 0.6; // further off than this, the picture's clock jumps

/** One frame's flat numbers as a map from seat to car, in metres and radians. */
export function unpack(flat) {
  const cars = new Map();
  for (let i = 0; i + FIELDS <= flat.length; i += FIELDS) {
    cars.set(flat[i], {
      seat: flat[i],
      x: flat[i + 1] / 1000,
      y: flat[i + 2] / 1000,
      yaw: flat[i + 3] / 1000,
      v: flat[i + 4] / 1000,
      lap: flat[i + 5],
      s: flat[i + 6] / 1000,
      flags: flat[i + 7],
    });
  }
  return cars;
}

/** The same for bots, which are numbered from 0 and have neither laps nor flags. */
export function unpackBots(flat = []) {
  const bots = new Map();
  for (let i = 0; i + BOT_FIELDS <= flat.length; i += BOT_FIELDS) {
    const [number, x, y, yaw, v] = flat.slice(i, i + BOT_FIELDS);
    bots.set(number, { number, x: x / 1000, y: y / 1000, yaw: yaw / 1000, v: v / 1000, lap: 0, s: 0, flags: 0 });
  }
  return bots;
}

export class Playback {
  #frames = [];
  #heat = null;
  #t_s = 0;
  #at_ms = 0;

  /** How many frames came in since the heat began. */
  count = 0;

  reset(heat = null) {
    this.#frames = [];
    this.#heat = heat;
    this.#t_s = 0;
    this.#at_ms = 0;
    this.count = 0;
  }

  /** Take in a frame or snap at a moment of the page's clock. */
  add(frame, now_ms) {
    const last = this.#frames.at(-1);
    if (frame.heat !== this.#heat || (last && frame.k < last.k - 60)) this.reset(frame.heat);
    else if (last && frame.k <= last.k) return;
    const moving = { cars: unpack(frame.cars), bots: unpackBots(frame.bots) };
    this.#frames.push({ k: frame.k, t_s: frame.t_us / 1e6, at_ms: now_ms, ...moving });
    if (this.#frames.length > KEPT) this.#frames.shift();
    this.count += 1;
  }

  /** The latest frame's cars, not interpolated. */
  latest() {
    return this.#frames.at(-1)?.cars ?? new Map();
  }

  /** The picture for a moment: `{t_s, cars, bots}`, or null while there is none. */
  at(now_ms) {
    const last = this.#frames.at(-1);
    if (!last) return null;
    const { rate, interval_ms } = this.#pace();
    const goal_s = last.t_s + ((now_ms - last.at_ms) / 1000 - (BEHIND * interval_ms) / 1000) * rate;
    const passed_s = this.#at_ms ? Math.min(0.25, (now_ms - this.#at_ms) / 1000) : 0;
    let t_s = this.#t_s + passed_s * rate;
    const error_s = Math.min(goal_s, last.t_s) - t_s;
    if (!this.#at_ms || Math.abs(error_s) > LOST_S * Math.max(1, rate)) t_s += error_s;
    else t_s += error_s * Math.min(1, passed_s * 5);
    this.#t_s = Math.min(last.t_s, this.#at_ms ? Math.max(t_s, this.#t_s) : t_s);
    this.#at_ms = now_ms;
    return { t_s: this.#t_s, ...this.#between(this.#t_s) };
  }

  /** Race seconds per wall second, and wall time per frame, over the last second or so. */
  #pace() {
    const last = this.#frames.at(-1);
    // Of frames that came in one burst, after a pause of the line or of the page, only the last one counts.
    const recent = this.#frames.filter(
      (frame, i, all) => last.at_ms - frame.at_ms < 1500 && !(all[i + 1]?.at_ms - frame.at_ms < BURST_MS),
    );
    const first = recent[0];
    if (recent.length < 3 || last.at_ms - first.at_ms < 50) return { rate: 1, interval_ms: 66 };
    const span_ms = last.at_ms - first.at_ms;
    return { rate: ((last.t_s - first.t_s) * 1000) / span_ms, interval_ms: span_ms / (recent.length - 1) };
  }

  #between(t_s) {
    let i = this.#frames.length - 1;
    while (i > 0 && this.#frames[i - 1].t_s > t_s) i -= 1;
    return between(this.#frames[Math.max(0, i - 1)], this.#frames[i], t_s);
  }
}

/** What lies between two frames at a moment: `{cars, bots}`. */
export function between(from, to, t_s) {
  const span_s = to.t_s - from.t_s;
  if (span_s <= 0) return { cars: to.cars, bots: to.bots };
  const part = Math.min(1, Math.max(0, (t_s - from.t_s) / span_s));
  const all = (before, after) => {
    const there = new Map();
    for (const [key, b] of after) {
      const a = before.get(key);
      there.set(key, a ? moved(a, b, part, span_s) : b);
    }
    return there;
  };
  return { cars: all(from.cars, to.cars), bots: all(from.bots, to.bots) };
}

/** A car between two frames: a cubic through both places along both headings. */
function moved(a, b, u, span_s) {
  const far = Math.hypot(b.x - a.x, b.y - a.y);
  if (far > Math.max(a.v, b.v) * span_s * 1.5 + 0.25) return u < 1 ? a : b; // put somewhere else, not driven
  const u2 = u * u;
  const u3 = u2 * u;
  const h1 = 3 * u2 - 2 * u3;
  const t0 = (u3 - 2 * u2 + u) * span_s * a.v;
  const t1 = (u3 - u2) * span_s * b.v;
  const turn = Math.atan2(Math.sin(b.yaw - a.yaw), Math.cos(b.yaw - a.yaw));
  return {
    ...(u < 1 ? a : b),
    x: a.x + h1 * (b.x - a.x) + t0 * Math.cos(a.yaw) + t1 * Math.cos(b.yaw),
    y: a.y + h1 * (b.y - a.y) + t0 * Math.sin(a.yaw) + t1 * Math.sin(b.yaw),
    yaw: a.yaw + turn * u,
    v: a.v + (b.v - a.v) * u,
    s: b.lap === a.lap ? a.s + (b.s - a.s) * u : a.s,
  };
}
