// What is asked, and what is shown of the answer.
"use strict";

const FIRST = 100, MOST = 1000, FOLLOWED = 1000;
const byId = (id) => document.getElementById(id);
const view = { q: "", range: "24h", since: "", until: "", topic: "", limit: FIRST };
let running = null, stream = null, fieldNames = [], status = {};

function readAddress() {
  const address = new URLSearchParams(location.search);
  view.q = address.get("q") ?? "";
  view.range = address.get("range") ?? "24h";
  view.since = address.get("since") ?? "";
  view.until = address.get("until") ?? "";
  view.topic = address.get("topic") ?? "";
  view.limit = FIRST;
}

function writeAddress() {
  const address = new URLSearchParams();
  for (const name of ["q", "range", "since", "until", "topic"]) if (view[name]) address.set(name, view[name]);
  const text = `?${address}`;
  if (text !== location.search) history.pushState(null, "", text);
}

function parameters(more = {}) {
  const since = view.since || (view.range === "all" ? "" : view.range);
  return new URLSearchParams({ q: view.q, since, until: view.until, topic: view.topic, ...more });
}

async function get(path, options) {
  const response = await fetch(path, options);
  const body = await response.json();
  if (!response.ok) throw new Error(body.error ?? `the collector answered ${response.status}`);
  return body;
}

function showControls() {
  byId("q").value = view.q;
  for (const button of byId("ranges").children) button.setAttribute("aria-pressed", String(!view.since && button.dataset.range === view.range));
  const zoom = byId("zoom");
  zoom.hidden = !view.since;
  if (view.since) {
    const close = make("button", { type: "button", text: "×", "aria-label": "Leave this time", onclick: () => change({ since: "", until: "" }) });
    zoom.replaceChildren(`${clock(view.since, { ms: false })} – ${clock(view.until, { ms: false, day: false })}`, close);
  }
  byId("topic").value = view.topic;
  if (byId("topic").value !== view.topic) {
    byId("topic").append(make("option", { text: view.topic, value: view.topic }));
    byId("topic").value = view.topic;
  }
}

/** Asks something else. */
function change(changes) {
  Object.assign(view, { limit: FIRST }, changes);
  if (changes.range) Object.assign(view, { since: "", until: "" });
  writeAddress();
  showControls();
  if (stream) follow(true); else search();
}

/** Adds a piece to the query. */
function choose(piece) {
  const query = view.q.trim();
  if (query.includes(piece)) return;
  change({ q: !query ? piece : / OR /.test(query) ? `(${query}) ${piece}` : `${query} ${piece}` });
}

function showError(message) {
  byId("error").hidden = !message;
  byId("error").textContent = message ?? "";
}

async function search() {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  try {
    const [found, histogram] = await Promise.all([
      get(`/api/search?${parameters({ limit: view.limit })}`, { signal }),
      get(`/api/histogram?${parameters({ buckets: 90 })}`, { signal }),
    ]);
    showError();
    showLines(found);
    byId("histogram").hidden = !found.total;
    if (found.total) drawHistogram(byId("histogram"), histogram, zoom);
  } catch (error) {
    if (error.name !== "AbortError") showError(error.message);
  }
}

function zoom(from, to) {
  change({ since: new Date(from).toISOString(), until: new Date(to).toISOString() });
}

function showLines({ total, hits }) {
  byId("lines").replaceChildren(...hits.map((hit) => row(hit, choose)));
  const lines = total === 1 ? "1 line" : `${total.toLocaleString()} lines`;
  byId("summary").textContent = total > hits.length ? `${lines}, the newest ${hits.length.toLocaleString()} below` : total ? lines : "";
  byId("more").hidden = total <= hits.length || view.limit >= MOST;
  showEmpty(total === 0);
}

