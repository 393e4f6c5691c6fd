/** The timekeeper's page: shows what stands, and sends what a person decides. Text only, never markup. */

import { clock, seconds, status, time, title } from "./format.js";

const at = (id) => document.getElementById(id);
const event = document.body.dataset.event;
const KEPT = `timekeeper ${event}`;
const PHASES = { idle: "no run", waiting: "on the grid", countdown: "countdown", running: "running", driven: "driven" };
const STANDS = {
  counts: "",
  start: "starts the clock",
  "too soon": "too soon, not counted",
  early: "before the light",
  late: "after the end",
  void: "void",
  waits: "whose?",
  elsewhere: "not at the line",
};
const DEEDS = { add: "crossing by hand", void: "void", restore: "restored", reassign: "given to", reset: "put back", finish: "run ended", dnf: "does not go on", undo: "undone" };

// Where the stop button of every page hears of a token that is good.
const everywhere = new BroadcastChannel("timekeeper");
let socket = null;
let token = "";
let stands = null;
let heardAt = 0;
let wait_ms = 500;
let ids = 0;
const session = Math.random().toString(36).slice(2, 10);

// -- the line --------------------------------------------------------------------------------------

function connect() {
  const url = new URL("/ws/control", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const line = new WebSocket(url, ["league.v1.json"]);
  socket = line;
  line.onopen = () => line.send(JSON.stringify({ type: "hello", token, event }));
  line.onmessage = (received) => hear(JSON.parse(received.data));
  line.onclose = (closed) => {
    if (socket !== line) return;
    document.body.dataset.line = "lost";
    at("line").textContent = "connection lost; trying again";
    if (closed.code === 4001 || closed.code === 4010) return leave(closed.reason);
    setTimeout(connect, wait_ms);
    wait_ms = Math.min(2 * wait_ms, 5000);
  };
}

function hear(said) {
  if (said.type === "welcome") {
    wait_ms = 500;
    sessionStorage.setItem(KEPT, token);
    everywhere.postMessage({ event, token });
    document.body.dataset.line = "open";
    at("line").textContent = "connected";
    at("enter").hidden = true;
    at("desk").hidden = false;
  } else if (said.type === "state") {
    stands = said;
    heardAt = performance.now();
    show();
  } else if (said.type === "error") {
    at(said.fatal ? "refused" : "said").textContent = said.message;
  } else if (said.type === "done") {
    at("said").textContent = "";
  }
}

function leave(why) {
  sessionStorage.removeItem(KEPT);
  at("desk").hidden = true;
  at("enter").hidden = false;
  at("refused").textContent ||= why || "";
}

function decide(what, more = {}) {
  if (socket?.readyState !== WebSocket.OPEN) {
    at("said").textContent = "No connection: nothing was sent.";
    return;
  }
  ids += 1;
  socket.send(JSON.stringify({ type: "do", id: `${session}-${ids}`, what, ...more }));
}

/** The run's clock now, in microseconds; it stands before the light. */
function nowUs() {
  if (!stands?.run?.green) return 0;
  return Math.round(stands.now_us + (performance.now() - heardAt) * 1000);
}

const cross = (seat) => seat?.live && stands.run.green && decide("add", { entry: seat.entry, at_us: nowUs() });

// -- what stands -----------------------------------------------------------------------------------

function show() {
  const run = stands.run;
  document.body.dataset.phase = stands.phase;
  at("phase").textContent = PHASES[stands.phase] ?? stands.phase;
  at("phase").dataset.status = stands.phase === "running" ? "running" : "";
  at("run").textContent = run ? `${title(run.phase || run.id)}: ${run.seats.map((seat) => seat.name).join(" – ")}` : "No run";
  at("green").hidden = run?.green ?? true;
  at("green").disabled = stands.phase !== "waiting";
  at("confirm").hidden = !(run?.driven ?? false);
  at("again").disabled = !run?.green;
  at("undo").disabled = !run?.decisions.some((one) => one.kind !== "undo" && !one.undone);
  showSeats(run);
  const waits = run?.passings.filter((one) => one.standing === "waits") ?? [];
  at("waits").hidden = !waits.length;
  at("waiting-crossings").replaceChildren(...waits.map((one) => passingRow(one, run)));
  const passings = [...(run?.passings ?? [])].reverse().filter((one) => one.standing !== "waits");
  fill("passings", passings, (one) => passingRow(one, run));
  fill("decisions", [...(run?.decisions ?? [])].reverse(), (one) => decisionRow(one, run));
  at("to-come").previousElementSibling.hidden = !stands.waiting.length;
  fill("to-come", stands.waiting, (one) => comingRow(one, run));
  fill("devices", stands.devices, deviceRow);
  tick();
}

function fill(id, items, row) {
  at(id).replaceChildren(...items.map(row));
  const empty = at(`no-${id}`);
  if (empty) empty.hidden = items.length > 0;
}

function showSeats(run) {
  const kept = new Map([...at("seats").children].map((card) => [card.dataset.entry, card]));
  const cards = (run?.seats ?? []).map((seat, index) => {
    const card = kept.get(seat.entry) ?? newCard(seat, index);
    const part = (name) => card.querySelector(`.${name}`);
    part("state").textContent = seat.live ? (run.green ? "" : "ready?") : status(seat.status);
    part("state").title = seat.reason;
    if (seat.physical) {
      for (const button of card.querySelectorAll("button")) button.disabled = !run.green || !seat.live;
      part("dnf").disabled = !seat.live;
    }
    part("laps").replaceChildren(...seat.laps.map((lap, number) => lapItem(lap, number, seat)));
    const score = run.rank === "total" ? seat.total_s : seat.score_s;
    const ranked = run.rank === "best_lap" ? "" : `${run.rank.replace("_", " ")} ${seconds(score)}`;
    const parts = [`best lap ${seconds(seat.fastest_lap_s)}`, ranked, seat.resets ? `${seat.resets} put back` : ""];
    part("best").textContent = parts.filter(Boolean).join(" · ");
    return card;
  });
  at("seats").replaceChildren(...cards);
}

function newCard(seat, index) {
  const card = make("article", `car seat-${seat.seat % 8}`);
  card.dataset.entry = seat.entry;
  const head = make("h2");
  head.append(make("bdi", "", seat.name), make("span", "state fine"));
  card.append(head);
  const seatNow = () => stands.run?.seats.find((one) => one.entry === seat.entry);
  if (seat.physical) {
    const press = button("Crossing ", () => cross(seatNow()), "crossing");
    press.append(make("kbd", "", String(index + 1)));
    const pair = make("div", "pair");
    pair.append(
      button("Put back", () => decide("reset", { entry: seat.entry, at_us: nowUs() }), "reset"),
      button("Finish", () => decide("finish", { entry: seat.entry, at_us: nowUs() }), "finish"),
      button("DNF", () => decide("dnf", { entry: seat.entry, at_us: nowUs() }), "dnf"),
    );
    card.append(press, pair);
  } else {
    card.append(make("p", "fine", "drives in the simulation, in real time"));
  }
  card.append(make("p", "lap fine"), make("ol", "laps"), make("p", "best fine"));
  return card;
}

function lapItem(lap, number, seat) {
  const kind = lap.valid ? (lap.time_s === seat.fastest_lap_s ? "own" : "") : "invalid";
  return make("li", kind, `${number + 1}: ${seconds(lap.time_s)}`);
}

function passingRow(one, run) {
  const row = make("li");
  const name = run.seats.find((seat) => seat.entry === one.entry)?.name ?? "";
  const lap = one.lap ? `lap ${one.lap} in ${time(one.lap_us)}` : STANDS[one.standing];
  const from = one.kind === "add" ? one.who : [one.device, one.car].filter(Boolean).join(" ");
  const words = make("span", one.standing === "void" ? "words off" : "words");
  words.textContent = [name, lap, from].filter(Boolean).join(" · ");
  row.append(make("time", "", time(one.at_us)), words);
  if (one.hint) row.append(make("strong", "warn", one.hint));
  for (const seat of run.seats.filter((seat) => seat.physical && seat.entry !== one.entry)) {
    if (one.standing === "waits" || run.seats.length > 1) {
      row.append(button(seat.name, () => decide("reassign", { target: one.number, entry: seat.entry })));
    }
  }
  const voided = one.standing === "void";
  row.append(button(voided ? "Restore" : "Void", () => decide(voided ? "restore" : "void", { target: one.number })));
  return row;
}

function decisionRow(one, run) {
  const row = make("li");
  const name = run.seats.find((seat) => seat.entry === one.entry)?.name ?? "";
  const target = one.target ? run.passings.find((passing) => passing.number === one.target) : null;
  const about = target ? time(target.at_us) : one.target ? `no. ${one.target}` : time(one.at_us);
  const words = [DEEDS[one.kind], name, about, one.why, one.who].filter(Boolean).join(" · ");
  row.append(make("time", "", `no. ${one.number}`), make("span", one.undone ? "words off" : "words", words));
  if (!one.undone && one.kind !== "undo") row.append(button("Undo", () => decide("undo", { target: one.number })));
  if (one.kind === "undo" && !one.undone) row.append(button("Redo", () => decide("undo", { target: one.number })));
  return row;
}

function comingRow(one, run) {
  const row = make("li");
  row.append(make("span", "words", `${title(one.id.split("-").slice(0, 2).join("-"))}: ${one.names.join(" – ")}`));
  if (run && !run.green) row.append(button("Goes first", () => decide("choose", { run: one.id })));
  return row;
}

function deviceRow(one) {
  const row = make("li");
  const state = one.connected ? "connected" : "gone";
  row.append(make("span", "words", `${one.name} · ${state} · ${one.crossings} crossings`));
  return row;
}

function make(kind, name = "", text = "") {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

function button(text, press, name = "") {
  const made = make("button", name, text);
  made.type = "button";
  made.addEventListener("click", press);
  return made;
}

function tick() {
  const run = stands?.run;
  at("clock").textContent = clock(nowUs());
  at("left").textContent = run ? `of ${clock(run.limit_us)}, ${run.laps >= 100 ? "as many laps as fit" : `${run.laps} laps`}` : "";
  for (const card of at("seats").children) {
    const seat = run?.seats.find((one) => one.entry === card.dataset.entry);
    const began = seat?.lap_began_us;
    card.querySelector(".lap").textContent =
      seat?.live && began !== null && began !== undefined && run.green ? `this lap ${clock(nowUs() - began)}` : "";
  }
}

// -- hands -----------------------------------------------------------------------------------------

at("enter").addEventListener("submit", (sent) => {
  sent.preventDefault();
  token = at("token").value.trim();
  at("refused").textContent = "";
  connect();
});
at("enter").inert = false; // sent before somebody listens, it would be an empty page's
at("green").addEventListener("click", () => decide("green"));
at("confirm").addEventListener("click", () => decide("confirm"));
at("undo").addEventListener("click", () => decide("undo"));
let sure = 0;
at("again").addEventListener("click", () => {
  // Twice within three seconds: everything that was timed in this run is left behind.
  if (performance.now() - sure < 3000) decide("again", { why: "the timekeeper wished it" });
  else at("said").textContent = "Press again to leave this run and start it anew.";
  sure = performance.now();
});
addEventListener("keydown", (key) => {
  if (key.target instanceof HTMLInputElement || key.target.id === "stop" || key.repeat || key.ctrlKey || key.metaKey || key.altKey) return;
  const cars = stands?.run?.seats.filter((seat) => seat.physical) ?? [];
  if (key.code === "Space") {
    key.preventDefault();
    if (cars.length === 1) cross(cars[0]);
    else at("said").textContent = "More than one car: press its number.";
  } else if (/^[1-8]$/.test(key.key)) {
    const seat = stands?.run?.seats[Number(key.key) - 1];
    if (seat?.physical) cross(seat);
  } else if (key.key.toLowerCase() === "u") decide("undo");
});
setInterval(() => stands && tick(), 100);

const kept = sessionStorage.getItem(KEPT); // empty: whoever is signed in
token = location.hash.slice(1) || kept || "";
if (location.hash) history.replaceState(null, "", location.pathname); // it must not stay in the address
if (token || kept === "" || document.body.dataset.signed === "yes") connect();
