/** Cars, ghosts, trails and name labels on the canvas. */

import { boxes, halo, marks, wait } from "./marks.js";

export const PENALTY = 1;
export const OFF_TRACK = 2;
export const OUT = 4;
export const FINISHED = 8;

const TRAIL_S = 1.1;
const TRAIL_LAYERS = 10;
const SMALLEST_PX = 15;
const FADE_MS = 1500;
const BRIEF_BELOW_PX = 600;
const SPOTS = [[true, false], [false, false], [true, true], [false, true]]; // right?, below?

export class Cars {
  #trails = new Map();
  /** Which corner each name had last, so that it does not jump about. */
  #spots = new Map();
  /** When each car was last seen racing. */
  #raced_ms = new Map();
  #drawn_s = -1;

  /** Forget where cars have been: another heat begins. */
  reset() {
    this.#trails.clear();
    this.#raced_ms.clear();
    this.#drawn_s = -1;
  }

  /**
   * Draw one picture.
   * @param {object} scene - {pen, track, picture, race, ink, calm, chosen}; calm: no trails, no blinking
   */
  draw(scene) {
    const { picture, race } = scene;
    if (picture.t_s < this.#drawn_s) this.reset();
    this.#drawn_s = picture.t_s;
    const cars = [...picture.cars.values()].filter((car) => !(car.flags & OUT) && this.#fade(car) > 0);
    boxes(scene);
    marks(scene);
    if (!scene.calm) this.#drag(scene, cars);
    const length = Math.max(SMALLEST_PX, race.car.length_m * scene.track.scale);
    const size = { length, width: (length * race.car.width_m) / race.car.length_m };
    for (const bot of picture.bots.values()) bystander(scene, bot, size);
    for (const ghost of picture.ghosts ?? []) phantom(scene, ghost, size);
    for (const car of cars) this.#car(scene, car, size);
    this.#labels(scene, cars, size);
  }

  /** A car that took the flag leaves the picture: how much of it is left, 1 while it races. */
  #fade(car) {
    const now_ms = performance.now();
    if (!(car.flags & FINISHED)) this.#raced_ms.set(car.seat, now_ms);
    return 1 - (now_ms - (this.#raced_ms.get(car.seat) ?? -Infinity)) / FADE_MS;
  }

  /** Trails: the way of the last second, laid over itself in ever shorter pieces towards the car. */
  #drag({ pen, track, picture, ink }, cars) {
    pen.lineCap = "butt";
    pen.lineJoin = "round";
    for (const car of cars) {
      const trail = this.#trails.get(car.seat) ?? [];
      const last = trail.at(-1);
      if (last && Math.hypot(car.x - last.x, car.y - last.y) > 0.8) trail.length = 0;
      trail.push({ x: car.x, y: car.y, t_s: picture.t_s });
      while (trail[0].t_s < picture.t_s - TRAIL_S) trail.shift();
      this.#trails.set(car.seat, trail);
      const points = trail.map(({ x, y }) => track.at(x, y));
      pen.strokeStyle = ink(`seat-${car.seat % 8}`);
      pen.globalAlpha = 0.085;
      for (let layer = 0; layer < TRAIL_LAYERS; layer += 1) {
        pen.lineWidth = Math.max(1, 0.13 * track.scale * (0.35 + (0.65 * layer) / TRAIL_LAYERS));
        pen.beginPath();
        points.slice(Math.floor((points.length * layer) / TRAIL_LAYERS)).forEach((p) => pen.lineTo(...p));
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
  }

  #car(scene, car, { length, width }) {
    const { pen, track, picture, race, ink, calm, chosen } = scene;
    const [x, y] = track.at(car.x, car.y);
    const standing = car.flags & PENALTY;
    const blink = standing && !calm && Math.floor(picture.t_s * 5) % 2;
    pen.save();
    pen.translate(x, y);
    if (standing) wait(pen, race.penalties.get(car.seat), picture.t_s, length, ink);
    else if (car.flags & OFF_TRACK) halo(pen, length, ink("warn"));
    else if (chosen === car.seat) halo(pen, length, ink("border"));
    pen.rotate(track.angle(car.yaw));
    const solid = this.#fade(car) * (chosen === null || chosen === car.seat ? 1 : 0.55);
    pen.globalAlpha = blink ? 0.3 : solid;
    body(pen, length, width, ink(`seat-${car.seat % 8}`), ink);
    pen.restore();
  }

  /** Names beside the cars, each at the first corner of its car where it lies on no other name. */
  #labels({ pen, track, race, ink, chosen, width }, cars, size) {
    const shown = cars.filter((car) => !(car.flags & FINISHED));
    const letter = Math.round(Math.min(30, Math.max(11.5, width / 85)));
    const high = Math.round(letter * 1.6);
    const brief = width < BRIEF_BELOW_PX && shown.length > 3;
    pen.font = `700 ${letter}px ${ink("narrow")}`;
    pen.textBaseline = "middle";
    const placed = [];
    for (const car of shown) {
      const [x, y] = track.at(car.x, car.y);
      const name = plain(race.seats.get(car.seat)?.name ?? `Car ${car.seat + 1}`);
      const text = brief ? code(name) : shortened(name);
      const wide = pen.measureText(text).width + letter * 1.5;
      const spots = SPOTS.map(([right, down]) => ({
        left: Math.min(Math.max(4, right ? x + size.length * 0.55 : x - size.length * 0.55 - wide), width - wide - 4),
        top: Math.max(2, down ? y + size.length * 0.6 : y - size.length * 0.6 - high),
      }));
      const free = (spot) =>
        placed.every((other) => apart(spot, wide, other, high)) &&
        shown.every((other) => other === car || outside(track.at(other.x, other.y), spot, wide, high));
      const before = this.#spots.get(car.seat) ?? 0;
      const spot = [before, 0, 1, 2, 3].find((i) => free(spots[i])) ?? before;
      this.#spots.set(car.seat, spot);
      placed.push({ car, text, wide, ...spots[spot] });
    }
    for (const tag of placed) {
      pen.globalAlpha = chosen === null || chosen === tag.car.seat ? 1 : 0.4;
      pen.fillStyle = ink("tag");
      pen.beginPath();
      pen.roundRect(tag.left, tag.top, tag.wide, high, 4);
      pen.fill();
      pen.fillStyle = ink(`seat-${tag.car.seat % 8}`);
      pen.beginPath();
      pen.roundRect(tag.left, tag.top, letter / 3, high, [4, 0, 0, 4]);
      pen.fill();
      pen.fillStyle = ink("tag-ink");
      pen.fillText(tag.text, tag.left + letter * 0.85, tag.top + high / 2 + 0.5);
    }
    pen.globalAlpha = 1;
  }
}

function apart(spot, wide, other, high) {
  const beside = spot.left > other.left + other.wide || other.left > spot.left + wide;
  return beside || Math.abs(spot.top - other.top) > high;
}

function outside([x, y], spot, wide, high) {
  return x < spot.left || x > spot.left + wide || y < spot.top || y > spot.top + high;
}

/** A bot: a car without colours, as nobody follows it. */
function bystander({ pen, track, ink, chosen }, bot, { length, width }) {
  pen.save();
  pen.translate(...track.at(bot.x, bot.y));
  pen.rotate(track.angle(bot.yaw));
  pen.globalAlpha = chosen === null ? 1 : 0.55;
  body(pen, length, width, ink("bot"), ink);
  pen.restore();
}

/** A ghost: another attempt, of which only the outline is here. */
function phantom({ pen, track, ink }, ghost, { length, width }) {
  pen.save();
  pen.translate(...track.at(ghost.x, ghost.y));
  pen.rotate(track.angle(ghost.yaw));
  pen.globalAlpha = 0.75;
  pen.fillStyle = ink("ghost");
  pen.strokeStyle = ink("tag-ink");
  pen.lineWidth = Math.max(1, length * 0.06);
  pen.setLineDash([length * 0.12, length * 0.08]);
  pen.beginPath();
  pen.roundRect(-length / 2, -width / 2, length, width, width * 0.35);
  pen.fill();
  pen.stroke();
  pen.restore();
}

/** A car from above, nose to the right. */
function body(pen, length, width, colour, ink) {
  const l = length / 2;
  const w = width / 2;
  pen.shadowColor = "rgb(0 0 0 / 45%)";
  pen.shadowBlur = length * 0.18;
  pen.fillStyle = ink("tyre");
  for (const x of [-l * 0.78, l * 0.34]) {
    for (const y of [-w * 1.08, w * 0.66]) pen.fillRect(x, y, l * 0.44, w * 0.42);
  }
  pen.shadowBlur = 0;
  pen.fillStyle = colour;
  pen.strokeStyle = ink("tyre");
  pen.lineWidth = Math.max(0.75, length * 0.03);
  pen.beginPath();
  pen.moveTo(-l, -w * 0.72);
  pen.lineTo(l * 0.3, -w * 0.82);
  pen.quadraticCurveTo(l * 0.98, -w * 0.55, l, 0);
  pen.quadraticCurveTo(l * 0.98, w * 0.55, l * 0.3, w * 0.82);
  pen.lineTo(-l, w * 0.72);
  pen.closePath();
  pen.fill();
  pen.stroke();
  pen.fillStyle = ink("glass");
  pen.beginPath();
  pen.roundRect(-l * 0.42, -w * 0.52, l * 0.66, w * 1.04, w * 0.3);
  pen.fill();
  pen.fillStyle = colour;
  pen.fillRect(-l * 0.98, -w * 0.95, l * 0.16, w * 1.9); // the wing tells front from rear
}

/** A name without the marks that turn writing round: the canvas knows no isolation. */
function plain(name) {
  return name.replaceAll(/[\u200e\u200f\u202a-\u202e\u2066-\u2069\s]+/g, " ").trim();
}

function shortened(name) {
  const letters = [...name];
  return letters.length > 16 ? `${letters.slice(0, 15).join("")}…` : name;
}

/** Three letters, as on a timing screen. */
function code(name) {
  const letters = [...name].filter((letter) => /[\p{L}\p{N}]/u.test(letter));
  return (letters.length ? letters : [...name]).slice(0, 3).join("").toUpperCase();
}
