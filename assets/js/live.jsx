// One websocket for the whole page; cells write their own text, React does not render on a tick.
import { createElement, useEffect, useRef } from "react";
import { useT } from "./i18n.jsx";
import { numeric, render, useTick, serverNow, noteServerTime, age, clock } from "./time.jsx";

const topics = new Map(); // name -> {cells, at, fns}
const status = new Set();
let socket = null;
let tries = 0;
let timer = 0;
export let connected = false;

function topic(name) {
  if (!topics.has(name)) topics.set(name, { cells: {}, at: 0, fns: new Set() });
  return topics.get(name);
}

const wanted = () => [...topics].filter(([, x]) => x.fns.size).map(([name]) => name);

function announce(now) {
  connected = now;
  status.forEach((fn) => fn());
}

// what the server was asked for on this socket; only differences are sent
let asked = new Set();
function subscribeNow() {
  if (socket?.readyState !== 1) return;
  const now = new Set(wanted());
  const sub = [...now].filter((name) => !asked.has(name));
  const unsub = [...asked].filter((name) => !now.has(name));
  asked = now;
  if (sub.length || unsub.length) socket.send(JSON.stringify({ sub, unsub }));
}

// JSON merge patch (RFC 7386), as the server merges
function merge(base, change) {
  const out = { ...base };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete out[key];
    else if (typeof value === "object" && !Array.isArray(value)) out[key] = merge(typeof out[key] === "object" ? out[key] : {}, value);
    else out[key] = value;
  }
  return out;
}

// "prices>BTC/USDT" walks into nested cells
const at = (cells, path) => String(path).split(">").reduce((value, key) => (value == null ? undefined : value[key]), cells);

function open() {
  clearTimeout(timer);
  if (socket || document.hidden || !wanted().length) return;
  const mine = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/live`);
  socket = mine;
  mine.onopen = () => {
    tries = 0;
    asked = new Set();
    announce(true);
    subscribeNow();
  };
  mine.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.ts) noteServerTime(message.ts);
    const entry = message.t && topics.get(message.t);
    if (!entry || message.error) return;
    entry.at = performance.now();
    entry.cells = merge(entry.cells, message.d);
    entry.fns.forEach((fn) => fn(message.d, entry));
  };
  mine.onclose = (event) => {
    if (socket !== mine) return;
    socket = null;
    announce(false);
    if (event.code === 4401) {
      // the session has ended: the server would refuse everything from here on
      if (!window.__ibLeaving) location.replace(`/login?error=signed_out&next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    if (wanted().length && !document.hidden) {
      timer = setTimeout(open, Math.min(15000, 400 * 2 ** tries++) * (0.7 + Math.random() * 0.6));
    }
  };
}

function close() {
  clearTimeout(timer);
  const mine = socket;
  socket = null;
  mine?.close();
  if (mine) announce(false);
}

if (typeof document !== "undefined") {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("online", open);
}

let settle = 0;
export function subscribe(name, fn) {
  if (!name) return () => {};
  const entry = topic(name);
  const first = !entry.fns.size;
  entry.fns.add(fn);
  if (entry.at) fn(entry.cells, entry);
  const sync = () => {
    clearTimeout(settle);
    settle = setTimeout(() => (wanted().length ? (open(), subscribeNow()) : close()), 30);
  };
  if (first) sync();
  return () => {
    entry.fns.delete(fn);
    if (!entry.fns.size) {
      topics.delete(name);
      sync();
    }
  };
}

const tone = (v) => Math.sign(numeric(v)) || 0;

// A value that follows (topic, cell). fmt: text | int | usdt | signed | pct | compact
export function LiveCell({ topic: name, cell, initial, fmt, digits, coloured, flash = true, staleMs = 0, className = "" }) {
  const el = useRef(null);
  const seen = useRef({ value: initial, at: 0 });
  const paint = () => {
    const node = el.current;
    if (!node) return;
    const { value, at } = seen.current;
    const late = staleMs && at ? performance.now() - at : 0;
    const words = render(value, fmt, digits);
    node.textContent = late > staleMs && staleMs ? `${words} · ${age(late)}` : words;
    node.classList.toggle("old", !!staleMs && late > staleMs && connected);
    node.classList.toggle("gone", at > 0 && !connected);
    if (coloured) {
      const t = tone(value);
      node.classList.toggle("up", t > 0);
      node.classList.toggle("down", t < 0);
    }
  };
  useEffect(() => {
    seen.current = { value: initial, at: 0 };
    paint();
    const off = subscribe(name, (changed, entry) => {
      const value = at(changed, cell);
      if (value === undefined) return;
      const before = seen.current.value;
      seen.current = { value, at: entry.at };
      paint();
      if (flash && before !== undefined && before !== "" && String(before) !== String(value)) {
        const up = numeric(value) - numeric(before);
        const node = el.current;
        if (!node || !up) return;
        node.classList.remove("fl-up", "fl-down");
        void node.offsetWidth;
        node.classList.add(up > 0 ? "fl-up" : "fl-down");
      }
    });
    status.add(paint);
    return () => {
      off();
      status.delete(paint);
    };
  }, [name, cell, initial]);
  useTick(staleMs ? paint : null);
  const first = coloured ? tone(initial) : 0;
  return createElement(
    "span",
    { ref: el, className: `cell ${first > 0 ? "up" : first < 0 ? "down" : ""} ${className}`, suppressHydrationWarning: true },
    render(initial, fmt, digits),
  );
}

