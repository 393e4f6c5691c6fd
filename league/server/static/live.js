/** The live page: joins the watch socket, the canvas, the tower, the board and the words around them. */

import { showStandings } from "./board.js";
import { clock, gap, isOut, seconds, status, time, title } from "./format.js";
import { calm } from "./glide.js";
import { Playback } from "./playback.js";
import { Race } from "./race.js";
import { Feed } from "./socket.js";
import { Stage } from "./stage.js";
import { chooseColumns, Tower } from "./tower.js";
import { Views } from "./views.js";

const CLOCK_MS = 100;
const BOARD = ["place", "entry", "total", "fastest"];
const BOARD_ROWS = 20;
const NEWS_SHOWN = 6;
const LONGEST_DELAY_S = 600;
const GO_MS = 1200;

const at = (id) => document.getElementById(id);
const eventId = document.body.dataset.event;
const delay_s = Math.min(LONGEST_DELAY_S, Math.max(0, Number(new URLSearchParams(location.search).get("delay")) || 0));

const race = new Race();
const playback = new Playback();
const stage = new Stage(at("canvas"), { playback, race, calm });
const tower = new Tower(at("tower"), { calm, onChoose: (seat) => (stage.chosen = seat) });
const watched = () => tower.chosen ?? race.order()[0]?.seat ?? null;
new Views(stage, {
  bar: at("views"),
  eye: at("eye"),
  chosen: watched,
  address: (seat) =>
    // A broadcast with a delay must not show the present.
    race.state === "running" && stage.picture && !delay_s ? `/live/${encodeURIComponent(eventId)}/camera?seat=${seat}&k=${race.k}` : null,
});
chooseColumns();
let heat = null;
let newest = 0;
let wentAt_ms = -Infinity;
let line = "connecting";

function hear(message) {
  const circuit = race.circuit;
  const before = race.state;
  race.apply(message, (seat) => playback.latest().get(seat));
  if (message.type === "frame" || message.type === "snap") playback.add(message, performance.now());
  if (race.circuit !== circuit && race.circuit?.id !== circuit?.id) showCircuit();
  if (race.heat !== heat || (message.type === "heat" && message.status === "starting")) {
    heat = race.heat;
    if (message.type === "heat") playback.reset(heat); // it may be raced again, from its first tick
    stage.clear();
    stage.chosen = null;
    tower.clear();
    newest = 0;
  }
  if (before === "starting" && race.state === "running") wentAt_ms = performance.now();
  if (["board", "virtual", "heat"].includes(message.type)) showBoard();
  if (message.type !== "frame") show();
}

function show() {
  tower.show(race, playback.latest());
  showHead();
  showLine(line);
  showNews();
  showCard();
  showLights();
}

/** The standings; while cars race, as they would be if everybody went on like this. */
function showBoard() {
  const virtual = race.virtual !== null;
  put(at("board-title"), virtual ? "Standings, as it runs" : "Standings");
  at("board").classList.toggle("virtual", virtual);
  showStandings(at("standings"), (race.virtual ?? race.standings).slice(0, BOARD_ROWS), BOARD);
}

function showCircuit() {
  const { name, length_m, direction } = race.circuit;
  stage.circuit(race.circuit);
  showLineOf(eventId);
  put(at("where"), [name, length_m && `${length_m.toFixed(1)} m`, direction].filter(Boolean).join(" · "));
}

/** The racing line, where one is known. */
async function showLineOf(event) {
  const answer = await fetch(`/live/${encodeURIComponent(event)}/line`).catch(() => null);
  const { line: points } = answer?.ok ? await answer.json() : { line: [] };
  stage.line(points);
  document.querySelector("[data-view=line]").hidden = points.length === 0;
}

function showHead() {
  put(at("heat"), race.heat ? heading() : waiting());
  const lead = race.order().find((seat) => seat.place === 1);
  const laps = race.laps ? `Lap ${race.lapOf(lead)} of ${race.laps}` : "";
  put(at("laps"), race.state === "running" ? laps : race.heat ? title(race.state) : "");
  put(at("eye-of"), race.seats.get(watched())?.name ?? "");
  document.body.dataset.state = race.finished ? "over" : race.state;
  const raced = race.virtual !== null || race.standings.some((row) => row.heats);
  at("board").hidden = race.standings.length === 0 || (race.seats.size > 0 && !raced); // names alone are in the tower
  at("timing").hidden = race.seats.size === 0;
  const cars = [
    race.seats.size === 1 ? "1 car" : `${race.seats.size} cars`,
    ...(race.bots ? [race.bots === 1 ? "1 bot" : `${race.bots} bots`] : []),
    ...(race.boxes.length ? [race.boxes.length === 1 ? "1 box" : `${race.boxes.length} boxes`] : []),
  ].join(", ");
  const leads = lead && race.seats.size > 1 ? `, ${lead.name} leads` : "";
  at("canvas").setAttribute("aria-label", `${race.circuit?.name ?? "Circuit"}: ${cars}${leads}`);
}

