/** The race as a viewer knows it: what the watch messages add up to; pure. */

import { isOut } from "./format.js";

const NEWS_KEPT = 40;
const BOT = -2; // what a contact was with, where it was no entry's car; a box is -1

const WHY = {
  off_track: "off the road",
  collision: "for the contact",
  contact: "for the contact",
  immobilised: "stuck",
  reversed: "wrong way",
};

/** A penalty's reason in words. */
export function why(word) {
  return WHY[word] ?? String(word ?? "").replaceAll(/[-_]+/g, " ");
}

export class Race {
  event = null;
  circuit = null;
  heat = null;
  phase = "";
  /** "waiting", "starting", "running", "finished" or "abandoned" */
  state = "waiting";
  laps = 0;
  hz = 15;
  k = -1;
  t_us = 0;
  car = { length_m: 0.33, width_m: 0.19 };
  /** What stands in the way: [x, y, yaw, length, width] in mm and mrad. */
  boxes = [];
  /** How many cars without a driver there are. */
  bots = 0;
  /** @type {Map<number, object>} by seat */
  seats = new Map();
  standings = [];
  /** How the event would stand if the race went on like this; null while nobody knows. */
  virtual = null;
  heats = [];
  /** What happened, latest first: {key, text, seat, tone, t_us} */
  news = [];
  /** Marks on the road: {seat, x, y, kind, t_us} */
  marks = [];
  /** seat → {from_us, until_us, why} while it stands */
  penalties = new Map();
  /** The fastest time of each sector so far, by anybody, in µs. */
  sectors_us = [];
  #leader = null;
  #serial = 0;

  get finished() {
    return ["finished", "aborted"].includes(this.event?.status);
  }

  /** Seats from first to last. */
  order() {
    return [...this.seats.values()].sort((a, b) => a.place - b.place || a.seat - b.seat);
  }

  /** The heat's fastest lap so far, or null. */
  fastest_us() {
    const laps = [...this.seats.values()].map((seat) => seat.best_us).filter(Boolean);
    return laps.length ? Math.min(...laps) : null;
  }

  /** The lap a car is on, from 1; `lap` of a seat counts finished laps. */
  lapOf(seat) {
    return Math.min((seat?.lap ?? 0) + 1, this.laps || Infinity);
  }

  /** Take in a message; `where(seat)` tells the place of a car in the latest frame. */
  apply(message, where = () => null) {
    this[`_${message.type}`]?.(message, where);
  }

  _hello({ event, circuit }) {
    this.event = event;
    if (circuit) this.circuit = circuit;
  }

  _board({ standings, heats }) {
    this.standings = standings ?? this.standings;
    this.heats = heats ?? this.heats;
  }

  _virtual({ heat, standings }) {
    if (heat === this.heat) this.virtual = standings;
  }

  _heat({ heat, phase, status, names }) {
    if (heat !== this.heat || status === "starting") this.#begin(heat);
    this.phase = phase ?? this.phase;
    this.state = status;
    if (status !== "running") this.virtual = null;
    if (!this.seats.size) (names ?? []).forEach((name, seat) => this.seats.set(seat, blank(seat, name)));
  }

  _snap(snap) {
    if (snap.heat !== this.heat) this.#begin(snap.heat);
    for (const field of ["phase", "laps", "hz", "k", "t_us", "car", "boxes"]) this[field] = snap[field] ?? this[field];
    if (this.state === "waiting") this.state = snap.status ?? "running";
    else if (snap.status) this.state = snap.status;
    this.bots = (snap.bots?.length ?? 0) / 5;
    const before = this.seats;
    this.seats = new Map(snap.seats.map((seat) => [seat.seat, { ...before.get(seat.seat), ...seat }]));
    this.#followLeader();
  }

  _frame(frame) {
    if (frame.heat !== this.heat) return;
    this.k = frame.k;
    this.t_us = frame.t_us;
    if (this.state === "starting") this.state = "running";
  }

