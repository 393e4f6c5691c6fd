/** What is looked at: the whole circuit, one car, or through a car's camera; by buttons and by keys. */

const EYE_MS = 100; // a picture of the camera at most this often
const KEYS = { w: "whole", f: "follow", c: "eye", l: "line" };

export class Views {
  #stage;
  #buttons;
  #eye;
  #address;
  #chosen;
  #busy = false;
  #shown = "";

  /**
   * @param {object} stage
   * @param {object} parts - `bar` holds buttons with data-view, `eye` is the picture's figure,
   *   `address(seat)` tells where the camera's picture is, null while there is none, `chosen()` which seat
   */
  constructor(stage, { bar, eye, address, chosen }) {
    this.#stage = stage;
    this.#eye = eye;
    this.#address = address;
    this.#chosen = chosen;
    this.#buttons = [...bar.querySelectorAll("[data-view]")];
    for (const button of this.#buttons) button.addEventListener("click", () => this.choose(button.dataset.view));
    addEventListener("keydown", (pressed) => {
      const typing = pressed.target.closest?.("input, select, textarea");
      if (typing || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
      if (KEYS[pressed.key]) this.choose(KEYS[pressed.key]);
    });
    setInterval(() => this.#look(), EYE_MS);
    this.#mark();
  }

  /** "whole" or "follow"; "eye" and "line" are turned on and off beside them. */
  choose(name) {
    if (name === "eye") this.#eye.hidden = !this.#eye.hidden;
    else if (name === "line") this.#stage.lined = !this.#stage.lined;
    else this.#stage.view = name;
    this.#mark();
  }

  /** The names of what is on, for a link. */
  get on() {
    return [this.#stage.view, ...(this.#eye.hidden ? [] : ["eye"]), ...(this.#stage.lined ? ["line"] : [])];
  }

  /** Where the camera's picture is shown; made when it is first asked for. */
  #screen() {
    const made = document.createElement("img");
    Object.assign(made, { alt: "What the car's camera sees", width: 160, height: 120 });
    this.#eye.prepend(made);
    return made;
  }

  #mark() {
    const { on } = this;
    for (const button of this.#buttons) button.setAttribute("aria-pressed", String(on.includes(button.dataset.view)));
  }

  /** Fetch the camera's next picture once the last one is there. */
  #look() {
    if (this.#eye.hidden || this.#busy || document.visibilityState !== "visible") return;
    const seat = this.#chosen();
    const url = seat === null ? null : this.#address(seat);
    if (!url || url === this.#shown) return;
    this.#busy = true;
    const picture = this.#eye.querySelector("img") ?? this.#screen();
    const done = () => (this.#busy = false);
    picture.onload = picture.onerror = done;
    this.#shown = url;
    picture.src = url;
  }
}
