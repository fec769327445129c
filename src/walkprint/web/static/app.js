// The page of `walkprint serve`. Text from people and videos becomes text nodes only; the CSP forbids everything else.
import { cameras, film } from "./camera.js";
import { det, scores } from "./charts.js";

const API = "/api/v1/";
const $ = (id) => document.getElementById(id);
const state = {
  people: [], thresholds: [], rates: null, about: null, jobs: new Map(), files: new Map(), pictures: new Map(), hues: new Map(),
};
let token = "";

function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) made.style.setProperty(key, one);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((one) => one !== null && one !== undefined));
  return made;
}

function notice(text, bad = false) {
  $("notice").textContent = text;
  $("notice").classList.toggle("bad", bad);
  $("notice").hidden = !text;
}

async function ask(path, options = {}) {
  for (let tries = 0; ; tries++) {
    const answer = await fetch(API + path, {
      ...options, credentials: "omit", headers: { ...options.headers, Authorization: `Bearer ${token}` },
    });
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => ({ detail: answer.statusText }));
    if (answer.status === 429 && tries < 5 && !(options.body instanceof FormData)) {
      await new Promise((done) => setTimeout(done, 1000 * (tries + 1)));
      continue;
    }
    if (answer.status === 401) login();
    throw new Error(said.detail);
  }
}
const read = async (path) => (await ask(path)).json();
const send = async (path, data) =>
  (await ask(path, { method: "POST", body: JSON.stringify(data), headers: { "Content-Type": "application/json" } })).json();

// Server-sent events; not EventSource, because that can send no token but in the address.
async function listen(path, hear) {
  const reader = (await ask(path)).body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    const parts = held.split("\n\n");
    held = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      if (data) hear(JSON.parse(data));
    }
  }
}

async function picture(path) {
  if (!state.pictures.has(path)) {
    state.pictures.set(path, ask(path).then((answer) => answer.blob()).then((blob) => URL.createObjectURL(blob)));
  }
  return state.pictures.get(path);
}

function strip(path, label) {
  const made = h("div", { className: "strip", role: "img", ariaLabel: label });
  picture(path).then((url) => made.style.setProperty("--mask", `url("${url}")`)).catch(() => made.remove());
  return made;
}

const hue = (id) => 175 + 137.5 * (state.hues.get(id) ?? 0);  // neighbors in the order of enrolling differ most
const seconds = (value) => `${value.toFixed(1)} s`;
const percent = (value) => `${Number((100 * value).toPrecision(2))} %`;
const day = (text) => new Date(text).toLocaleDateString(undefined, { dateStyle: "medium" });
const plural = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;
const askedBy = () => $("asked-by").value.trim();

// --- threshold -------------------------------------------------------------------------------------------------------

const chosen = () => state.thresholds[Number($("rate").value)];

function showRate() {
  const now = chosen();
  if (!now) return;
  $("rate-text").textContent = percent(now.false_positive_rate);
  $("rate").setAttribute("aria-valuetext", percent(now.false_positive_rate));
  const count = Math.round(1 / now.false_positive_rate);
  $("rate-words").textContent = now.threshold === null
    ? "Enroll a person first."
    : `About one stranger in ${count} is given a name. A name needs a score of ${now.threshold.toFixed(2)}, where several walks are joined of ${now.joined.toFixed(2)}.${now.doubt && ` Note: ${now.doubt}.`}`;
  for (const job of state.jobs.values()) showJob(job);
  showErrors();
}

async function loadThresholds() {
  state.thresholds = await read("thresholds");
  $("rate").max = state.thresholds.length - 1;
  if ($("rate").dataset.set !== "1") {
    const stored = Number(localStorage.getItem("false-positive-rate"));
    const usual = stored > 0 && stored < 1 ? stored : state.about.false_positive_rate;
    const place = state.thresholds.findIndex((one) => one.false_positive_rate >= usual);
    $("rate").value = place < 0 ? state.thresholds.length - 1 : place;
    $("rate").dataset.set = "1";
  }
  state.rates = null;
  showRate();
}

