/** The replay page: a film on the stage, its story in the tower, and the reel's buttons. */

import { Film, Reel } from "./film.js";
import { clock, title } from "./format.js";
import { Ghosts } from "./ghosts.js";
import { calm } from "./glide.js";
import { Stage } from "./stage.js";
import { Story } from "./story.js";
import { chooseColumns, Tower } from "./tower.js";
import { Views } from "./views.js";

const SHOW_MS = 100;
const STEP_S = 1;

const at = (id) => document.getElementById(id);
const { event, heat } = document.body.dataset;
const page = `/events/${encodeURIComponent(event)}/heats/`;
const asked = new URLSearchParams(location.search);

const films = new Map();

/** The film of a heat of this event, or null where there is none. */
async function fetchFilm(id) {
  if (!films.has(id)) {
    const answer = await fetch(`${page}${encodeURIComponent(id)}/film`).catch(() => null);
    films.set(id, answer?.ok ? new Film(await answer.json()) : null);
  }
  return films.get(id);
}

async function begin() {
  if (!at("card").hidden) return;
  const film = await fetchFilm(heat);
  if (!film) {
    at("card").hidden = false;
    at("card-title").textContent = "No replay";
    at("card-text").textContent = "The recording cannot be read by this version of the league.";
    return;
  }
  new Replay(film);
}

class Replay {
  #film;
  #reel;
  #story;
  #stage;
  #tower;
  #views;
  #ghosts;
  #moments = [...document.querySelectorAll("#moments a")];
  #telling = 0;
  #until = null;

