/**
 * A page that scrolls by itself, for a projector: down, a rest, and from the top again. `?scroll=60` sets the
 * pixels a second. Whoever touches the page has it for a while; where motion is not wanted, pages are turned.
 */

import { calm } from "./glide.js";

const REST_MS = 5000;
const HANDS_OFF_MS = 20_000;
const LEAF_MS = 8000;
const [SLOWEST, FASTEST, USUAL] = [5, 400, 40];

const asked = Number(new URLSearchParams(location.search).get("scroll"));
const pace = asked > 1 ? Math.min(FASTEST, Math.max(SLOWEST, asked)) : USUAL;
let resting_ms = performance.now() + REST_MS;
let before_ms = performance.now();
let way_px = 0;

for (const what of ["wheel", "touchstart", "keydown", "pointerdown"]) {
  addEventListener(what, () => (resting_ms = performance.now() + HANDS_OFF_MS), { passive: true });
}

/** Pixels that are still below. */
function below() {
  return document.documentElement.scrollHeight - innerHeight - scrollY;
}

function roll(now_ms) {
  if (now_ms >= resting_ms) {
    if (below() <= 1) {
      scrollTo({ top: 0 });
      resting_ms = now_ms + REST_MS;
    } else {
      way_px += (Math.min(100, now_ms - before_ms) / 1000) * pace;
      scrollBy(0, Math.floor(way_px)); // browsers scroll by whole pixels
      way_px -= Math.floor(way_px);
      if (below() <= 1) resting_ms = now_ms + REST_MS;
    }
  }
  before_ms = now_ms;
  requestAnimationFrame(roll);
}

function turn() {
  if (performance.now() < resting_ms) return;
  if (below() <= 1) scrollTo({ top: 0 });
  else scrollBy(0, innerHeight * 0.85);
}

if (calm()) setInterval(turn, LEAF_MS);
else requestAnimationFrame(roll);