async function showEmpty(isEmpty) {
  const empty = byId("empty");
  empty.hidden = !isEmpty;
  if (!isEmpty) return;
  const narrowed = view.q || view.topic || view.since || view.range !== "all";
  const any = narrowed ? await get("/api/search?limit=0").then(({ total }) => total > 0, () => true) : false;
  if (!any) return empty.replaceChildren(...noLines());
  const choices = [];
  if (view.range !== "all" || view.since) choices.push(["Look at all times", { range: "all" }]);
  if (view.topic) choices.push(["Look in all topics", { topic: "" }]);
  if (view.q) choices.push(["Clear the query", { q: "" }]);
  const buttons = choices.map(([text, changes]) => make("button", { type: "button", text, onclick: () => change(changes) }));
  empty.replaceChildren(
    make("h2", { text: "Nothing found" }),
    make("p", { text: view.q ? "No line fits the query in this time. Names of fields are case-sensitive; values and words are not." : "No line was written in this time." }),
    make("div", { className: "choices" }, ...buttons));
}

function noLines() {
  const directory = status.tasks_dir ?? "tasks/ beside the settings";
  return [
    make("h2", { text: "No lines yet" }),
    make("p", { text: `The collector runs, but has read nothing. Tell it which files to collect: put a file such as nginx.json into ${directory}; it takes effect at once.` }),
    make("pre", { text: '[{"path": "/var/log/nginx/access.log", "topic": "web", "plugins": [{"path": "nginx"}]}]' }),
    make("p", { text: "Is there a task already? Then the file has no lines yet, or cannot be read: Status, at the top, and the log say why." }),
  ];
}

function follow(on) {
  stream?.close();
  stream = null;
  byId("follow").setAttribute("aria-pressed", String(on));
  if (!on) return search();
  search();
  stream = new EventSource(`/api/follow?${new URLSearchParams({ q: view.q, topic: view.topic })}`);
  stream.addEventListener("open", () => { byId("summary").textContent = "Following: new lines appear at the top."; });
  stream.addEventListener("lines", ({ data }) => addLines(JSON.parse(data)));
  stream.addEventListener("skipped", () => { byId("summary").textContent = "Following: more lines come than can be shown; some are left out here."; });
  stream.addEventListener("failed", ({ data }) => showError(JSON.parse(data).error));
  stream.addEventListener("error", () => { if (stream) byId("summary").textContent = "The collector cannot be reached; trying again."; });
}

function addLines(hits) {
  const lines = byId("lines");
  byId("empty").hidden = true;
  byId("more").hidden = true;
  for (const hit of hits) {
    const added = row(hit, choose);
    added.classList.add("fresh");
    lines.prepend(added);
  }
  while (lines.childElementCount > FOLLOWED) lines.lastElementChild.remove();
  byId("summary").textContent = `Following: the newest line is of ${clock(hits.at(-1).timestamp)}.`;
}

async function showStatus() {
  const health = byId("health");
  try {
    const answer = await get("/api/status");
    status = answer.status ?? {};
    const problems = answer.not_ready;
    health.className = `health ${problems.length ? "waiting" : "ready"}`;
    health.textContent = problems.length ? problems.map(({ component, reason }) => `${component}: ${reason}`).join("; ") : "ready";
    return answer.search;
  } catch {
    health.className = "health waiting";
    health.textContent = "the collector cannot be reached";
    return true;
  }
}

async function showNames() {
  const [{ topics }, { fields }] = await Promise.all([get("/api/topics"), get("/api/fields")]);
  fieldNames = fields;
  byId("topic").replaceChildren(make("option", { text: "all", value: "" }), ...topics.map((topic) => make("option", { text: topic, value: topic })));
  showControls();
}

// Names of fields, offered while one is typed.

