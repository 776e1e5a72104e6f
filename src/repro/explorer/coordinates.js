// Parallel coordinates on a canvas. Hover a line to read it, drag along an axis to brush it, click
// the axis to clear it; with the keyboard: left and right choose an axis, up and down move its
// lower end (with Shift its upper end), Escape clears all.

const PAD = { top: 30, bottom: 58, left: 64, right: 64 };
const HEIGHT = 360;
const NEAR = 8; // pixels
const SHADES = 12; // darker is a higher rank by score
const TOGETHER = 30; // lines of one stroke, which do not darken one another
const STEP = 0.05; // of an axis, a press of a key

function valueAt(axis, place) {
  const { low, high } = axis;
  const value = axis.log ? low * (high / low) ** place : low + place * (high - low);
  if (axis.percent) return `${(100 * value).toFixed(1)} %`;
  const small = value !== 0 && Math.abs(value) < 1e-3;
  return small ? value.toExponential(2) : `${Number(value.toPrecision(3))}`;
}

function shade(share, opacity) {
  const mix = (light, dark) => Math.round(light + (dark - light) * share);
  return `rgba(${mix(168, 8)}, ${mix(200, 29)}, ${mix(230, 88)}, ${opacity})`;
}

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  const above = document.createElement("canvas"); // for the one line that is hovered
  const tip = document.createElement("div");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.style.cssText = "width: 100%; touch-action: none; cursor: crosshair";
  above.style.cssText = "position: absolute; left: 0; top: 0; width: 100%; pointer-events: none";
  tip.style.cssText =
    "position: absolute; display: none; pointer-events: none; padding: 4px 8px; font-size: 12px;" +
    "background: #fff; color: #000; border: 1px solid #888; white-space: pre; z-index: 9";
  el.style.position = "relative";
  el.append(canvas, above, tip);
  const draw = canvas.getContext("2d"), mark = above.getContext("2d");
  let axes, lines, names, order, x, ranges, hovered, drag = null, focus = 0, asked = 0;

  const y = (place) => PAD.top + (1 - place) * (HEIGHT - PAD.top - PAD.bottom);
  const at = (line, axis) => lines[line * axes.length + axis];
  const score = (line) => at(line, axes.length - 1);
  // below the axis: not a hyperparameter of this trial
  const height = (line, axis) => y(Number.isNaN(at(line, axis)) ? -0.07 : at(line, axis));
  const isChosen = (line) =>
    Object.entries(ranges).every(([axis, [low, high]]) => {
      const place = at(line, Number(axis));
      return place >= low - 1e-6 && place <= high + 1e-6;
    });

  function load() {
    axes = model.get("axes");
    names = model.get("names");
    const bytes = model.get("places");
    const end = bytes.byteOffset + bytes.byteLength;
    lines = new Float32Array(bytes.buffer.slice(bytes.byteOffset, end));
    order = names.map((_, line) => line).sort((a, b) => score(a) - score(b));
    ranges = { ...model.get("ranges") };
    hovered = -1;
    focus = 0;
    canvas.setAttribute("aria-label", model.get("alt"));
    fit();
  }

  function fit() {
    const width = Math.max(el.clientWidth, 320), scale = window.devicePixelRatio || 1;
    for (const pen of [draw, mark]) {
      pen.canvas.width = width * scale;
      pen.canvas.height = HEIGHT * scale;
      pen.setTransform(scale, 0, 0, scale, 0, 0);
    }
    const gap = (width - PAD.left - PAD.right) / Math.max(axes.length - 1, 1);
    x = axes.map((_, i) => PAD.left + i * gap);
    paint();
  }

  function repaint() {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(paint);
  }

  function trace(pen, line) {
    x.forEach((left, axis) => pen[axis ? "lineTo" : "moveTo"](left, height(line, axis)));
  }

  function paint() {
    draw.clearRect(0, 0, canvas.width, HEIGHT);
    if (!axes.length) return;
    const chosen = [], behind = [];
    for (const line of order) (isChosen(line) ? chosen : behind).push(line);
    const opacity = Math.min(0.75, Math.max(0.12, 12 / Math.sqrt(chosen.length)));
    draw.lineWidth = 0.8;
    stroke(behind, () => "rgba(200, 200, 200, 0.35)");
    stroke(chosen, (share) => shade(Math.round(share * SHADES) / SHADES, opacity));
    axes.forEach(paintAxis);
  }

  function paintHovered() {
    mark.clearRect(0, 0, above.width, HEIGHT);
    if (hovered < 0) return;
    mark.strokeStyle = "#d55e00";
    mark.lineWidth = 2.5;
    mark.beginPath();
    trace(mark, hovered);
    mark.stroke();
  }

  function stroke(group, colour) {
    for (let first = 0; first < group.length; first += TOGETHER) {
      draw.strokeStyle = colour(first / group.length);
      draw.beginPath();
      group.slice(first, first + TOGETHER).forEach((line) => trace(draw, line));
      draw.stroke();
    }
  }

  function paintAxis(axis, i) {
    draw.strokeStyle = "#444";
    draw.lineWidth = document.activeElement === canvas && i === focus ? 2.5 : 1;
    draw.strokeRect(x[i], y(1), 0, y(0) - y(1));
    draw.fillStyle = "#222";
    draw.textAlign = "center";
    draw.font = "11px sans-serif";
    const [low, high] = ranges[i] || [0, 1];
    draw.fillText(valueAt(axis, high), x[i], y(1) - 8);
    draw.fillText(valueAt(axis, low), x[i], y(0) + 14);
    draw.font = "bold 12px sans-serif";
    const words = [...axis.label.split(" "), ...(axis.log ? ["(log)"] : [])];
    draw.fillText(words[0], x[i], HEIGHT - 24);
    draw.fillText(words.slice(1).join(" "), x[i], HEIGHT - 9);
    if (!ranges[i]) return;
    draw.fillStyle = "rgba(213, 94, 0, 0.3)";
    draw.fillRect(x[i] - 6, y(high), 12, Math.max(2, y(low) - y(high)));
  }

  function brush(axis, range) {
    if (range && (range[0] > 0 || range[1] < 1)) ranges[axis] = range;
    else delete ranges[axis];
    repaint();
  }

  function send() {
    model.set("ranges", { ...ranges });
    model.save_changes();
  }

  const pointer = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const placeOf = (top) => Math.min(1, Math.max(0, (y(0) - top) / (y(0) - y(1))));
  const axisAt = (left) => x.findIndex((place) => Math.abs(place - left) <= 2 * NEAR);

  canvas.addEventListener("pointerdown", (event) => {
    const [left, top] = pointer(event), axis = axisAt(left);
    if (axis < 0) return;
    drag = { axis, from: top };
    focus = axis;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [left, top] = pointer(event);
    if (drag) {
      const ends = [placeOf(drag.from), placeOf(top)].sort((a, b) => a - b);
      brush(drag.axis, ends);
    } else hover(left, top);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!drag) return;
    if (Math.abs(pointer(event)[1] - drag.from) < 4) brush(drag.axis, null);
    drag = null;
    send();
  });
  canvas.addEventListener("pointerleave", () => hover(-1, -1));

  function hover(left, top) {
    const right = x.findIndex((place) => place >= left), before = hovered;
    let nearest = NEAR;
    hovered = -1;
    for (let line = 0; right > 0 && line < names.length; line++) {
      const share = (left - x[right - 1]) / (x[right] - x[right - 1]);
      const a = height(line, right - 1), b = height(line, right);
      const gap = Math.abs(a + share * (b - a) - top);
      if (gap < nearest && isChosen(line)) [nearest, hovered] = [gap, line];
    }
    tip.style.display = hovered < 0 ? "none" : "block";
    if (hovered >= 0) {
      const values = axes.map((axis, i) => [axis.label, at(hovered, i), axis])
        .filter(([, place]) => !Number.isNaN(place))
        .map(([label, place, axis]) => `${label}: ${valueAt(axis, place)}`);
      tip.textContent = [names[hovered], ...values].join("\n");
      tip.style.left = `${Math.min(left + 14, el.clientWidth - 220)}px`;
      tip.style.top = `${top + 10}px`;
    }
    if (hovered !== before) paintHovered();
  }

  canvas.addEventListener("focus", repaint);
  canvas.addEventListener("blur", repaint);
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    const turn = { ArrowRight: 1, ArrowLeft: axes.length - 1 }[event.key];
    if (!move && !turn && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (turn) focus = (focus + turn) % axes.length;
    if (event.key === "Escape") ranges = {};
    if (move) {
      const range = [...(ranges[focus] || [0, 1])], end = event.shiftKey ? 1 : 0;
      range[end] = Math.min(1, Math.max(0, range[end] + move));
      brush(focus, range[0] <= range[1] ? range : ranges[focus]);
    }
    repaint();
    if (!turn) send();
  });

  model.on("change:places", load);
  model.on("change:ranges", () => {
    ranges = { ...model.get("ranges") };
    repaint();
  });
  const sizes = new ResizeObserver(fit);
  load();
  sizes.observe(el);
  return () => sizes.disconnect();
}

export default { render };
