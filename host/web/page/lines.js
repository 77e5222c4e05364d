// The list of lines, and a line opened to its fields. Data only ever becomes text, never markup.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element with a class, a text and children. */
function make(tag, { className, text, ...more } = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(more)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const two = (number) => String(number).padStart(2, "0");

/** A time as the reader's clock shows it. */
function clock(time, { ms = true, day = true } = {}) {
  const at = new Date(time);
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} `;
  const fraction = ms ? `.${String(at.getMilliseconds()).padStart(3, "0")}` : "";
  return `${day ? date : ""}${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}${fraction}`;
}

/** The value at a dotted name, whether the document nests or not. */
function valueAt(document, name) {
  if (document === null || typeof document !== "object") return undefined;
  if (name in document) return document[name];
  for (let dot = name.indexOf("."); dot > 0; dot = name.indexOf(".", dot + 1)) {
    const found = valueAt(document[name.slice(0, dot)], name.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** All values of a document as [dotted name, value]; the elements of an array each by themselves. */
function flatten(value, name = "", out = []) {
  if (Array.isArray(value) && value.length) value.forEach((element) => flatten(element, name, out));
  else if (value !== null && typeof value === "object" && Object.keys(value).length) {
    for (const [key, inner] of Object.entries(value)) flatten(inner, name ? `${name}.${key}` : key, out);
  } else out.push([name, value]);
  return out;
}

const LEVELS = [[/^(emerg|alert|crit|fatal|err|severe|panic)/i, "bad"], [/^warn/i, "warn"], [/^(info|notice)/i, "info"]];

/** What a line is about at a glance: its status or level, and how grave that is. */
function gravity(document) {
  const status = Number(valueAt(document, "http.response.status_code"));
  if (status) return { label: String(status), grade: status >= 500 ? "bad" : status >= 400 ? "warn" : status >= 300 ? "info" : "good" };
  const level = valueAt(document, "log.level") ?? valueAt(document, "level");
  if (typeof level !== "string" || !level) return { label: "", grade: "" };
  const known = LEVELS.find(([pattern]) => pattern.test(level));
  return { label: level.slice(0, 12), grade: known ? known[1] : "" };
}

/** The line itself. */
function lineOf(document) {
  for (const name of ["message", "event.original", "data"]) {
    const text = valueAt(document, name);
    if (typeof text === "string") return text;
  }
  return JSON.stringify(document);
}

/** A test of a field as the query language has it. */
function term(name, value) {
  if (value === null || value === "") return `${name}:*`;
  if (name === "@timestamp") return `${name}:${value}`;
  const text = String(value);
  const plain = typeof value !== "string" || /^[\p{L}\p{N}._:@/=&%+,;#~-]+$/u.test(text) && !/^(OR|AND|NOT|>|<)/.test(text);
  return `${name}:${plain ? text : `"${text.replace(/["\\]/g, "\\$&")}"`}`;
}

function fieldRow([name, value], choose) {
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  const only = make("button", { type: "button", text: shown, title: `Only lines with ${name} like this`, onclick: () => choose(term(name, value)) });
  const without = make("button", { type: "button", className: "without", text: "without", title: `Only lines with another ${name}`, onclick: () => choose(`NOT ${term(name, value)}`) });
  return make("tr", {}, make("th", { text: name, scope: "row" }), make("td", {}, only, without));
}

function fields(hit, choose) {
  const rows = flatten(hit.document).map((field) => fieldRow(field, choose));
  rows.push(fieldRow(["topic", hit.topic], choose), fieldRow(["_id", hit.id], choose));
  const copy = make("button", { type: "button", className: "copy", text: "Copy as JSON" });
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(JSON.stringify(hit.document, null, 2));
    copy.textContent = "Copied";
  });
  return make("div", { className: "fields" }, make("table", {}, make("tbody", {}, ...rows)), copy);
}

/** A line as a row that opens to its fields. `choose` gets a piece of query when a value is clicked. */
function row(hit, choose) {
  const { label, grade } = gravity(hit.document);
  const button = make("button", { type: "button", "aria-expanded": "false" },
    make("span", { className: "edge" }),
    make("time", { text: clock(hit.timestamp), datetime: hit.timestamp, title: hit.timestamp }),
    make("span", { className: "badge topic-name", text: hit.topic }),
    make("span", { className: label ? "badge level" : "level", text: label }),
    make("span", { className: "text", text: lineOf(hit.document) }));
  const item = make("article", { className: `row ${grade}` }, button);
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) item.querySelector(".fields").remove();
    else item.append(fields(hit, choose));
  });
  return item;
}

/** Draws the bars of a histogram; `zoom(from, to)` is called for the one that is clicked. */
function drawHistogram(figure, { from_ms, bucket_ms, counts }, zoom) {
  const svg = figure.querySelector("svg");
  const height = 72, slot = 10, peak = Math.max(...counts, 1);
  svg.setAttribute("viewBox", `0 0 ${counts.length * slot} ${height}`);
  svg.replaceChildren();
  counts.forEach((count, i) => {
    const bar = count ? Math.max(2, (count / peak) * (height - 4)) : 0;
    const from = from_ms + i * bucket_ms;
    const rect = (className, y, size, width) => {
      const element = document.createElementNS(SVG, "rect");
      Object.entries({ class: className, x: i * slot + (slot - width) / 2, y, width, height: size }).forEach(([name, value]) => element.setAttribute(name, value));
      return element;
    };
    const target = rect("slot", 0, height, slot);
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${clock(from, { ms: bucket_ms < 1000 })}: ${count.toLocaleString()} lines; click for this time only`;
    target.append(title);
    target.addEventListener("click", () => zoom(from, from + bucket_ms));
    const drawn = rect("bar", height - bar, bar, slot - 2);
    drawn.setAttribute("pointer-events", "none");
    svg.append(target, drawn);
  });
  const short = { ms: bucket_ms < 1000 };
  figure.querySelector("#from").textContent = clock(from_ms, short);
  figure.querySelector("#peak").textContent = `highest bar: ${Math.max(...counts, 0).toLocaleString()} lines`;
  figure.querySelector("#to").textContent = clock(from_ms + counts.length * bucket_ms, short);
}