function typed() {
  const input = byId("q");
  const before = input.value.slice(0, input.selectionStart);
  return /(?:^|[\s(])-?([\p{L}@_][\p{L}\p{N}._@-]*)$/u.exec(before)?.[1] ?? "";
}

function suggest() {
  const word = typed().toLowerCase();
  const fitting = word.length < 2 ? [] : fieldNames.filter((name) => name.toLowerCase().includes(word) && name !== word).slice(0, 12);
  const list = byId("suggestions");
  list.replaceChildren(...fitting.map((name, i) => make("li", { text: name, role: "option", id: `suggestion-${i}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); complete(name); } })));
  list.hidden = !fitting.length;
  byId("q").setAttribute("aria-expanded", String(!list.hidden));
  byId("q").removeAttribute("aria-activedescendant");
}

function complete(name) {
  const input = byId("q"), at = input.selectionStart, start = at - typed().length;
  input.setRangeText(`${name}:`, start, at, "end");
  closeSuggestions();
}

function closeSuggestions() {
  byId("suggestions").hidden = true;
  byId("q").setAttribute("aria-expanded", "false");
}

function moveSuggestion(event) {
  const items = [...byId("suggestions").children];
  if (byId("suggestions").hidden || !items.length) return;
  const selected = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in steps) {
    event.preventDefault();
    const next = (selected + steps[event.key] + items.length + (selected < 0 && event.key === "ArrowUp" ? 1 : 0)) % items.length;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === next)));
    byId("q").setAttribute("aria-activedescendant", items[next].id);
    items[next].scrollIntoView({ block: "nearest" });
  } else if ((event.key === "Enter" || event.key === "Tab") && selected >= 0) {
    event.preventDefault();
    complete(items[selected].textContent);
  } else if (event.key === "Escape") closeSuggestions();
}

// Keys for the whole page.

function moveRow(step) {
  const rows = [...document.querySelectorAll("#lines .row > button")];
  const at = rows.indexOf(document.activeElement.closest(".row")?.firstElementChild);
  rows[Math.min(Math.max(at + step, 0), rows.length - 1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  const help = document.querySelector(".help");
  if (event.key === "Escape" && help.open) help.open = false;
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const open = document.activeElement.closest(".row")?.firstElementChild;
  const actions = {
    "/": () => byId("q").focus(),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    f: () => follow(!stream),
    Escape: () => { if (open?.getAttribute("aria-expanded") === "true") { open.click(); open.focus(); } },
  };
  if (actions[event.key]) {
    event.preventDefault();
    actions[event.key]();
  }
});

document.addEventListener("click", (event) => {
  const help = document.querySelector(".help");
  if (help.open && !help.contains(event.target)) help.open = false;
});
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  closeSuggestions();
  change({ q: byId("q").value.trim() });
  showNames();
});
byId("q").addEventListener("input", suggest);
byId("q").addEventListener("keydown", moveSuggestion);
byId("q").addEventListener("blur", closeSuggestions);
byId("ranges").addEventListener("click", ({ target }) => { if (target.dataset.range) change({ range: target.dataset.range }); });
byId("topic").addEventListener("change", ({ target }) => change({ topic: target.value }));
byId("follow").addEventListener("click", () => follow(!stream));
byId("more").addEventListener("click", () => { view.limit = Math.min(view.limit * 3, MOST); search(); });
byId("help").addEventListener("click", ({ target }) => {
  if (!target.matches(".example")) return;
  document.querySelector(".help").open = false;
  change({ q: target.textContent });
});
addEventListener("popstate", () => { readAddress(); showControls(); if (stream) follow(true); else search(); });

(async () => {
  readAddress();
  showControls();
  const hasSearch = await showStatus();
  setInterval(showStatus, 10_000);
  setInterval(() => { if (!byId("empty").hidden && !stream && hasSearch) search().then(showNames); }, 3_000);
  if (!hasSearch) {
    byId("search").hidden = true;
    byId("empty").hidden = false;
    byId("empty").replaceChildren(make("h2", { text: "This collector keeps no index" }),
      make("p", { text: "It sends its lines on; search where they are sent to. What it does:" }),
      make("pre", { text: JSON.stringify(status, null, 2) }));
    return;
  }
  byId("q").focus();
  await Promise.all([search(), showNames()]);
})();