// What the slider does to the walks that were seen, and the error rates behind it.
async function showErrors() {
  const now = chosen();
  $("errors").hidden = !now || now.threshold === null;
  if ($("errors").hidden) return $("changes").replaceChildren();
  const seen = [...state.jobs.values()].flatMap((job) => job.sightings.filter((one) => one.candidates.length)
    .map((one) => ({ one, named: verdict(one).named, score: one.candidates[0].score, hue: hue(one.candidates[0].id), alone: one.walks === 1, label: `${state.files.get(job.id) ?? "Video"}, ${seconds(one.start_s)}: ${one.candidates[0].name}` })));
  const changed = seen.filter(({ one, named }) => named !== (one.name !== null));
  $("changes").replaceChildren(...changed.map(({ one, label }) => h("li", {}, label, one.name === null ? " gets the name" : " becomes unknown")));
  const named = seen.filter((one) => one.named).length;
  $("seen-words").textContent = seen.length ? `Walks seen here with a name: ${named} of ${seen.length}.` : "";
  if (!$("errors").open) return;
  state.rates ??= read("error-rates");
  try {
    const rates = await state.rates;
    if (now !== chosen()) return;
    const point = rates.points.find((one) => one.false_positive_rate === now.false_positive_rate);
    $("errors-words").textContent = point
      ? `Of ${plural(rates.walks, "enrolled walk")} of ${rates.people} people, each looked up among the others, `
        + `${percent(point.fnir.value)} are missed (95 %: ${percent(point.fnir.low)} to ${percent(point.fnir.high)}). `
        + `Of ${rates.strangers} rendered strangers, ${percent(point.fpir.value)} are named. Each walk is judged alone. Real strangers are named more often: up to twice, at 1 % up to four times.`
      : `No curve yet: ${rates.missing}.`;
    $("det").replaceChildren(...(point ? [det(rates.points, rates.points.indexOf(point))] : []));
    $("scores").replaceChildren(...(point || seen.length
      ? [scores(rates.others, rates.own.filter((one) => one !== null), seen.filter((one) => one.alone), now.threshold)] : []));
  } catch (error) {
    state.rates = null;
    $("errors-words").textContent = error.message;
  }
}

function verdict(seen) {
  const now = chosen();
  const best = seen.candidates[0];
  const own = !now || now.threshold === null || now.false_positive_rate === seen.false_positive_rate;
  const threshold = own ? seen.threshold : seen.walks > 1 ? now.joined : now.threshold;
  return { best, threshold, named: Boolean(best) && best.score >= threshold };
}

// --- people ----------------------------------------------------------------------------------------------------------

async function loadPeople() {
  state.people = await read("people");
  const order = [...state.people].sort((one, other) => one.added.localeCompare(other.added));
  state.hues = new Map(order.map((one, number) => [one.id, number]));
  $("people-count").textContent = state.people.length ? `(${state.people.length})` : "";
  $("names").replaceChildren(...state.people.map((one) => h("option", { value: one.name })));
  $("people-list").replaceChildren(
    ...(state.people.length ? state.people.map(personCard) : [h("li", { className: "quiet" }, "No person is known yet.")]),
  );
  if (!state.people.length) $("enroll").open = true;
  $("steps").hidden = state.people.length > 0;
}

function personCard(one) {
  const path = `people/${one.id}/strip.png`;
  const blank = h("div", { className: "blank" }, "no silhouettes kept");
  const place = h("div", {}, blank);
  picture(path).then(() => place.replaceChildren(strip(path, `${one.name} walking`)), () => state.pictures.delete(path));
  const facts = [plural(one.walks, "walk"), plural(one.frames, "frame"), `since ${day(one.added)}`];
  if (one.expires) facts.push(`until ${day(one.expires)}`);
  return h("li", { className: "card person", style: { "--hue": hue(one.id) } }, place,
    h("div", { className: "head" }, h("h3", { className: "who" }, one.name),
      h("button", { className: "plain", onclick: () => forget(one), ariaLabel: `Forget ${one.name}` }, "Forget")),
    h("div", { className: "quiet small-text" }, facts.join(" · ")),
    one.consent ? h("div", { className: "quiet small-text" }, `Consent: ${one.consent}`) : null);
}

function forget(one) {
  const dialog = $("forget");
  const words = [
    [`Forget ${one.name}?`, `${plural(one.walks, "walk")} will be deleted.`, "Forget"],
    [`Really forget ${one.name}?`, "Embeddings, silhouettes, name and notes are erased from the file. This cannot be undone.", "Erase for good"],
  ];
  let step = 0;
  const show = () => {
    [$("forget-title").textContent, $("forget-text").textContent, $("forget-yes").textContent] = words[step];
    $("forget-no").focus();
  };
  $("forget-no").onclick = () => dialog.close();
  $("forget-yes").onclick = async () => {
    if (++step < words.length) return show();
    dialog.close();
    try {
      const by = encodeURIComponent(askedBy());
      await ask(`people/${one.id}?asked_by=${by}`, { method: "DELETE" });
      notice(`${one.name} is forgotten.`);
      await refresh();
      await loadJobs();
    } catch (error) { notice(error.message, true); }
  };
  dialog.showModal();
  show();
}

