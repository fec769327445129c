// Drawings in SVG: error rates, scores. Pure functions of numbers; colors and sizes are the style sheet's.

const WIDTH = 360, HEIGHT = 250, LEFT = 50, RIGHT = 20, TOP = 14, BOTTOM = 40;
const INNER = WIDTH - LEFT - RIGHT;

function s(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "hue") made.style.setProperty("--hue", value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((one) => one !== null));
  return made;
}

const line = (x1, y1, x2, y2, kind) => s("line", { x1, y1, x2, y2, class: kind });
const text = (x, y, words, anchor = "middle", kind = "") => s("text", { x, y, "text-anchor": anchor, class: kind }, words);
const path = (points) => points.map(([x, y], at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
const figure = (height, label, ...children) => s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label }, ...children);
const share = (value) => `${Number((100 * value).toPrecision(2))} %`;

function logarithmic(low, high, from, to) {
  const at = (value) => from + ((to - from) * Math.log(Math.min(Math.max(value, low), high) / low)) / Math.log(high / low);
  const ticks = [];
  for (let power = 1e-4; power <= 1; power *= 10) {
    for (const digit of [1, 2, 5]) {
      const value = Number((power * digit).toPrecision(2));
      if (value >= low && value <= high) ticks.push([value, digit === 1]);
    }
  }
  return { at, ticks };
}

// The DET curve: misses against false alarms, both logarithmic, with a band of 95 % and the chosen point.
export function det(points, chosen) {
  const x = logarithmic(0.001, 0.5, LEFT, WIDTH - RIGHT), y = logarithmic(0.01, 1, HEIGHT - BOTTOM, TOP);
  const inside = points.map((one) => [x.at(one.fpir.value), one.fnir]);
  const band = [...inside.map(([at, one]) => [at, y.at(one.high)]), ...inside.map(([at, one]) => [at, y.at(one.low)]).reverse()];
  const { fpir, fnir } = points[chosen];
  const [here, there] = [x.at(fpir.value), y.at(fnir.value)];
  const words = `Missed ${share(fnir.value)}, 95 % from ${share(fnir.low)} to ${share(fnir.high)}, where ${share(fpir.value)} of strangers are named.`;
  return figure(HEIGHT, words,
    ...x.ticks.flatMap(([value, strong]) => [line(x.at(value), TOP, x.at(value), HEIGHT - BOTTOM, "grid"),
      strong || value === 0.5 ? text(x.at(value), HEIGHT - BOTTOM + 15, share(value)) : null]),
    ...y.ticks.flatMap(([value, strong]) => [line(LEFT, y.at(value), WIDTH - RIGHT, y.at(value), "grid"),
      strong ? text(LEFT - 6, y.at(value) + 4, value === 0.01 ? "≤ 1 %" : share(value), "end") : null]),
    text(LEFT + INNER / 2, HEIGHT - 5, "strangers who are named (FPIR)"),
    s("text", { transform: `translate(10 ${TOP + (HEIGHT - TOP - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }, "missed (FNIR)"),
    s("path", { d: `${path(band)}Z`, class: "band" }),
    s("path", { d: path(inside.map(([at, one]) => [at, y.at(one.value)])), class: "curve" }),
    line(x.at(fpir.low), there, x.at(fpir.high), there, "spread"), line(here, y.at(fnir.low), here, y.at(fnir.high), "spread"),
    s("circle", { cx: here, cy: there, r: 5.5, class: "here" }));
}

// Scores on one axis: rendered strangers as a hill, enrolled walks against their own person, walks seen here.
export function scores(others, own, seen, threshold) {
  const all = [...others, ...own, ...seen.map((one) => one.score), threshold];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const reach = Math.max(most - least, 1e-6), low = least - 0.06 * reach, high = most + 0.06 * reach;
  const at = (value) => LEFT + (INNER * (value - low)) / (high - low);
  const rows = [];
  let top = 34;
  const row = (label, height, mark) => {
    rows.push(text(LEFT, top, label, "start"), mark(top + height));
    top += height + 26;
  };
  if (others.length) {
    const bins = new Array(36).fill(0);
    for (let one = 1; one < others.length; one++) {  // a hundredth of the strangers lies between two quantiles
      const [from, to] = [others[one - 1], others[one]].map((value) => (bins.length * (value - low)) / (high - low));
      for (let step = 0; step < 8; step++) bins[Math.min(Math.floor(from + ((to - from) * (step + 0.5)) / 8), bins.length - 1)] += 1;
    }
    const highest = Math.max(...bins), step = INNER / bins.length;
    row("rendered strangers", 54, (base) => s("path", { class: "hill", d: `${path([[LEFT, base],
      ...bins.map((count, bin) => [LEFT + step * (bin + 0.5), base - (46 * count) / highest]), [WIDTH - RIGHT, base]])}Z` }));
  }
  if (own.length) row("enrolled walks, each against its own person", 15, (y) => s("g", {}, ...own.map((value) => line(at(value), y - 7, at(value), y + 7, value < threshold ? "own under" : "own"))));
  if (seen.length) row("single walks seen here", 15, (y) => s("g", {}, ...seen.map((one) => s("circle", {
    cx: at(one.score), cy: y, r: 6, hue: one.hue, class: `person ${one.named ? "" : "unknown"}` }, s("title", {}, one.label)))));
  const label = at(threshold), bottom = top - 8;
  return figure(bottom + 34, `Threshold ${threshold.toFixed(2)}; ${seen.filter((one) => one.named).length} of ${seen.length} single walks seen here have a name.`,
    ...rows, line(LEFT, bottom, WIDTH - RIGHT, bottom, "axis-line"),
    ...[low + 0.08 * reach, (low + high) / 2, high - 0.08 * reach].map((value) => text(at(value), bottom + 14, (Math.round(100 * value) / 100 || 0).toFixed(2))),
    text(LEFT + INNER / 2, bottom + 29, "score"),
    line(label, 18, label, bottom, "limit"),
    text(Math.min(Math.max(label, LEFT + 40), WIDTH - RIGHT - 40), 12, `threshold ${threshold.toFixed(2)}`, "middle", "strong"));
}
