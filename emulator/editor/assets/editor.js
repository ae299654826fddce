// The label editor's page: draws what `view` says and calls agents from the browser, across origins, as the platform does.

const MESSAGE_LENGTH = 256;
const SVG = "http://www.w3.org/2000/svg";
const [, , project, data, frameText] = location.pathname.split("/");
const frame = Number(frameText);
const query = new URLSearchParams(location.search);
const byId = (id) => document.getElementById(id);
const picked = new Set();

const load = async () => {
  const response = await fetch(`${location.pathname.replace(/\/$/, "")}/view${location.search}`);
  const view = await response.json();
  if (!response.ok) throw new Error(view.message);
  return view;
};

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.append(...children);
  return made;
};

const drawn = (name, attributes) => {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  return made;
};

// Geometry: coordinates are shares of the picture's width and height; the drawing has a unit per pixel.

const pointsOf = (points, w, h) =>
  (Array.isArray(points) ? points : Object.keys(points).sort((a, b) => a - b).map((key) => points[key])).map(
    (point) => [point.x * w, point.y * h],
  );

const line = (points, closed) => points.map(([x, y], i) => `${i ? "L" : "M"}${x},${y}`).join("") + (closed ? "Z" : "");

const pairs = (flat, w, h) => flat.flatMap((x, i) => (i % 2 ? [] : [[x * w, flat[i + 1] * h]]));

const box = ({ x, y, w: width, h: height }, w, h) => ({ x: x * w, y: y * h, width: width * w, height: height * h });

const rotated = (theta, x, y) => `rotate(${theta} ${x} ${y})`;

const shapes = {
  boundingBox: (g, w, h) => [drawn("rect", box(g, w, h))],
  rotatableBoundingBox: (g, w, h) => {
    const around = rotated(g.theta, (g.x + g.w / 2) * w, (g.y + g.h / 2) * h);
    return [drawn("rect", { ...box(g, w, h), transform: around })];
  },
  polygons: (g, w, h) => {
    const rings = g.flat().map((ring) => line(pairs(ring, w, h), true));
    return [drawn("path", { d: rings.join(""), "fill-rule": "evenodd" })];
  },
  polygon: (g, w, h) => [drawn("path", { d: line(pointsOf(g, w, h), true) })],
  polyline: (g, w, h) => [drawn("path", { d: line(pointsOf(g, w, h), false), fill: "none" })],
  point: (g, w, h) => pointsOf(g, w, h).map(([cx, cy]) => drawn("circle", { cx, cy, r: w / 100 })),
  skeleton: (g, w, h) => pointsOf(g, w, h).map(([cx, cy]) => drawn("circle", { cx, cy, r: w / 150 })),
  circle: (g, w, h) => [
    drawn("ellipse", {
      cx: g.x * w,
      cy: g.y * h,
      rx: g.r * w * (g.stretch ?? 1),
      ry: g.r * w,
      transform: rotated(g.theta ?? 0, g.x * w, g.y * h),
    }),
  ],
  ellipse: (g, w, h) => [
    drawn("ellipse", {
      cx: g.x * w,
      cy: g.y * h,
      rx: g.rx * w,
      ry: g.ry * h,
      transform: rotated(g.theta ?? 0, g.x * w, g.y * h),
    }),
  ],
  cuboid_2d: (g, w, h) => {
    const front = pairs(g.front, w, h);
    const back = front.map(([x, y]) =>
      g.offset
        ? [x + g.offset.x * w, y + g.offset.y * h]
        : [
            g.vanishingPoint.x * w + (x - g.vanishingPoint.x * w) * g.scaleRatio,
            g.vanishingPoint.y * h + (y - g.vanishingPoint.y * h) * g.scaleRatio,
          ],
    );
    const edges = front.map((corner, i) => line([corner, back[i]], false)).join("");
    return [drawn("path", { d: line(front, true) }), drawn("path", { d: line(back, true) + edges, fill: "none" })];
  },
  bitmask: (g, w, h) => [drawn("path", { d: maskPath(g), transform: `scale(${w / g.width} ${h / g.height})` })],
};

// A mask's run lengths, row by row: COCO's string compression, five bits a character, low bits first.
const runLengths = (text) => {
  const counts = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const bits = text.charCodeAt(at++) - 48;
      value |= (bits & 31) << shift;
      more = (bits & 32) !== 0;
      shift += 5;
      if (!more && bits & 16) value |= -1 << shift;
    }
    counts.push(counts.length > 2 ? value + counts[counts.length - 2] : value);
  }
  return counts;
};

const maskPath = ({ rleString, width, left = 0, top = 0 }) => {
  const rows = [];
  let at = 0;
  runLengths(rleString).forEach((length, i) => {
    for (let from = at; i % 2 && from < at + length; ) {
      const x = from % width;
      const run = Math.min(width - x, at + length - from);
      rows.push(`M${left + x},${top + Math.floor(from / width)}h${run}v1h${-run}z`);
      from += run;
    }
    at += length;
  });
  return rows.join("");
};