// --- videos ----------------------------------------------------------------------------------------------------------

let open = 0;
const waiting = [];
async function turn(work) {  // browsers hold six connections to a host; streams must not take them all
  if (open >= 3) await new Promise((go) => waiting.push(go));
  open++;
  try { return await work(); } finally { open--; waiting.shift()?.(); }
}

async function upload(path, file, fields, show) {
  if (file.size > 1e6 * state.about.upload_mb) throw new Error(`${file.name}: larger than ${state.about.upload_mb} MB`);
  return turn(async () => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) if (value !== "" && value !== null) form.append(name, value);
    form.append("video", file, "video");
    const job = await (await ask(path, { method: "POST", body: form })).json();
    remember(job.id, file.name);
    show(job);
    let last = job;
    await listen(`jobs/${job.id}/events`, (now) => show((last = now)));
    return last;
  });
}

function remember(id, name) {
  state.files.set(id, name);
  sessionStorage.setItem("files", JSON.stringify([...state.files]));
}

async function identify(files) {
  notice("");
  for (const file of files) {
    const card = h("article", { className: "card" }, h("h3", {}, file.name), h("progress", { ariaLabel: "waiting" }));
    $("results").prepend(card);
    upload("identify", file, { false_positive_rate: chosen()?.false_positive_rate ?? "", asked_by: askedBy() }, (job) => {
      if (!job.card) job.card = card;
      state.jobs.set(job.id, job);
      showJob(job);
    }).then(() => { showErrors(); loadJournal(); }).catch((error) => card.replaceChildren(h("h3", {}, file.name), h("p", { className: "bad-text" }, error.message)));
  }
}

function showProgress(job) {
  const bar = h("progress", { max: 1, ariaLabel: "Progress" });
  if (job.progress !== null && job.state === "running") bar.value = job.progress;
  const text = job.state === "waiting" ? "Waiting for its turn"
    : job.progress === 1 ? "Comparing with the gallery" : `Reading the video, ${plural(job.walks, "walk")} so far`;
  return [bar, h("p", { className: "quiet small-text" }, text)];
}

function showJob(job) {
  if (job.kind !== "identify") return;
  if (camera.spans.some((one) => one.job === job.id)) showCameraLine();
  job.card = document.getElementById(`job-${job.id}`) ?? job.card ?? h("article", { className: "card" });
  job.card.id = `job-${job.id}`;
  if (!job.card.isConnected) $("results").prepend(job.card);
  if (job.card.querySelector("form") && job.card.contains(document.activeElement)) return;
  const name = state.files.get(job.id) ?? "Video";
  const close = h("button", { className: "plain", ariaLabel: `Remove the result of ${name}`, onclick: () => drop(job) }, "Remove");
  const head = h("div", { className: "head" }, h("h3", {}, name), close);
  if (job.state === "failed") job.card.replaceChildren(head, h("p", { className: "bad-text" }, job.error));
  else if (job.state !== "done") job.card.replaceChildren(head, ...showProgress(job));
  else job.card.replaceChildren(head, ...showSightings(job));
}

async function drop(job) {
  state.jobs.delete(job.id);
  job.card.remove();
  showErrors();
  showCameraLine();
  await ask(`jobs/${job.id}`, { method: "DELETE" }).catch(() => {});
}

function showSightings(job) {
  if (!job.sightings.length) return [h("p", {}, "No walk found: expected a person who walks past, wholly in the picture and long enough to compare.")];
  const named = job.sightings.filter((seen) => verdict(seen).named).length;
  const end = Math.max(...job.sightings.map((seen) => seen.end_s), 0.1);
  const lanes = job.sightings.map((seen) => {
    const { best, named } = verdict(seen);
    const at = { left: `${(100 * seen.start_s) / end}%`, width: `${(100 * (seen.end_s - seen.start_s)) / end}%` };
    return h("div", { className: `lane person ${named ? "" : "unknown"}`, style: { "--hue": best ? hue(best.id) : 0 } },
      h("div", { className: "span", style: at }, named ? best.name : "unknown"));
  });
  return [
    h("p", { className: "quiet small-text" }, `${plural(job.sightings.length, "person walks", "people walk")}, ${named} known`),
    h("div", { className: "timeline", ariaHidden: "true" }, ...lanes,
      h("div", { className: "axis" }, h("span", {}, "0 s"), h("span", {}, seconds(end / 2)), h("span", {}, seconds(end)))),
    ...job.sightings.map((seen) => sighting(job, seen)),
  ];
}

