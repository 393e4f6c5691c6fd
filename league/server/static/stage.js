/** The canvas and its loop: sizes it, keeps the theme's colours, and draws 60 times a second. */

import { Cars, FINISHED, OUT } from "./cars.js";
import { Track } from "./track.js";

const MARGIN = { top: 44, right: 30, bottom: 30, left: 30 };
const CLOSE = 3;
const LARGEST_PX = 4096;

export class Stage {
  #canvas;
  #pen;
  #playback;
  #race;
  #track = null;
  #cars = new Cars();
  #size = { width: 0, height: 0, ratio: 1 };
  #inks = new Map();
  #calm;
  #stale = true;
  #line = [];
  #view = "whole";
  chosen = null;
  /** Whether the racing line is drawn. */
  lined = false;
  /** The picture that was drawn last. */
  picture = null;
  drawn = 0;

  /** @param {HTMLCanvasElement} canvas @param {object} parts - playback, race, calm() */
  constructor(canvas, { playback, race, calm }) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
    this.#playback = playback;
    this.#race = race;
    this.#calm = calm;
    new ResizeObserver(() => this.refresh()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.refresh());
    addEventListener("themechange", () => this.refresh());
    const loop = (now_ms) => {
      this.#draw(now_ms);
      requestAnimationFrame(loop);
    };
    requestAnimationFrame(loop);
  }

  circuit(shape) {
    this.#track = new Track(shape);
    this.#canvas.parentElement.style.setProperty("--aspect", this.#track.aspect.toFixed(3));
    this.refresh();
  }

  /** The racing line: points [x, y, speed]. */
  line(points) {
    this.#line = points;
    this.#stale = true;
  }

  /** "whole" for the whole circuit, "follow" for a close look at the chosen car, or else at the first. */
  set view(name) {
    this.#view = name;
    this.refresh();
  }

  get view() {
    return this.#view;
  }

  /** Forget the last heat's cars. */
  clear() {
    this.#cars.reset();
    this.picture = null;
    this.#stale = true;
  }

  /** Measure and paint everything again before the next picture. */
  refresh() {
    this.#inks.clear();
    this.#size.width = 0;
    this.#stale = true;
  }

  #ink = (name) => {
    let colour = this.#inks.get(name);
    if (colour === undefined) {
      colour = getComputedStyle(this.#canvas).getPropertyValue(`--${name}`).trim();
      this.#inks.set(name, colour);
    }
    return colour;
  };

  #measure() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = Math.min(3, devicePixelRatio || 1);
    this.#size = { width, height, ratio };
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    const wide = Math.min(1.6, Math.max(0.45, width / 900));
    const margin = Object.fromEntries(Object.entries(MARGIN).map(([side, px]) => [side, px * wide]));
    // A close look needs a large picture of the circuit, but no larger than a graphics card takes.
    const zoom = this.#view === "follow" ? Math.max(1, Math.min(CLOSE, LARGEST_PX / (Math.max(width, height) * ratio))) : 1;
    this.#track.fit(width * zoom, height * zoom, margin);
    this.#track.paint(width * zoom, height * zoom, ratio, this.#ink);
  }

  /** The car that is followed. */
  #followed(picture) {
    const first = this.#race.order().find(({ seat }) => picture.cars.has(seat) && !(picture.cars.get(seat).flags & (OUT | FINISHED)));
    return picture.cars.get(this.chosen ?? first?.seat) ?? picture.cars.values().next().value;
  }

  #draw(now_ms) {
    const { clientWidth, clientHeight } = this.#canvas;
    if (!this.#track || !clientWidth || !clientHeight) return;
    if (!this.#size.width) this.#measure();
    const picture = this.#playback.at(now_ms);
    if (!picture && !this.#stale) return;
    this.#stale = false;
    this.picture = picture;
    const { width, height, ratio } = this.#size;
    const pen = this.#pen;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const centre = picture && this.#view === "follow" ? this.#followed(picture) : null;
    this.#track.look(centre, width, height);
    this.#track.show(pen);
    if (this.lined) this.#track.guide(pen, this.#line, this.#ink);
    if (!picture) return;
    this.drawn += 1;
    const { chosen } = this;
    const scene = { pen, track: this.#track, picture, race: this.#race, ink: this.#ink, chosen, width };
    this.#cars.draw({ ...scene, calm: this.#calm() });
  }
}