const showMedia = ({ kind, url, seconds, width, height }) => {
  byId("stage").style.aspectRatio = `${width} / ${height}`;
  byId("shapes").setAttribute("viewBox", `0 0 ${width} ${height}`);
  const media = { image: () => element("img", { src: url, alt: "" }), video: () => element("video", { src: url }) }[kind];
  if (!media) return byId("media").replaceChildren();
  const made = media();
  if (kind === "video") made.addEventListener("loadedmetadata", () => (made.currentTime = seconds), { once: true });
  return byId("media").replaceChildren(made);
};

const showObjects = (objects, { width, height }) => {
  const list = objects.map((object) => {
    const choice = element("input", { type: "checkbox", value: object.hash, id: `pick-${object.hash}` });
    choice.checked = picked.has(object.hash);
    choice.addEventListener("change", () => {
      picked[choice.checked ? "add" : "delete"](object.hash);
      document.querySelectorAll(`[data-object="${CSS.escape(object.hash)}"]`).forEach((shape) => {
        shape.classList.toggle("picked", choice.checked);
      });
    });
    const swatch = element("span", { class: "swatch" });
    swatch.style.background = object.color;
    const number = object.number === undefined || object.number === null ? "" : ` ${object.number}`;
    const label = element("label", { for: choice.id }, `${object.name}${number} (${object.shape})`);
    return element("li", { title: object.by ?? "" }, choice, swatch, label);
  });
  byId("objects").replaceChildren(...list);
  const figures = objects.flatMap((object) => {
    const key = Object.keys(shapes).find((name) => name in object.geometry);
    return (key ? shapes[key](object.geometry[key], width, height) : []).map((figure) => {
      figure.dataset.object = object.hash;
      figure.setAttribute("stroke", object.color);
      if (!figure.hasAttribute("fill")) figure.setAttribute("fill", object.color);
      figure.setAttribute("fill-opacity", "0.2");
      figure.setAttribute("stroke-width", "2");
      return figure;
    });
  });
  byId("shapes").replaceChildren(...figures);
};

const result = (outcome, text) => {
  byId("result").dataset.outcome = outcome;
  byId("result").textContent = text;
};

const messageOf = async (response) => {
  const text = await response.text();
  try {
    return JSON.parse(text)?.message;
  } catch {
    return response.ok ? undefined : text.slice(0, MESSAGE_LENGTH);
  }
};

const call = async (agent, headers) => {
  const body = { projectHash: project, dataHash: data, frame };
  if (picked.size) body.objectHashes = [...picked];
  const trace = crypto.randomUUID().replaceAll("-", "");
  return fetch(agent.url, {
    method: "POST",
    mode: "cors",
    credentials: "omit",
    headers: { "Content-Type": "application/json", "X-Cloud-Trace-Context": `${trace}/1;o=1`, ...headers },
    body: JSON.stringify(body),
  });
};

const run = async (agent, headers, done) => {
  result("running", `${agent.name} is running`);
  let response;
  try {
    response = await call(agent, headers);
  } catch {
    return result("failed", `${agent.name} could not be reached, or does not allow calls from ${location.origin}`);
  }
  const message = await messageOf(response);
  const told = typeof message === "string" ? message.slice(0, MESSAGE_LENGTH) : undefined;
  if (!response.ok) return result("failed", told ?? `${agent.name} failed with status ${response.status}`);
  result("done", told ?? done);
  return show(await load());
};

const showAgents = (agents) => {
  const list = agents.map((agent) => {
    const start = element("button", { type: "button" }, agent.name);
    start.addEventListener("click", () => run(agent, {}, `${agent.name} is done`));
    const test = element("button", { type: "button", "aria-label": `Test ${agent.name}` }, "Test agent");
    test.addEventListener("click", () =>
      run(agent, { "X-Encord-Editor-Agent": "test" }, `${agent.name} answers`),
    );
    return element("li", {}, start, test);
  });
  byId("agents").replaceChildren(...(list.length ? list : [element("li", {}, "The project has no agents")]));
};

const showBranches = (branches, current) => {
  const options = [...new Set([...branches, current])].map((name) => element("option", { value: name }, name));
  byId("branch").replaceChildren(...options);
  byId("branch").value = current;
};

const go = (to) => {
  location.href = `/label_editor/${project}/${data}/${to}${location.search}`;
};

const show = (view) => {
  document.title = `${view.data.title} - label editor`;
  byId("title").textContent = view.data.title;
  byId("where").textContent = `${view.project.title} / ${view.stage} / ${view.status}`;
  byId("frame").textContent = `${view.frame + 1} of ${view.data.frames}`;
  byId("previous").disabled = view.frame === 0;
  byId("next").disabled = view.frame + 1 === view.data.frames;
  showMedia(view.media);
  showObjects(view.objects, view.media);
  byId("classifications").replaceChildren(
    ...view.classifications.map(({ name, answer }) => element("li", {}, `${name}: ${answer}`)),
  );
  showAgents(view.agents);
  showBranches(view.branches, view.branch);
};

byId("previous").addEventListener("click", () => go(frame - 1));
byId("next").addEventListener("click", () => go(frame + 1));
byId("branch").addEventListener("change", (event) => {
  query.set("branch", event.target.value);
  location.search = query;
});
load().then(show, (error) => result("failed", error.message));