// "live · 0.4 s": the age of the newest message, amber when old, hollow when disconnected
export function LiveDot({ topic: name, everyMs = 3333, label }) {
  const dot = useRef(null);
  const text = useRef(null);
  const word = useRef(null);
  const last = useRef(0);
  const t = useT();
  const paint = () => {
    if (!dot.current) return;
    const late = last.current ? performance.now() - last.current : 0;
    const old = last.current && late > everyMs * 3;
    dot.current.className = `dot ${!connected ? "off" : old ? "stale" : ""}`;
    text.current.textContent = !connected
      ? t(last.current ? "live.reconnecting" : "live.connecting")
      : last.current ? age(late) : t("live.waiting");
    word.current.textContent = connected && last.current ? `${label || t("live.live")} · ` : "";
    text.current.className = old && connected ? "look" : "";
  };
  useEffect(() => {
    const off = subscribe(name, (_, entry) => {
      last.current = entry.at;
      paint();
    });
    status.add(paint);
    paint();
    return () => {
      off();
      status.delete(paint);
    };
  }, [name, t]);
  useTick(paint, 200);
  return createElement("span", { className: "live", "data-live": "" },
    createElement("span", { ref: dot, className: "dot off" }), createElement("span", { ref: word, className: "word" }), createElement("span", { ref: text, suppressHydrationWarning: true }, t("live.connecting")));
}

// Time to the next scan, counted here from last + interval, both followed live when cells are named
export function Countdown({ topic: name, lastMs = 0, intervalMs = 0, lastCell, intervalCell, label, every }) {
  const t = useT();
  const left = useRef(null);
  const fill = useRef(null);
  const note = useRef(null);
  const scan = useRef({ last: lastMs, interval: intervalMs });
  const paint = () => {
    if (!left.current) return;
    const { last, interval } = scan.current;
    if (!last || !interval) {
      left.current.textContent = "–";
      fill.current.style.width = "0%";
      return;
    }
    const rest = last + interval - serverNow();
    left.current.textContent = rest > 0 ? age(rest, true) : rest > -interval ? t("time.now") : t("time.late", { age: age(-rest, true) });
    fill.current.style.width = `${Math.max(0, Math.min(1, 1 - rest / interval)) * 100}%`;
    fill.current.parentNode.className = `bar ${rest < -interval ? "look" : "act"}`;
    if (note.current) note.current.textContent = t("time.every", { age: age(interval, true) });
  };
  useEffect(() => {
    scan.current = { last: lastMs, interval: intervalMs };
    paint();
    if (!lastCell) return undefined;
    return subscribe(name, (changed) => {
      const seen = at(changed, lastCell);
      if (seen) scan.current.last = Number(seen);
      if (intervalCell && at(changed, intervalCell)) scan.current.interval = Number(at(changed, intervalCell));
      paint();
    });
  }, [name, lastMs, intervalMs, lastCell, intervalCell, t]);
  useTick(paint, 250);
  return createElement("div", { className: "next", role: "timer", "aria-live": "off" },
    createElement("div", { className: "row" }, createElement("span", null, label),
      every ? createElement("span", { className: "t3", ref: note }) : null,
      createElement("span", { className: "sp" }), createElement("b", { ref: left, suppressHydrationWarning: true }, "–")),
    createElement("div", { className: "bar act" }, createElement("i", { ref: fill, style: { width: "0%" } })));
}

// Runs onChange when one of the named cells changes: the page then asks its state for the new list
export function LiveSignal({ topic: name, cells, onChange, quietMs = 800 }) {
  const call = useRef();
  call.current = onChange;
  const key = (cells || []).join(",");
  useEffect(() => {
    let before = null;
    let wait = 0;
    const off = subscribe(name, (_, entry) => {
      const now = JSON.stringify((cells || []).map((c) => at(entry.cells, c)));
      if (before !== null && now !== before) {
        clearTimeout(wait);
        wait = setTimeout(() => call.current?.(), quietMs * (0.5 + Math.random()));
      }
      before = now;
    });
    return () => {
      clearTimeout(wait);
      off();
    };
  }, [name, key]);
  return null;
}

export { clock };
