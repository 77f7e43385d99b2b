// Asks for each file of the page once more and shows what the answer's fields say of its way.
"use strict";

const files = ["/", "/style.css", "/app.js", "/sunsetphoto.png", "/mesh.json"];
const $ = (id) => document.getElementById(id);

function element(tag, text, className) {
  const e = document.createElement(tag);
  e.textContent = text;
  if (className) e.className = className;
  return e;
}

// Cache-Status (RFC 9211): one member a hop, the origin's side first, the node that you asked last.
function hops(status) {
  return (status || "").split(",").map((s) => s.trim()).filter(Boolean).map((member) => {
    const [name, ...facts] = member.split(";").map((s) => s.trim());
    return { name: name.replace(/"/g, ""), hit: facts.includes("hit"), facts };
  });
}

function way(list, word) {
  if (list.length === 0) return "straight from the origin: no node in between";
  const names = list.map((h) => h.name);
  if (word === "Miss") names.unshift("origin");
  return names.join(" → ") + " → you";
}

async function ask(path) {
  const before = performance.now();
  const answer = await fetch(path, { cache: "no-store" });
  await answer.arrayBuffer();
  const list = hops(answer.headers.get("cache-status"));
  return {
    path,
    list,
    word: (answer.headers.get("x-cache") || "–").split(" ")[0],
    age: answer.headers.get("age"),
    ms: performance.now() - before,
  };
}

function row(r) {
  const tr = document.createElement("tr");
  const chip = element("span", r.word, "chip " + (/^[A-Za-z]+$/.test(r.word) ? r.word : ""));
  const answer = document.createElement("td");
  answer.append(chip);
  tr.append(element("td", r.path), answer, element("td", way(r.list, r.word), "way"),
    element("td", r.age === null ? "–" : r.age + " s", "num"), element("td", r.ms.toFixed(1) + " ms", "num"));
  return tr;
}

async function askAll() {
  const rows = [];
  for (const path of files) {
    try {
      rows.push(await ask(path));
    } catch (error) {
      rows.push({ path, list: [], word: "Error", age: null, ms: 0 });
    }
  }
  $("files").replaceChildren(...rows.map(row));
  const list = rows[0].list;
  if (list.length > 0) $("served").textContent = list[list.length - 1].name;
}

async function showNodes() {
  const mesh = await (await fetch("/mesh.json")).json();
  $("nodes").replaceChildren(...mesh.nodes.map((node) => {
    const a = element("a", node.name + " ");
    a.href = "http://" + location.hostname + ":" + node.port + "/";
    a.append(element("small", node.zone));
    if (String(node.port) === location.port) a.setAttribute("aria-current", "page");
    return a;
  }));
}

async function download() {
  const button = $("download");
  button.disabled = true;
  try {
    const before = performance.now();
    const answer = await fetch("/download.bin", { cache: "no-store" });
    const total = Number(answer.headers.get("content-length"));
    const reader = answer.body.getReader();
    let got = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      got += value.length;
      $("bar").style.width = (100 * got / total) + "%";
      $("progress").textContent = (got / 1e6).toFixed(0) + " MB";
    }
    const s = (performance.now() - before) / 1000;
    const word = (answer.headers.get("x-cache") || "").split(" ")[0];
    $("progress").textContent = (got / 1e6).toFixed(0) + " MB in " + s.toFixed(2) + " s, " +
      (got / 1e6 / s).toFixed(0) + " MB/s: " + way(hops(answer.headers.get("cache-status")), word) +
      " (" + word + ")";
  } catch (error) {
    $("progress").textContent = "The download broke off: " + error.message;
  }
  button.disabled = false;
}

$("again").addEventListener("click", askAll);
$("download").addEventListener("click", download);
askAll();
showNodes();
