/** What stands and what happened on the road, drawn on the canvas: boxes, marks of incidents, rings round cars. */

const SMALLEST_PX = 15;
const MARK_S = 25;

/** Where somebody left the road (a cross), hit something (a star) or was given a penalty (a square). */
export function marks({ pen, track, picture, race, ink }) {
  for (const mark of race.marks) {
    const age_s = picture.t_s - mark.t_us / 1e6;
    if (age_s < 0 || age_s > MARK_S) continue;
    const [x, y] = track.at(mark.x, mark.y);
    const arm = Math.max(3.5, 0.05 * track.scale);
    pen.globalAlpha = 0.9 * (1 - age_s / MARK_S);
    pen.strokeStyle = ink(`seat-${mark.seat % 8}`);
    pen.lineWidth = Math.max(1.5, arm / 3);
    pen.beginPath();
    SIGNS[mark.kind]?.(pen, x, y, arm);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

const SIGNS = {
  off(pen, x, y, arm) {
    strokes(pen, x, y, arm, [Math.PI / 4, -Math.PI / 4]);
  },
  contact(pen, x, y, arm) {
    strokes(pen, x, y, arm * 1.25, [0, Math.PI / 3, -Math.PI / 3]);
  },
  penalty(pen, x, y, arm) {
    pen.rect(x - arm * 1.5, y - arm * 1.5, arm * 3, arm * 3);
  },
};

function strokes(pen, x, y, arm, angles) {
  for (const angle of angles) {
    const [dx, dy] = [Math.cos(angle) * arm, Math.sin(angle) * arm];
    pen.moveTo(x - dx, y - dy);
    pen.lineTo(x + dx, y + dy);
  }
}

/** Boxes as they stand on the road, from above: cardboard with tape along the middle. */
export function boxes({ pen, track, race, ink }) {
  for (const [x_mm, y_mm, yaw_mrad, length_mm, width_mm] of race.boxes) {
    const length = Math.max(SMALLEST_PX, (length_mm / 1000) * track.scale);
    const width = (length * width_mm) / length_mm;
    pen.save();
    pen.translate(...track.at(x_mm / 1000, y_mm / 1000));
    pen.rotate(track.angle(yaw_mrad / 1000));
    pen.shadowColor = "rgb(0 0 0 / 45%)";
    pen.shadowBlur = length * 0.12;
    pen.fillStyle = ink("box");
    pen.fillRect(-length / 2, -width / 2, length, width);
    pen.shadowBlur = 0;
    pen.fillStyle = ink("box-tape");
    pen.fillRect(-length / 2, -width * 0.09, length, width * 0.18);
    pen.strokeStyle = ink("tyre");
    pen.lineWidth = Math.max(0.75, length * 0.02);
    pen.strokeRect(-length / 2, -width / 2, length, width);
    pen.restore();
  }
}

export function halo(pen, length, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(0, 0, length * 0.85, 0, Math.PI * 2);
  pen.stroke();
}

/** A ring that runs down with the penalty. */
export function wait(pen, penalty, t_s, length, ink) {
  pen.lineWidth = 3;
  pen.strokeStyle = ink("shade");
  pen.beginPath();
  pen.arc(0, 0, length * 0.9, 0, Math.PI * 2);
  pen.stroke();
  const from = (penalty?.from_us ?? 0) / 1e6;
  const until = (penalty?.until_us ?? 0) / 1e6;
  const left = until > from ? Math.min(1, Math.max(0, (until - t_s) / (until - from))) : 1;
  pen.strokeStyle = ink("warn");
  pen.beginPath();
  pen.arc(0, 0, length * 0.9, -Math.PI / 2, -Math.PI / 2 + left * Math.PI * 2);
  pen.stroke();
}

