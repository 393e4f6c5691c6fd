/** The desk: forms that ask the REST interface, and a page that follows the event. */

import { refresh } from "./refresh.js";
import { Feed } from "./socket.js";

const SOON_MS = 300;
const EVERY_MS = 10_000;
const SURE_MS = 4000;
const at = (id) => document.getElementById(id);
const { event, follow } = document.body.dataset;

// -- forms ---------------------------------------------------------------------------------------

/**
 * What a form says, as the REST interface takes it: "rules.laps" is inside of rules, "entries[]" is a list. Of its
 * buttons, only the pressed one says something; a field with `data-with` belongs to the button of that value.
 */
function read(form, pressed) {
  const asked = {};
  for (const field of form.elements) {
    if (!field.name || field.closest("[hidden]")) continue;
    if (field.localName === "button" && field !== pressed) continue;
    if (field.dataset.with && field.dataset.with !== pressed?.value) continue;
    const [first, second] = field.name.replace("[]", "").split(".");
    const [into, key] = second ? [(asked[first] ??= {}), second] : [asked, first];
    if (field.name.endsWith("[]")) {
      const list = (into[key] ??= []);
      const chosen = field.dataset.type === "text" ? field.value : { name: field.value, agent: field.value };
      if (field.checked) list.push(chosen);
    } else if (field.value !== "") {
      into[key] = value(field);
    }
  }
  for (const field of form.querySelectorAll("[data-append]")) {
    if (field.checked) asked[field.dataset.to] += field.dataset.append;
  }
  return asked;
}

function value(field) {
  if (field.type === "number" || field.dataset.type === "number") return Number(field.value);
  if (field.type === "checkbox") return field.checked;
  if (field.type === "datetime-local") return new Date(field.value).toISOString();
  return field.dataset.type === "boolean" ? field.value === "true" : field.value;
}

async function send(form, pressed) {
  if (form.ariaBusy === "true") return; // pressed twice
  form.ariaBusy = "true";
  await ask(form, pressed).finally(() => (form.ariaBusy = null));
}

async function ask(form, pressed) {
  const [method, path] = form.dataset.api.split(" ");
  const options = { method, headers: { Accept: "application/json" } };
  if (form.elements.length > 1) {
    options.body = JSON.stringify(read(form, pressed));
    options.headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(path, options).catch(() => null);
  if (!answer) return tell("The server does not answer.");
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) return tell(told.error?.message ?? `The server refuses: ${answer.status}`);
  const secrets = Object.entries(told[form.dataset.told] ?? {});
  if (secrets.length) return tellAll(told.id, secrets);
  if (form.dataset.then) return location.assign(form.dataset.then.replace("{id}", encodeURIComponent(told.id)));
  if (form.elements.length > 1) form.reset();
  document.activeElement?.blur();
  await refresh();
  tell("");
  if (form.dataset.secret) show(form, told[form.dataset.secret]);
}

/** What is told only once: where a link leads to it, as a link. */
function show(form, secret) {
  const { link } = form.dataset;
  at("secret").hidden = false;
  at("secret").firstElementChild.textContent = link ? `${location.origin}${link}${secret}` : secret;
  tell("Shown only now:");
  at("secret").scrollIntoView({ block: "center" });
}

function tellAll(id, secrets) {
  at("secret").hidden = false;
  at("secret").firstElementChild.textContent = secrets.map(([name, secret]) => `${name}: ${secret}`).join("\n");
  tell(`The event is ${id}. Its tokens are shown only now:`);
  at("secret").scrollIntoView({ block: "center" });
}

function tell(words) {
  at("said").textContent = words;
}

document.addEventListener("submit", (submitted) => {
  const form = submitted.target;
  if (!form.dataset.api) return;
  submitted.preventDefault();
  if (form.dataset.ask && form.dataset.sure !== "yes") return makeSure(form);
  send(form, submitted.submitter);
});

/** Ask once more, in the button itself: no dialogue covers the race. */
function makeSure(form) {
  const button = form.querySelector("button");
  const before = button.textContent;
  button.textContent = form.dataset.ask;
  form.dataset.sure = "yes";
  setTimeout(() => {
    button.textContent = before;
    delete form.dataset.sure;
  }, SURE_MS);
}

// -- fields that belong to a choice --------------------------------------------------------------

/** Make the page's forms ready: sent before somebody listens, they would be an empty page's. */
function dress() {
  for (const form of document.querySelectorAll("form[data-api][inert]")) form.inert = false;
  for (const choice of document.querySelectorAll("select[data-about]")) {
    at(choice.dataset.about).textContent = choice.selectedOptions[0].title;
  }
  for (const choice of document.querySelectorAll("select[data-shows]")) {
    const shown = (choice.selectedOptions[0].dataset.shows ?? "").split(" ");
    for (const field of choice.form.querySelectorAll("[data-for]")) field.hidden = !shown.includes(field.dataset.for);
  }
}

