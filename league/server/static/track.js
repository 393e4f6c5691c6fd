/** The circuit on the canvas: fitted to the space there is, drawn once and kept as a picture. */

const VERGE_M = 0.22;
const KERB_TURN_PER_M = 0.55; // corners tighter than about 1.8 m get kerbs
const DASH_M = 0.22;

export class Track {
  #shape;
  #layer = document.createElement("canvas");
  #k = 1;
  #turned = false;
  #dx = 0;
  #dy = 0;
  #sx = 0;
  #sy = 0;
  #size = [0, 0];

  /** @param {object} circuit - centre, left and right as lists of [x, y] in metres */
  constructor(circuit) {
    this.#shape = circuit;
    const every = [...circuit.left, ...circuit.right];
    const xs = every.map(([x]) => x);
    const ys = every.map(([, y]) => y);
    this.box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  }

  /** Width over height of the circuit. */
  get aspect() {
    const [x0, y0, x1, y1] = this.box;
    return (x1 - x0 + 4 * VERGE_M) / (y1 - y0 + 4 * VERGE_M);
  }

  /** Pixels per metre. */
  get scale() {
    return this.#k;
  }

  /** Choose scale, place and, if that makes it bigger, a quarter turn. Sizes in CSS pixels. */
  fit(width, height, { top, right, bottom, left }) {
    const [x0, y0, x1, y1] = this.box;
    const wide = x1 - x0 + 2 * VERGE_M;
    const high = y1 - y0 + 2 * VERGE_M;
    const room_x = Math.max(40, width - left - right);
    const room_y = Math.max(40, height - top - bottom);
    const straight = Math.min(room_x / wide, room_y / high);
    const turned = Math.min(room_x / high, room_y / wide);
    this.#turned = turned > straight * 1.12;
    this.#k = Math.max(straight, this.#turned ? turned : 0);
    this.#dx = this.#dy = this.#sx = this.#sy = 0;
    const [cx, cy] = this.at((x0 + x1) / 2, (y0 + y1) / 2);
    this.#dx = left + room_x / 2 - cx;
    this.#dy = top + room_y / 2 - cy;
  }