function sighting(job, seen) {
  const { best, threshold, named } = verdict(seen);
  const full = 1.15 * Math.max(best ? best.score : 0, threshold, 0.1);
  const share = (value) => `${Math.min(Math.max((100 * value) / full, 0), 100)}%`;
  const words = best
    ? `score ${best.score.toFixed(2)}, threshold ${threshold.toFixed(2)}` + (named ? `, ${percent(best.probability)} ${best.name}` : `, nearest is ${best.name}`)
    : "no person is known";
  const facts = [`${seconds(seen.start_s)} to ${seconds(seen.end_s)}`, plural(seen.frames, "frame"), seen.view ? `to the ${seen.view}`.replace("to the towards", "towards the camera").replace("to the away", "away from the camera") : null];
  return h("div", { className: `sighting person ${named ? "" : "unknown"}`, style: { "--hue": best ? hue(best.id) : 0 } },
    seen.kept ? strip(`jobs/${job.id}/sightings/${seen.event}/strip.png`, "The silhouettes") : null,
    h("div", { className: "head" }, h("span", { className: "who" }, named ? best.name : "unknown"),
      h("span", { className: "quiet small-text" }, facts.filter(Boolean).join(" · "))),
    best ? h("div", { className: "meter", ariaHidden: "true" },
      h("div", { className: "fill", style: { width: share(best.score) } }),
      h("div", { className: "mark", style: { left: share(threshold) } })) : null,
    h("div", { className: "small-text" }, words),
    actions(job, seen, named ? best : null));
}

function actions(job, seen, best) {
  const place = h("div", { className: "actions" });
  if (seen.confirmed_as) {
    const one = state.people.find((person) => person.id === seen.confirmed_as);
    place.append(h("span", { className: "quiet small-text" }, `Enrolled as ${one ? one.name : "a person"}.`));
  } else if (seen.kept) {
    if (best) place.append(h("button", { onclick: () => confirmAs(job, seen, best.name) }, `This is ${best.name}`));
    place.append(h("button", { onclick: () => {
      const input = h("input", { required: true, maxLength: 200, autocomplete: "off", ariaLabel: "Name" });
      input.setAttribute("list", "names");
      place.replaceChildren(h("form", { className: "row", onsubmit: (event) => {
        event.preventDefault();
        confirmAs(job, seen, input.value);
      } }, h("label", { className: "grow" }, "This is ", input), h("button", { className: "main" }, "Enroll this walk"),
      h("button", { type: "button", onclick: () => place.replaceWith(actions(job, seen, best)) }, "Cancel")));
      input.focus();
    } }, best ? "Somebody else …" : "This is …"));
  }
  return place;
}

async function confirmAs(job, seen, name) {
  try {
    const data = { name, asked_by: askedBy(), keep_silhouettes: $("enroll-keep").checked };
    const person = await send(`jobs/${job.id}/sightings/${seen.event}/name`, data);
    seen.confirmed_as = person.id;
    const { warnings } = await read(`jobs/${job.id}`);
    notice([`This walk is enrolled as ${person.name}.`, ...warnings].join(" "));
    document.activeElement?.blur();
    await refresh();
  } catch (error) { notice(error.message, true); }
}

async function enroll(event) {
  event.preventDefault();
  const file = $("enroll-file").files[0] ?? $("enroll-drop").file;
  if (!file) return notice("Choose a video of this person first.", true);
  notice("");
  const fields = {
    name: $("enroll-name").value, consent: $("enroll-consent").value, expires: $("enroll-expires").value,
    keep_silhouettes: $("enroll-keep").checked, asked_by: askedBy(),
  };
  const line = h("div", {});
  $("enrolling").prepend(line);
  const keep = $("enroll-keep").checked;
  $("enroll-form").reset();
  $("enroll-keep").checked = keep;
  $("enroll-drop").file = null;
  showChosen(null);
  try {
    const job = await upload("people", file, fields, (now) => line.replaceChildren(h("p", {}, fields.name), ...showProgress(now)));
    if (job.state === "failed") throw new Error(job.error);
    line.remove();
    if (!job.person) return;
    state.pictures.delete(`people/${job.person.id}/strip.png`);
    notice([`${job.person.name} is known by ${plural(job.person.walks, "walk")}.`, ...job.warnings].join(" "));
    await refresh();
  } catch (error) { line.replaceChildren(h("p", { className: "bad-text" }, error.message)); }
}