document.addEventListener("change", dress);
addEventListener("refreshed", dress);
dress();

// -- clips ---------------------------------------------------------------------------------------

/** Show a clip where the steward decides; with Ctrl, Shift or the middle button it gets a window of its own. */
document.addEventListener("click", (clicked) => {
  const link = clicked.target.closest?.("a.watch-clip");
  if (!link || clicked.ctrlKey || clicked.metaKey || clicked.shiftKey) return;
  clicked.preventDefault();
  const line = link.parentElement;
  const shown = line.parentElement.querySelector("iframe");
  link.setAttribute("aria-expanded", String(!shown));
  if (shown) return shown.remove();
  const frame = document.createElement("iframe");
  frame.src = `${link.href}&embed`;
  frame.title = "Clip";
  frame.className = "clip";
  line.after(frame);
  frame.scrollIntoView({ block: "nearest" });
});

// -- the circuit's outline -----------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";

async function preview() {
  const turned = document.querySelector("[data-to=circuit]:checked")?.dataset.append ?? "";
  const answer = await fetch(`/api/v1/circuits/${encodeURIComponent(at("circuit").value + turned)}`).catch(() => null);
  if (!answer?.ok) return;
  const circuit = await answer.json();
  const points = [...circuit.left, ...circuit.right];
  const [x, y] = [points.map((p) => p[0]), points.map((p) => -p[1])];
  const [left, top] = [Math.min(...x) - 0.3, Math.min(...y) - 0.3];
  const box = [left, top, Math.max(...x) - left + 0.3, Math.max(...y) - top + 0.3];
  at("preview").setAttribute("viewBox", box.join(" "));
  const drawn = (kind, d) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", kind);
    path.setAttribute("d", d);
    return path;
  };
  const along = (line) => `M${line.map(([px, py]) => `${px} ${-py}`).join("L")}`;
  const road = drawn("fill", `${along(circuit.left)}Z${along(circuit.right)}Z`);
  at("preview").replaceChildren(
    road,
    drawn("start", along([circuit.left[0], circuit.right[0]])),
    drawn("way", along(arrow(circuit.left, circuit.right))),
  );
  at("about").textContent = `${circuit.name}: ${circuit.length_m.toFixed(1)} m. ${circuit.about}`;
}

/** An arrow, 0.8 m long, from the middle of the start line where the cars go. */
function arrow(left, right) {
  const middle = (i) => [0, 1].map((axis) => (left[i][axis] + right[i][axis]) / 2);
  const [from, next] = [middle(0), middle(1)];
  const length = Math.hypot(next[0] - from[0], next[1] - from[1]);
  const [x, y] = [0, 1].map((axis) => (next[axis] - from[axis]) / length);
  const point = (ahead, aside) => [from[0] + ahead * x - aside * y, from[1] + ahead * y + aside * x];
  return [point(0, 0), point(0.8, 0), point(0.5, 0.2), point(0.8, 0), point(0.5, -0.2)];
}

if (at("circuit")) {
  at("circuit").addEventListener("change", preview);
  document.querySelector("[data-to=circuit]").addEventListener("change", preview);
  preview();
}

/** Only drivers that can do with what is shown can be chosen. */
function offer() {
  const shown = [...document.querySelectorAll("[name='rules.sensors[]']:checked")].map((field) => field.value);
  for (const field of document.querySelectorAll("[data-needs]")) {
    field.disabled = field.dataset.needs.split(" ").some((need) => need && !shown.includes(need));
    if (field.disabled) field.checked = false;
  }
}

for (const field of document.querySelectorAll("[name='rules.sensors[]']")) field.addEventListener("change", offer);
offer();

// -- the event under way -------------------------------------------------------------------------

let waiting = null;

function hear(message) {
  if (!["board", "heat", "hello"].includes(message.type)) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => !busy() && refresh(), SOON_MS);
}

/** Whether somebody watches a clip or is at a form that a new page would take away, or has begun to fill one in. */
function busy() {
  if (document.querySelector("details[open], iframe, [data-sure], #secret:not([hidden])")) return true;
  return [...document.querySelectorAll("main :is(input, select)")].some(changed);
}

function changed(field) {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.localName === "input") return field.value !== field.defaultValue;
  const chosen = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(0, chosen);
}

if (event) new Feed(event, { message: hear, line: () => {} }, { frames: false });
if (follow) setInterval(() => !busy() && refresh(), EVERY_MS); // what nobody tells of: protests, opinions