  constructor(film) {
    this.#film = film;
    this.#reel = new Reel(film);
    this.#story = new Story(film, { id: event, name: document.title, status: "running" });
    this.#stage = new Stage(at("canvas"), { playback: this.#reel, race: this.#story.race, calm });
    this.#tower = new Tower(at("tower"), { calm, onChoose: (seat) => (this.#stage.chosen = seat) });
    this.#stage.circuit(film.circuit);
    this.#stage.line(film.line);
    this.#views = new Views(this.#stage, {
      bar: at("views"),
      eye: at("eye"),
      chosen: () => this.#seat(),
      address: (seat) => `${page}${encodeURIComponent(heat)}/camera?seat=${seat}&k=${Math.round(this.#reel.t_s * film.hz)}`,
    });
    document.querySelector("[data-view=line]").hidden = film.line.length === 0;
    this.#ghosts = new Ghosts(this.#reel, { fetchFilm, seek: (t_s) => this.#seek(t_s) });
    chooseColumns();
    const { name, length_m, direction } = film.circuit;
    at("where").textContent = [name, `${length_m.toFixed(1)} m`, direction].join(" · ");
    this.#controls();
    this.#keys();
    this.#ask();
    setInterval(() => this.#show(), SHOW_MS);
    this.#show();
    /** For tests and curious people. */
    window.league = { film, reel: this.#reel, race: this.#story.race, stage: this.#stage };
  }

  /** The car that is picked out, or else the first. */
  #seat() {
    return this.#tower.chosen ?? this.#story.race.order()[0]?.seat ?? null;
  }

  #seek(t_s) {
    this.#reel.seek(t_s);
    this.#show();
  }

  /** What the address asks for: a moment and an end, a car, a ghost, a view, a speed. */
  #ask() {
    const number = (name) => (asked.has(name) && Number.isFinite(Number(asked.get(name))) ? Number(asked.get(name)) : null);
    this.#reel.seek(number("t") ?? 0);
    const speed = [...at("speed").options].find(({ value }) => value === asked.get("speed"));
    if (speed) at("speed").value = speed.value;
    this.#reel.rate = Number(at("speed").value);
    for (const view of asked.get("view")?.split(",") ?? []) {
      if (["follow", "eye", "line"].includes(view)) this.#views.choose(view);
    }
    this.#show();
    const seat = number("car");
    if (seat !== null) at("tower").querySelector(`[data-seat="${Math.trunc(seat)}"] button`)?.click();
    this.#ghosts.choose(asked.get("ghost") ?? "", seat);
    this.#until = number("until");
    this.#play((this.#until !== null || !asked.has("t")) && !calm());
  }

  #play(playing) {
    if (playing && this.#reel.t_s >= this.#film.length_s) this.#reel.seek(0);
    this.#reel.playing = playing;
    this.#show();
  }

  #controls() {
    const scrub = at("scrub");
    scrub.max = String(this.#film.length_s);
    scrub.addEventListener("input", () => this.#seek(Number(scrub.value)));
    at("play").addEventListener("click", () => this.#play(!this.#reel.playing));
    at("speed").addEventListener("change", () => (this.#reel.rate = Number(at("speed").value)));
    at("back").addEventListener("click", () => this.#jump(-1));
    at("next").addEventListener("click", () => this.#jump(1));
    at("share").addEventListener("click", () => this.#share());
    for (const moment of this.#moments) {
      const t_s = Number(moment.dataset.t);
      moment.addEventListener("click", (pressed) => {
        pressed.preventDefault();
        this.#seek(t_s);
      });
      const tick = document.createElement("i");
      tick.className = moment.dataset.tone;
      tick.style.left = `${(100 * t_s) / this.#film.length_s}%`;
      at("strip").append(tick);
    }
  }

  /** To the next moment worth seeing, or the one before. */
  #jump(way) {
    const times = this.#moments.map((moment) => Number(moment.dataset.t));
    const now = this.#reel.t_s;
    const to = way > 0 ? times.find((t_s) => t_s > now + 0.05) : times.findLast((t_s) => t_s < now - 0.3);
    if (to !== undefined) this.#seek(to);
    const said = this.#moments.find((moment) => Number(moment.dataset.t) === to);
    if (said) at("announce").textContent = said.textContent.trim();
  }

  #keys() {
    addEventListener("keydown", (pressed) => {
      if (pressed.ctrlKey || pressed.metaKey || pressed.altKey || pressed.target.closest?.("input, select, summary")) return;
      const row = at("tower").rows[Number(pressed.key) - 1];
      const act = {
        " ": () => this.#play(!this.#reel.playing),
        ArrowLeft: () => this.#seek(this.#reel.t_s - STEP_S),
        ArrowRight: () => this.#seek(this.#reel.t_s + STEP_S),
        "[": () => this.#jump(-1),
        "]": () => this.#jump(1),
        Escape: () => at("tower").querySelector("[aria-pressed=true]")?.click(),
      }[pressed.key];
      if (row) row.querySelector("button").click();
      if (!act || (pressed.key === " " && pressed.target.closest?.("button, a"))) return;
      pressed.preventDefault();
      act();
    });
  }

  /** The address of what is seen now. */
  #link() {
    const query = new URLSearchParams();
    query.set("t", this.#reel.t_s.toFixed(1));
    if (this.#tower.chosen !== null) query.set("car", this.#tower.chosen);
    if (at("ghost").value) query.set("ghost", at("ghost").value);
    const views = this.#views.on.filter((view) => view !== "whole");
    if (views.length) query.set("view", views.join());
    return `${location.pathname}?${query}`;
  }

  async #share() {
    const link = this.#link();
    history.replaceState(null, "", link);
    const said = await navigator.clipboard?.writeText(new URL(link, location.href).href).then(() => "Copied", () => null);
    at("share").textContent = said ?? "In the address bar";
    setTimeout(() => (at("share").textContent = "Copy link"), 2000);
  }

  #show() {
    if (this.#until !== null && this.#reel.playing && this.#reel.t_s >= this.#until) {
      this.#reel.playing = false;
      this.#reel.seek(this.#until);
      this.#until = null; // whoever presses "Play" now wants to see more
    }
    const { t_s, playing } = this.#reel;
    const { race } = this.#story;
    this.#story.tell(t_s);
    if (this.#telling !== this.#story.tellings) this.#stage.clear();
    this.#telling = this.#story.tellings;
    this.#tower.show(race, this.#film.at(t_s).cars);
    at("clock").textContent = clock(t_s * 1e6);
    const lead = race.order()[0];
    at("laps").textContent = race.state === "running" ? `Lap ${race.lapOf(lead)} of ${race.laps}` : title(race.state);
    at("play").textContent = playing ? "Pause" : "Play";
    at("play").setAttribute("aria-pressed", String(playing));
    if (document.activeElement !== at("scrub") || playing) at("scrub").value = String(t_s);
    at("scrub").setAttribute("aria-valuetext", clock(t_s * 1e6));
    at("eye-of").textContent = race.seats.get(this.#seat())?.name ?? "";
    at("canvas").setAttribute("aria-label", `${this.#film.circuit.name}: ${race.seats.size} cars, ${lead?.name} leads`);
    const last = this.#moments.findLast((moment) => Number(moment.dataset.t) <= t_s + 0.001);
    for (const moment of this.#moments) moment.toggleAttribute("aria-current", moment === last);
    this.#ghosts.show();
  }
}

begin();