  /** Where a point of the circuit is on the canvas. */
  at(x, y) {
    const [u, v] = this.#turned ? [y, x] : [x, -y];
    return [u * this.#k + this.#dx + this.#sx, v * this.#k + this.#dy + this.#sy];
  }

  /** Move the picture so that a place is in the middle of what is seen, without a place back to where it fits. */
  look(place, width, height) {
    this.#sx = this.#sy = 0;
    if (!place) return;
    const [x, y] = this.at(place.x, place.y);
    this.#sx = width / 2 - x;
    this.#sy = height / 2 - y;
  }

  /** A direction on the circuit as an angle on the canvas. */
  angle(yaw) {
    return this.#turned ? Math.PI / 2 - yaw : -yaw;
  }

  /** Draw everything that does not move, at a device pixel ratio; `ink(name)` gives a theme's colour. */
  paint(width, height, ratio, ink) {
    this.#size = [width, height];
    this.#sx = this.#sy = 0;
    this.#layer.width = Math.round(width * ratio);
    this.#layer.height = Math.round(height * ratio);
    const pen = this.#layer.getContext("2d");
    pen.scale(ratio, ratio);
    pen.lineJoin = pen.lineCap = "round";
    const [centre, left, right] = ["centre", "left", "right"].map((line) =>
      this.#shape[line].map(([x, y]) => this.at(x, y)),
    );
    this.#verge(pen, left, right, ink);
    this.#kerbs(pen, centre, left, right, ink);
    this.#road(pen, left, right, ink);
    this.#grain(pen, left, right, ratio);
    this.#lines(pen, centre, left, right, ink);
    this.#start(pen, centre, left, right, ink);
  }

  /** Put the picture onto the visible canvas. */
  show(pen) {
    pen.drawImage(this.#layer, this.#sx, this.#sy, ...this.#size);
  }

  /** Draw the racing line, points [x, y, speed]: green where it is fast, yellow and red where it brakes. */
  guide(pen, line, ink) {
    if (line.length < 2) return;
    const speeds = line.map(([, , speed]) => speed);
    const [slow, fast] = [Math.min(...speeds), Math.max(...speeds)];
    pen.lineWidth = Math.max(1.5, 0.03 * this.#k);
    pen.lineCap = "round";
    pen.globalAlpha = 0.85;
    line.forEach(([x, y, speed], i) => {
      const [nx, ny] = line[(i + 1) % line.length];
      const share = (speed - slow) / (fast - slow || 1);
      pen.strokeStyle = ink(share > 0.66 ? "line-fast" : share > 0.33 ? "line-even" : "line-slow");
      pen.beginPath();
      pen.moveTo(...this.at(x, y));
      pen.lineTo(...this.at(nx, ny));
      pen.stroke();
    });
    pen.globalAlpha = 1;
  }

  #verge(pen, left, right, ink) {
    pen.save();
    pen.shadowColor = ink("shade");
    pen.shadowBlur = 0.35 * this.#k;
    pen.shadowOffsetY = 0.05 * this.#k;
    pen.fillStyle = pen.strokeStyle = ink("verge");
    pen.lineWidth = 2 * VERGE_M * this.#k;
    for (const line of [left, right]) pen.stroke(ring(line));
    pen.restore();
    pen.fillStyle = ink("verge");
    strip(pen, left, right, 0.5);
  }

  /** Red and white stones along the inside of every tight corner. */
  #kerbs(pen, centre, left, right, ink) {
    const turns = smooth(curvature(this.#shape.centre), Math.max(1, Math.round(centre.length / 120)));
    const stone_px = Math.max(5, 0.16 * this.#k);
    pen.lineWidth = 2 * Math.max(3, 0.085 * this.#k);
    pen.lineCap = "butt";
    for (const [line, side] of [[left, 1], [right, -1]]) {
      const tight = turns.map((turn) => turn * side > KERB_TURN_PER_M);
      for (const run of runs(line, tight, 0.3 * this.#k)) {
        const path = new Path2D();
        run.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
        pen.strokeStyle = ink("border");
        pen.stroke(path);
        pen.strokeStyle = ink("kerb");
        pen.setLineDash([stone_px, stone_px]);
        pen.stroke(path);
        pen.setLineDash([]);
      }
    }
    pen.lineCap = "round";
  }

  #road(pen, left, right, ink) {
    pen.fillStyle = pen.strokeStyle = ink("road");
    strip(pen, left, right, 0.8);
  }

  /** The asphalt's grain, always the same. */
  #grain(pen, left, right, ratio) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 128;
    const dots = tile.getContext("2d");
    let seed = 7;
    const next = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let i = 0; i < 900; i += 1) {
      dots.fillStyle = next() > 0.5 ? "rgb(255 255 255 / 4.5%)" : "rgb(0 0 0 / 10%)";
      dots.fillRect(next() * 128, next() * 128, 1 + next(), 1 + next());
    }
    pen.save();
    const grain = pen.createPattern(tile, "repeat");
    grain.setTransform(new DOMMatrix().scale(1 / ratio));
    pen.fillStyle = pen.strokeStyle = grain;
    strip(pen, left, right, 0);
    pen.restore();
  }

  #lines(pen, centre, left, right, ink) {
    pen.strokeStyle = ink("border");
    pen.lineWidth = Math.max(1.5, 0.035 * this.#k);
    for (const line of [left, right]) pen.stroke(ring(line));
    pen.strokeStyle = ink("dash");
    pen.lineWidth = Math.max(1, 0.02 * this.#k);
    pen.lineCap = "butt";
    pen.setLineDash([DASH_M * this.#k, DASH_M * this.#k]);
    pen.stroke(ring(centre));
    pen.setLineDash([]);
  }

  /** Chequered line across the road, and arrows the way the race goes. */
  #start(pen, centre, left, right, ink) {
    const [lx, ly] = left[0];
    const [rx, ry] = right[0];
    const wide = Math.hypot(rx - lx, ry - ly);
    const along = Math.atan2(centre[1][1] - centre[0][1], centre[1][0] - centre[0][0]);
    const cells = 10;
    const cell = wide / cells;
    const rows = cell < 4 ? 2 : 3;
    pen.save();
    pen.translate(lx, ly);
    pen.rotate(Math.atan2(ry - ly, rx - lx));
    const back = Math.sign(Math.sin(along - Math.atan2(ry - ly, rx - lx))) || 1;
    pen.scale(1, -back); // rows lie behind the line, where the grid is
    pen.fillStyle = ink("border");
    pen.fillRect(0, 0, wide, rows * cell);
    pen.fillStyle = ink("check");
    for (let row = 0; row < rows; row += 1) {
      for (let i = row % 2; i < cells; i += 2) pen.fillRect(i * cell, row * cell, cell, cell);
    }
    pen.restore();
    pen.save();
    pen.translate((lx + rx) / 2, (ly + ry) / 2);
    pen.rotate(along);
    pen.strokeStyle = ink("border");
    pen.globalAlpha = 0.5;
    pen.lineWidth = Math.max(1.5, 0.03 * this.#k);
    const size = Math.min(wide * 0.16, 0.14 * this.#k);
    for (let i = 0; i < 3; i += 1) {
      const x = (0.22 + i * 0.17) * this.#k;
      pen.beginPath();
      pen.moveTo(x, -size);
      pen.lineTo(x + size * 0.8, 0);
      pen.lineTo(x, size);
      pen.stroke();
    }
    pen.restore();
  }
}

function ring(points) {
  const path = new Path2D();
  points.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
  return path;
}

/** Fill between two lines piece by piece: borders that fold over in a hairpin leave no hole. */
function strip(pen, left, right, seam_px) {
  const path = new Path2D();
  for (let i = 0; i < left.length; i += 1) {
    const j = (i + 1) % left.length;
    path.moveTo(...left[i]);
    path.lineTo(...left[j]);
    path.lineTo(...right[j]);
    path.lineTo(...right[i]);
    path.closePath();
  }
  pen.fill(path, "nonzero");
  if (seam_px) {
    pen.lineWidth = seam_px;
    pen.stroke(path);
  }
}

/** Stretches of a closed line where `marked` holds, each longer by `more_px` at both ends. */
function runs(line, marked, more_px) {
  const n = line.length;
  const reach = (i, way) => {
    let far = 0;
    while (far < more_px) {
      const [x, y] = line[(i + n) % n];
      const [nx, ny] = line[(i + way + n) % n];
      far += Math.max(0.01, Math.hypot(nx - x, ny - y));
      i += way;
    }
    return i;
  };
  const spans = [];
  for (let i = 0; i < n; i += 1) {
    if (!marked[i] || marked[(i + n - 1) % n]) continue;
    let end = i;
    while (marked[(end + 1) % n] && end < i + n) end += 1;
    const span = [reach(i, -1), reach(end, 1)];
    const last = spans.at(-1);
    if (last && span[0] <= last[1]) last[1] = span[1];
    else spans.push(span);
  }
  return spans.map(([from, to]) => Array.from({ length: to - from + 1 }, (_, j) => line[(from + j + n) % n]));
}

/** Turning per metre at each point, positive to the left. */
function curvature(points) {
  const n = points.length;
  return points.map(([x, y], i) => {
    const [px, py] = points[(i + n - 1) % n];
    const [nx, ny] = points[(i + 1) % n];
    const back = Math.hypot(x - px, y - py);
    const ahead = Math.hypot(nx - x, ny - y);
    const turn = Math.atan2(ny - y, nx - x) - Math.atan2(y - py, x - px);
    return Math.atan2(Math.sin(turn), Math.cos(turn)) / Math.max(1e-6, (back + ahead) / 2);
  });
}

function smooth(figures, reach) {
  const n = figures.length;
  return figures.map((_, i) => {
    let sum = 0;
    for (let j = -reach; j <= reach; j += 1) sum += figures[(i + j + n) % n];
    return sum / (2 * reach + 1);
  });
}
