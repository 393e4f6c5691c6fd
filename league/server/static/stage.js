/** The canvas and its loop: sizes it, keeps the theme's colours, and draws 60 times a second. */

import { Cars } from "./cars.js";
import { Track } from "./track.js";

const MARGIN = { top: 44, right: 30, bottom: 30, left: 30 };

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
  chosen = null;
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
    new ResizeObserver(() => this.refresh()).observe(canvas.parentElement);
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
    const { clientWidth: width, clientHeight: height } = this.#canvas.parentElement;
    const ratio = Math.min(3, devicePixelRatio || 1);
    this.#size = { width, height, ratio };
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    const wide = Math.min(1.6, Math.max(0.45, width / 900));
    const margin = Object.fromEntries(Object.entries(MARGIN).map(([side, px]) => [side, px * wide]));
    this.#track.fit(width, height, margin);
    this.#track.paint(width, height, ratio, this.#ink);
  }

  #draw(now_ms) {
    const { clientWidth, clientHeight } = this.#canvas.parentElement;
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
    this.#track.show(pen, width, height);
    if (!picture) return;
    this.drawn += 1;
    const { chosen } = this;
    const scene = { pen, track: this.#track, picture, race: this.#race, ink: this.#ink, chosen, width };
    this.#cars.draw({ ...scene, calm: this.#calm() });
  }
}