const showChosen = (file) => { $("enroll-chosen").textContent = file ? file.name : "of this person alone"; };

function droppable(place, take) {
  for (const kind of ["dragenter", "dragover"]) {
    place.addEventListener(kind, (event) => { event.preventDefault(); place.classList.add("over"); });
  }
  for (const kind of ["dragleave", "drop"]) place.addEventListener(kind, () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => { event.preventDefault(); take([...event.dataTransfer.files]); });
}

// --- camera ----------------------------------------------------------------------------------------------------------

const camera = { stop: null, clips: 0, walkers: 0, reading: 0, begun: 0, spans: [] };

async function watchSwitch() {
  if (camera.stop) return camera.stop();
  notice("");
  if (camera.starting) return;  // until the camera is on or refused
  camera.starting = true;
  Object.assign(camera, { clips: 0, walkers: 0, reading: 0, begun: Date.now(), spans: [] });
  try {
    camera.stop = await film({
      device: $("camera-device").value, length_s: Number($("clip-s").value), view: $("camera-view"), take: takeClip, ended: cameraOff,
    });
  } catch (error) { return notice(error.message, true); } finally { camera.starting = false; }
  $("watch").setAttribute("aria-checked", "true");
  $("camera-live").hidden = false;
  cameraWords();
  listCameras();
}

function cameraOff() {
  camera.stop = null;
  $("watch").setAttribute("aria-checked", "false");
  $("camera-view").hidden = true;
  cameraWords();
}

function cameraWords(more = "") {
  $("camera-view").hidden = !camera.stop;
  const read = `${plural(camera.clips, "clip")} read, people walk in ${camera.walkers}`;
  const now = camera.stop ? (camera.reading ? ", one is being read" : ", filming the first") : "";
  $("camera-words").textContent = (camera.clips || !camera.stop ? read + (camera.reading ? now : "") : `Filming${camera.reading ? now : ""}`) + `. ${more}`;
}

async function listCameras() {
  const found = await cameras();
  const before = $("camera-device").value;
  $("camera-device").replaceChildren(...found.map((one, number) => h("option", { value: one.deviceId }, one.label || `Camera ${number + 1}`)));
  if (before) $("camera-device").value = before;
  $("camera-device").parentElement.hidden = found.length < 2;
}

async function takeClip(clip, begun) {
  if (camera.reading >= 2) return cameraWords("The server is slower than the camera: a clip was left out.");
  camera.reading++;
  cameraWords();
  const name = `Camera, ${new Date(begun).toLocaleTimeString()}`;
  const file = new File([clip], name, { type: clip.type });
  let more = "";
  try {
    const job = await upload("identify", file, { false_positive_rate: chosen()?.false_positive_rate ?? "", asked_by: askedBy() }, () => {});
    if (job.state === "failed") more = job.error;
    else if (job.sightings.length) showClip(job, begun);
    else ask(`jobs/${job.id}`, { method: "DELETE" }).catch(() => {});
    camera.walkers += job.sightings.length > 0;
  } catch (error) { more = error.message; }
  camera.clips++;
  camera.reading--;
  cameraWords(more);
}

function showClip(job, begun) {
  state.jobs.set(job.id, job);
  for (const seen of job.sightings) camera.spans.push({ job: job.id, event: seen.event, start: begun / 1000 + seen.start_s, end: begun / 1000 + seen.end_s });
  showJob(job);
  showErrors();
  loadJournal();
}