function showNews() {
  const fresh = race.news.filter((news) => news.key > newest);
  newest = race.news[0]?.key ?? newest;
  const list = at("news");
  for (const news of fresh.reverse()) {
    const item = document.createElement("li");
    item.className = `${news.tone} seat-${Math.max(0, news.seat) % 8}`;
    item.textContent = news.text;
    list.prepend(item);
    if (["lead", "go", "flag", "out"].includes(news.tone)) put(at("announce"), news.text);
  }
  if (!race.news.length) list.replaceChildren();
  while (list.children.length > NEWS_SHOWN) list.lastChild.remove();
}

/** A heat by its phase and driver if only one drives, otherwise by its id. */
function heading() {
  const [only, ...others] = race.seats.values();
  return only && !others.length && race.phase ? `${title(race.phase)}: ${only.name}` : title(race.heat);
}

/** What to say while no car moves. */
function showCard() {
  const card = at("card");
  const over = race.finished;
  const idle = race.state === "abandoned" || (race.state === "waiting" && !race.seats.size);
  const done = race.state === "finished";
  card.hidden = !(over || idle || done);
  if (card.hidden) return;
  const words = cardWords(over, done);
  put(at("card-title"), words[0]);
  put(at("card-text"), words[1]);
  at("card-link").hidden = !over;
  const first = over ? race.standings.map(standingLine) : done ? race.order().map(seatLine) : [];
  const podium = first.slice(0, 3).map(([name, figure], i) => {
    const item = document.createElement("li");
    item.className = `step-${i + 1}`;
    const who = document.createElement("strong");
    who.textContent = name;
    const what = document.createElement("span");
    what.textContent = figure;
    item.append(who, what);
    return item;
  });
  at("podium").replaceChildren(...podium);
}

function waiting() {
  const raced = race.heats.some((heat) => heat.status === "finished");
  return raced ? "Waiting for the next heat" : "Waiting for the first heat";
}

function cardWords(over, done) {
  if (over) return [race.event.status === "aborted" ? "The event was stopped" : "The event is over", "Standings"];
  if (done) return [`${heading()} is over`, race.circuit.name];
  if (race.state === "abandoned") return [`${heading()} was stopped`, "It will be raced again"];
  return [waiting(), race.circuit?.name ?? ""];
}

/** A name and a time: the first one's own, the others' behind it. */
function standingLine(standing, i) {
  const own = seconds(standing.score_s ?? standing.total_s);
  return [standing.name, i && standing.gap_s > 0 ? gap(standing.gap_s * 1e6) : own];
}

function seatLine(seat, i, [first]) {
  if (isOut(seat.status)) return [seat.name, status(seat.status)];
  return [seat.name, i && seat.total_us > first.total_us ? gap(seat.total_us - first.total_us) : time(seat.total_us)];
}

function showLights() {
  const lights = at("lights");
  const going = performance.now() - wentAt_ms < GO_MS;
  lights.hidden = race.state !== "starting" && !going;
  lights.classList.toggle("go", going);
  if (going) setTimeout(showLights, GO_MS);
}

function showLine(state) {
  line = state;
  document.body.dataset.line = state;
  const live = ["starting", "running"].includes(document.body.dataset.state);
  const word = delay_s ? `${delay_s} s behind` : "Live";
  put(at("line"), { open: live ? word : "Connected", lost: "Reconnecting…", connecting: "Connecting…" }[state]);
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

addEventListener("keydown", (pressed) => {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
  const row = at("tower").rows[Number(pressed.key) - 1];
  if (row) row.querySelector("button").click();
  else if (pressed.key === "Escape" && tower.chosen !== null) {
    at("tower").querySelector("[aria-pressed=true]")?.click();
  }
});

setInterval(() => {
  put(at("clock"), clock((stage.picture?.t_s ?? 0) * 1e6));
  if (race.state === "running") tower.show(race, playback.latest());
}, CLOCK_MS);

show();
if (delay_s) document.querySelector("[data-view=eye]").hidden = true;
new Feed(eventId, { message: hear, line: showLine }, { delay_s });

/** For tests and curious people: what is being shown. */
window.league = {
  race,
  cars: () => [...(stage.picture?.cars.values() ?? [])].map(({ seat, x, y, yaw }) => ({ seat, x, y, yaw })),
  bots: () => [...(stage.picture?.bots.values() ?? [])].map(({ number, x, y, yaw }) => ({ number, x, y, yaw })),
  drawn: () => stage.drawn,
  frames: () => playback.count,
  line: () => line,
};
