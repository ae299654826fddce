"use strict";
// Draws the map on a canvas. Everything that the mouse does, keys and the table do as well.
const began = performance.now();
const data = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const count = data.items.length;
const raw = new Uint16Array(Uint8Array.from(atob(data.places), (c) => c.charCodeAt(0)).buffer);
const xs = raw.subarray(0, count), ys = raw.subarray(count);
const PALETTE = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bb5566", "#004488", "#ddaa33", "#777777"];
const PAGE = 50, NEAR = 24;
const chosen = new Uint8Array(count);
let shown = new Uint8Array(count).fill(1);
const view = { x: 32767, y: 32767, scale: 1 };
const plane = by("plane"), pen = plane.getContext("2d");
const sheets = data.atlases.map((uri) => { const sheet = new Image(); sheet.onload = draw; sheet.src = uri; return sheet; });
let colours = new Array(count).fill(PALETTE[0]), loop = [], drag = null, page = 0, waiting = false;

function option(select, text, value) { const made = document.createElement("option"); made.textContent = text; made.value = value; select.append(made); }

function quartiles(numbers) {
  const known = numbers.filter((n) => n !== null).sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((q) => known[Math.floor(q * (known.length - 1))]);
}
// A field of numbers is shown in quarters, so that it has a legend and a filter like one of words.
const fields = data.fields.map((field) => {
  if (field.values) return field;
  const cuts = quartiles(field.numbers);
  const of = field.numbers.map((n) => (n === null ? 4 : cuts.filter((c) => n > c).length));
  return { name: field.name, numbers: field.numbers, of,
    values: [`up to ${cuts[0]}`, `up to ${cuts[1]}`, `up to ${cuts[2]}`, `above ${cuts[2]}`, "(none)"] };
});

function colour() {
  const field = fields[Number(by("colour").value)];
  colours = field ? field.of.map((n) => (field.values[n] === "(none)" ? "#999999" : PALETTE[n % PALETTE.length])) : new Array(count).fill(PALETTE[0]);
  const legend = by("legend");
  legend.textContent = "";
  for (const [n, value] of (field ? field.values.slice(0, 20) : []).entries()) {
    const entry = document.createElement("span"), box = document.createElement("i");
    box.style.background = value === "(none)" ? "#999999" : PALETTE[n % PALETTE.length];
    entry.append(box, value);
    legend.append(entry);
  }
  draw();
}

function filter() {
  const field = fields[Number(by("field").value)], value = by("value").value;
  shown = Uint8Array.from({ length: count }, (_, n) => (!field || value === "" || field.of[n] === Number(value) ? 1 : 0));
  page = 0;
  draw(); list();
}

function fill() {
  const select = by("value"), field = fields[Number(by("field").value)];
  select.textContent = "";
  option(select, "all", "");
  if (field) field.values.forEach((value, n) => option(select, value, n));
  filter();
}

function size() {
  const box = plane.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  plane.width = Math.max(1, Math.round(box.width * ratio));
  plane.height = Math.max(1, Math.round(box.height * ratio));
  draw();
}
const zoom = () => (Math.min(plane.width, plane.height) / 70000) * view.scale;
const across = (n) => (xs[n] - view.x) * zoom() + plane.width / 2;
const down = (n) => (ys[n] - view.y) * zoom() + plane.height / 2;

function draw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; paint(); });
}

function paint() {
  pen.clearRect(0, 0, plane.width, plane.height);
  const k = zoom(), look = by("look").value, inside = [];
  for (let n = 0; n < count; n++) {
    if (!shown[n]) continue;
    const x = (xs[n] - view.x) * k + plane.width / 2, y = (ys[n] - view.y) * k + plane.height / 2;
    if (x > -NEAR && y > -NEAR && x < plane.width + NEAR && y < plane.height + NEAR) inside.push([n, x, y]);
  }
  const pictures = data.side && look !== "points" && (look === "pictures" || inside.length < 400);
  const dot = Math.max(2, Math.min(6, 2 * Math.sqrt(view.scale)));
  for (const [n, x, y] of inside) {
    const sheet = pictures ? sheets[Math.floor(n / data.atlas ** 2)] : null;
    if (sheet && sheet.complete && sheet.naturalWidth) {
      const at = n % data.atlas ** 2;
      pen.drawImage(sheet, (at % data.atlas) * data.side, Math.floor(at / data.atlas) * data.side, data.side, data.side, x - NEAR, y - NEAR, 2 * NEAR, 2 * NEAR);
      pen.strokeStyle = colours[n];
      pen.strokeRect(x - NEAR, y - NEAR, 2 * NEAR, 2 * NEAR);
    } else { pen.fillStyle = colours[n]; pen.fillRect(x - dot / 2, y - dot / 2, dot, dot); }
    if (chosen[n]) { pen.strokeStyle = "#d00"; pen.lineWidth = 2; pen.strokeRect(x - dot, y - dot, 2 * dot, 2 * dot); pen.lineWidth = 1; }
  }
  if (loop.length > 1) {
    pen.beginPath();
    loop.forEach(([x, y], n) => (n ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.strokeStyle = "#d00";
    pen.stroke();
  }
  if (!document.body.dataset.drawn) document.body.dataset.drawn = String(Math.round(performance.now() - began));
}

function within(x, y) {
  let inside = false;
  for (let a = 0, b = loop.length - 1; a < loop.length; b = a++) {
    const [ax, ay] = loop[a], [bx, by_] = loop[b];
    if (ay > y !== by_ > y && x < ((bx - ax) * (y - ay)) / (by_ - ay) + ax) inside = !inside;
  }
  return inside;
}

function nearest(x, y, reach) {
  let best = -1, least = reach * reach;
  for (let n = 0; n < count; n++) {
    if (!shown[n]) continue;
    const away = (across(n) - x) ** 2 + (down(n) - y) ** 2;
    if (away < least) { least = away; best = n; }
  }
  return best;
}

const words = (n) => fields.map((field) => `${field.name}: ${field.numbers ? field.numbers[n] : field.values[field.of[n]]}`).join(" · ");
const selected = () => chosen.reduce((sum, one) => sum + one, 0);
function say(text) { by("said").textContent = text; }
function changed() { draw(); list(); say(`${selected()} selected`); }

function list() {
  const only = by("only").checked, rows = [];
  for (let n = 0; n < count; n++) if (shown[n] && (!only || chosen[n])) rows.push(n);
  const pages = Math.max(1, Math.ceil(rows.length / PAGE));
  page = Math.min(page, pages - 1);
  by("page").textContent = `page ${page + 1} of ${pages}, ${rows.length} pictures`;
  const body = by("listed").tBodies[0];
  body.textContent = "";
  for (const n of rows.slice(page * PAGE, (page + 1) * PAGE)) {
    const row = body.insertRow(), box = document.createElement("input");
    box.type = "checkbox";
    box.checked = Boolean(chosen[n]);
    box.setAttribute("aria-label", `choose ${data.titles[n]}`);
    box.onchange = () => { chosen[n] = box.checked ? 1 : 0; draw(); say(`${selected()} selected`); };
    row.insertCell().append(box);
    row.insertCell().textContent = data.titles[n];
    row.insertCell().textContent = words(n);
  }
}

function save() {
  const items = [];
  for (let n = 0; n < count; n++) if (chosen[n]) items.push({ item: data.items[n], title: data.titles[n] });
  if (!items.length) { say("nothing is selected"); return; }
  const made = { version: 1, name: "map selection", made_at: new Date().toISOString(), items };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(made, null, 2)], { type: "application/json" }));
  link.download = "selection.json";
  link.click();
  say(`${items.length} saved as selection.json`);
}