// Who walked when, over all clips: a lane for each person.
function showCameraLine() {
  const spans = camera.spans.map((one) => ({ ...one, seen: state.jobs.get(one.job)?.sightings.find((seen) => seen.event === one.event) }))
    .filter((one) => one.seen);
  const from = camera.begun / 1000, to = Math.max(...spans.map((one) => one.end), from + 1, camera.stop ? Date.now() / 1000 : 0);
  const lanes = new Map();
  for (const span of spans) {
    const { best, named } = verdict(span.seen);
    const who = named ? best.name : "unknown";
    if (!lanes.has(who)) lanes.set(who, []);
    lanes.get(who).push({ ...span, hue: named ? hue(best.id) : null });
  }
  const clock = (at) => new Date(1000 * at).toLocaleTimeString();
  $("camera-line").replaceChildren(...[...lanes].map(([who, found]) => h("div", { className: "who-lane" }, h("span", { className: "small-text" }, who),
    h("div", { className: `lane person ${found[0].hue === null ? "unknown" : ""}`, style: { "--hue": found[0].hue ?? 0 } }, ...found.map((one) =>
      h("a", { className: "span", href: `#job-${one.job}`, ariaLabel: `${who} at ${clock(one.start)}`, style: {
        left: `${(100 * (one.start - from)) / (to - from)}%`, width: `${(100 * (one.end - one.start)) / (to - from)}%` } }))))),
  ...(spans.length ? [h("div", { className: "axis" }, h("span", {}, clock(from)), h("span", {}, clock(to)))] : []));
}

// --- journal ---------------------------------------------------------------------------------------------------------

async function loadJournal() {
  const lines = (await read("journal?most=50")).reverse();
  const who = (line) => line.people.length ? line.names.map((name) => name || "(forgotten)").join(", ")
    : line.action === "identify" ? "unknown" : "";
  $("lines").replaceChildren(...lines.map((line) => h("tr", {},
    h("td", {}, new Date(line.ended).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" })),
    h("td", {}, line.action + (line.confirms ? ` line ${line.confirms}` : "")), h("td", {}, who(line)),
    h("td", {}, line.asked_by), h("td", { className: "number" }, String(line.number)))));
}

async function verify() {
  try {
    const { lines, digest } = await read("journal/verify");
    $("chain").textContent = `The chain holds: ${plural(lines, "line")}, the last ${digest.slice(0, 16)}`;
  } catch (error) { $("chain").textContent = error.message; }
}

// --- start -----------------------------------------------------------------------------------------------------------

function login() {
  sessionStorage.removeItem("token");
  $("main").hidden = true;
  $("login").hidden = false;
  $("token").focus();
}

async function refresh() { await loadPeople(); await Promise.all([loadThresholds(), loadJournal()]); }

async function start() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) history.replaceState(null, "", location.pathname);
  token = given ?? sessionStorage.getItem("token") ?? "";
  if (!token) return login();
  try { state.about = await read("about"); } catch (error) { return notice(error.message, true); }
  sessionStorage.setItem("token", token);
  $("login").hidden = true;
  $("main").hidden = false;
  $("about").textContent = `walkprint ${state.about.version}, network ${state.about.network}`;
  state.files = new Map(JSON.parse(sessionStorage.getItem("files") ?? "[]"));
  await refresh();
  await loadJobs();
  listCameras();
}

async function loadJobs() {  // anew, because forgetting changes results
  state.jobs.clear();
  $("results").replaceChildren();
  for (const job of (await read("jobs")).reverse()) {
    if (job.kind !== "identify") continue;
    state.jobs.set(job.id, job);
    showJob(job);
    if (!["done", "failed"].includes(job.state)) {
      turn(() => listen(`jobs/${job.id}/events`, (now) => { state.jobs.set(job.id, now); showJob(now); }));
    }
  }
  showErrors();
  showCameraLine();
}

$("asked-by").value = localStorage.getItem("asked-by") ?? "";
$("asked-by").addEventListener("change", () => localStorage.setItem("asked-by", askedBy()));
$("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  notice("");
  sessionStorage.setItem("token", $("token").value.trim());
  start();
});
$("rate").addEventListener("input", () => {
  localStorage.setItem("false-positive-rate", chosen().false_positive_rate);
  showRate();
});
$("errors").addEventListener("toggle", showErrors);
$("watch").addEventListener("click", watchSwitch);
$("verify").addEventListener("click", verify);
$("enroll-form").addEventListener("submit", enroll);
$("enroll-file").addEventListener("change", () => showChosen($("enroll-file").files[0]));
$("identify-file").addEventListener("change", () => { identify([...$("identify-file").files]); $("identify-file").value = ""; });
droppable($("identify-drop"), identify);
droppable($("enroll-drop"), ([file]) => { $("enroll-drop").file = file; showChosen(file); });
start();