  _event(fact, where) {
    if (fact.heat !== undefined && fact.heat !== this.heat) return;
    const seat = this.seats.get(fact.seat);
    const data = fact.data ?? {};
    const name = isolated(seat?.name ?? "");
    const tell = (text, tone = "") => this.#tell(text, tone, fact);
    switch (fact.kind) {
      case "start":
        this.state = "running";
        return tell("Lights out, the race is on", "go");
      case "sector":
        if (seat) this.#passSector(seat, data);
        return undefined;
      case "lap":
        if (seat) {
          const best = data.valid !== false && data.time_us < (seat.best_us ?? Infinity);
          if (best) Object.assign(seat, { best_us: data.time_us, bestSectors: seat.sectors?.map(({ us }) => us) });
          seat.last_us = data.time_us;
          seat.lap = data.lap;
        }
        return tell(`${name}: lap ${data.lap} in ${(data.time_us / 1e6).toFixed(3)}`, "lap");
      case "off_track":
        if (seat) seat.off_tracks = (seat.off_tracks ?? 0) + 1;
        this.#mark(fact, where, "off");
        return tell(`${name} leaves the road`, "warn");
      case "contact":
        this.#mark(fact, where, "contact");
        if (data.charged) tell(`${name} runs into ${isolated(this.seats.get(data.with)?.name ?? (data.with === BOT ? "a bot" : "a box"))}`, "warn");
        return undefined;
      case "penalty": {
        const length_us = ((data.ticks ?? 0) * 1e6) / this.hz;
        this.#mark(fact, where, "penalty");
        this.penalties.set(fact.seat, { from_us: fact.t_us, until_us: fact.t_us + length_us, why: data.why });
        return tell(`${name} stands ${(length_us / 1e6).toFixed(1)} s, ${why(data.why)}`, "warn");
      }
      case "released":
        this.penalties.delete(fact.seat);
        return undefined;
      case "immobilised":
        return tell(`${name} is stuck`, "warn");
      case "reversed":
        return tell(`${name} goes the wrong way`, "warn");
      case "finish":
        if (seat) Object.assign(seat, { status: "FIN", total_us: data.total_us });
        return tell(`${name} takes the flag after ${(data.total_us / 1e6).toFixed(3)}`, "flag");
      case "parked":
        return tell(`${name} is parked: ${data.reason}`, "warn");
      case "dnf":
        if (seat) seat.status = data.status;
        return tell(`${name} is out: ${data.reason || data.status}`, "out");
      case "flag":
        return tell(`${data.flag} flag`, "flag");
      default:
        return undefined;
    }
  }

  #begin(heat) {
    Object.assign(this, { heat, k: -1, t_us: 0, laps: 0, seats: new Map(), news: [], marks: [], boxes: [], bots: 0, phase: "" });
    this.sectors_us = [];
    this.virtual = null;
    this.penalties = new Map();
    this.state = "waiting";
    this.#leader = null;
  }

  /** A sector's time, whether it is the fastest of all or the driver's own fastest, and the delta to the own best lap. */
  #passSector(seat, { sector, time_us }) {
    if (sector === 0 || !seat.sectors) seat.sectors = [];
    const own = (seat.ownSectors_us ??= []);
    const sort = time_us <= (this.sectors_us[sector] ?? Infinity) ? "all" : time_us <= (own[sector] ?? Infinity) ? "own" : "none";
    if (sort !== "none") own[sector] = time_us;
    if (sort === "all") this.sectors_us[sector] = time_us;
    seat.sectors[sector] = { us: time_us, sort };
    const best = seat.bestSectors;
    const whole = best && seat.sectors.every((_, i) => best[i] !== undefined);
    const sum = (times) => times.slice(0, sector + 1).reduce((all, us) => all + us, 0);
    seat.delta_us = whole ? sum(seat.sectors.map(({ us }) => us)) - sum(best) : null;
  }

  #tell(text, tone, fact) {
    this.#serial += 1;
    this.news.unshift({ key: this.#serial, text, tone, seat: fact.seat, t_us: fact.t_us });
    this.news.length = Math.min(this.news.length, NEWS_KEPT);
  }

  #mark(fact, where, kind) {
    const car = where(fact.seat);
    if (car) this.marks.push({ seat: fact.seat, x: car.x, y: car.y, kind, t_us: fact.t_us });
    if (this.marks.length > 60) this.marks.shift();
  }

  /** Say who leads, when that changes after the start. */
  #followLeader() {
    const [first] = this.order();
    if (!first || this.seats.size < 2 || isOut(first.status)) return;
    if (this.#leader !== null && this.#leader !== first.seat && this.state === "running") {
      this.#tell(`${isolated(first.name)} leads`, "lead", { seat: first.seat, t_us: this.t_us });
    }
    this.#leader = first.seat;
  }
}

/** A name that cannot turn the rest of a sentence round, whatever letters it holds. */
function isolated(name) {
  return `\u2068${name}\u2069`;
}

function blank(seat, name) {
  return { seat, name, agent: "", status: "", lap: 0, place: seat + 1, off_tracks: 0, resets: 0 };
}