const place = (event) => { const box = plane.getBoundingClientRect(), r = plane.width / box.width; return [(event.clientX - box.left) * r, (event.clientY - box.top) * r]; };
const lassoing = () => by("lasso").getAttribute("aria-pressed") === "true";
plane.onpointerdown = (event) => { plane.setPointerCapture(event.pointerId); drag = { at: place(event), x: view.x, y: view.y, moved: false }; loop = []; };
plane.onpointermove = (event) => {
  const [x, y] = place(event);
  if (!drag) { const n = nearest(x, y, 12); plane.title = n < 0 ? "" : `${data.titles[n]}\n${words(n)}`; return; }
  drag.moved = drag.moved || Math.hypot(x - drag.at[0], y - drag.at[1]) > 4;
  if (lassoing() || event.shiftKey) loop.push([x, y]);
  else { view.x = drag.x - (x - drag.at[0]) / zoom(); view.y = drag.y - (y - drag.at[1]) / zoom(); }
  draw();
};
plane.onpointerup = (event) => {
  if (drag && !drag.moved) { const n = nearest(...place(event), 16); if (n >= 0) { chosen[n] ^= 1; changed(); } }
  else if (loop.length > 2) { for (let n = 0; n < count; n++) if (shown[n] && within(across(n), down(n))) chosen[n] = 1; loop = []; changed(); }
  drag = null;
};
plane.addEventListener("wheel", (event) => { event.preventDefault(); scale(event.deltaY < 0 ? 1.2 : 1 / 1.2, ...place(event)); }, { passive: false });
function scale(factor, x = plane.width / 2, y = plane.height / 2) {
  const before = zoom();
  view.scale = Math.max(0.5, Math.min(500, view.scale * factor));
  view.x += (x - plane.width / 2) * (1 / before - 1 / zoom());
  view.y += (y - plane.height / 2) * (1 / before - 1 / zoom());
  draw();
}
plane.onkeydown = (event) => {
  const step = 60 / zoom();
  const keys = { ArrowLeft: () => { view.x -= step; }, ArrowRight: () => { view.x += step; }, ArrowUp: () => { view.y -= step; }, ArrowDown: () => { view.y += step; },
    "+": () => scale(1.3), "=": () => scale(1.3), "-": () => scale(1 / 1.3),
    " ": () => { const n = nearest(plane.width / 2, plane.height / 2, 1e9); if (n >= 0) { chosen[n] ^= 1; changed(); say(`${data.titles[n]}: ${chosen[n] ? "selected" : "no longer selected"}`); } } };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
  draw();
};
by("lasso").onclick = () => by("lasso").setAttribute("aria-pressed", String(!lassoing()));
by("all").onclick = () => { for (let n = 0; n < count; n++) if (shown[n]) chosen[n] = 1; changed(); };
by("none").onclick = () => { chosen.fill(0); changed(); };
by("save").onclick = save;
by("back").onclick = () => { page = Math.max(0, page - 1); list(); };
by("next").onclick = () => { page += 1; list(); };
by("only").onchange = () => { page = 0; list(); };
by("look").onchange = draw;
by("colour").onchange = colour;
by("field").onchange = fill;
by("value").onchange = filter;
option(by("colour"), "nothing", "");
option(by("field"), "any", "");
fields.forEach((field, n) => { option(by("colour"), field.name, n); option(by("field"), field.name, n); });
const first = fields.findIndex((field) => field.name === "cluster");
if (first >= 0) by("colour").value = String(first);
window.addEventListener("resize", size);
size(); colour(); fill();
