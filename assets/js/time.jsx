// Numbers and times as the trader reads them. One shared ticker for everything that ages.
import { createElement, useEffect, useRef, useSyncExternalStore } from "react";
import { setLang, t as say, useT } from "./i18n.jsx";

const MINUS = "\u2212";
let offset = 0;
export const serverNow = () => Date.now() + offset;
export function noteServerTime(ms) {
  const seen = ms - Date.now();
  // messages only ever arrive late: keep the largest, and drift back slowly
  offset = seen > offset || Math.abs(seen - offset) > 5000 ? seen : offset - (offset - seen) * 0.01;
}

const ticking = new Map(); // period -> {fns, timer}
export function useTick(fn, period = 1000) {
  const now = useRef(fn);
  now.current = fn;
  const on = !!fn;
  useEffect(() => {
    if (!on) return undefined;
    const call = () => now.current?.();
    if (!ticking.has(period)) ticking.set(period, { fns: new Set(), timer: 0 });
    const group = ticking.get(period);
    group.fns.add(call);
    if (!group.timer) group.timer = setInterval(() => document.hidden || group.fns.forEach((f) => f()), period);
    return () => {
      group.fns.delete(call);
      if (!group.fns.size) {
        clearInterval(group.timer);
        group.timer = 0;
      }
    };
  }, [on, period]);
}

// "0.4 s", "41 s", "18 min", "6 h 12 min", "6 d 4 h"
export function age(ms, whole = false) {
  const s = Math.max(0, ms) / 1000;
  if (s < 10 && !whole) return say("unit.s", { n: s.toFixed(1) });
  if (s < 60) return say("unit.s", { n: whole ? Math.ceil(s) : Math.floor(s) });
  const min = Math.floor(s / 60);
  if (min < 60) return say("unit.min", { n: min });
  const h = Math.floor(min / 60);
  if (h < 24) return min % 60 ? say("unit.h_min", { h, n: min % 60 }) : say("unit.h", { n: h });
  const d = Math.floor(h / 24);
  return h % 24 ? say("unit.d_h", { d, n: h % 24 }) : say("unit.d", { n: d });
}

// Times are shown in the reader's zone; what is not asked for is UTC
let zone = "UTC", zoneName = "UTC", written = null;
const zoned = new Set();
const numbers = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
export function setZone(name) {
  if (!name || name === zone) return;
  try {
    written = name === "UTC" ? null : new Intl.DateTimeFormat("sv-SE", { ...numbers, timeZone: name });
    const parts = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "shortOffset" }).formatToParts(Date.now());
    zoneName = name === "UTC" ? "UTC" : parts.find((part) => part.type === "timeZoneName").value.replace("GMT", "UTC");
    zone = name;
  } catch {
    return; // a zone this browser does not know
  }
  zoned.forEach((fn) => fn());
}
const onZone = (fn) => {
  zoned.add(fn);
  return () => zoned.delete(fn);
};
export const useZone = () => useSyncExternalStore(onZone, () => zone, () => "UTC");
export function ZoneName() {
  useZone();
  return zoneName;
}

// "2026-11-21 09:15:42" in the reader's zone
export const wall = (ms) => (written ? written.format(ms) : new Date(ms).toISOString().slice(0, 19).replace("T", " "));

export function clock(ms, withDate = true) {
  const text = wall(ms);
  return withDate ? `${text} ${zoneName}` : text.slice(11);
}

export function group(value, digits) {
  const n = Number(value);
  if (!Number.isFinite(n)) return "–";
  const text = Math.abs(n).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (n < 0 ? MINUS : "") + text;
}

// a number, or a written figure such as "+1,234.50" or "−4.20 %"
export const numeric = (v) => (typeof v === "number" ? v : Number(String(v ?? "").replace(/[,+\s%]/g, "").replace(MINUS, "-") || NaN));

export function render(value, fmt, digits) {
  if (value === undefined || value === null || value === "") return fmt === "count" ? "" : "–";
  if (!fmt || fmt === "text") return String(value);
  const exact = numeric(value);
  if (fmt === "count") return exact ? group(exact, 0) : "";
  if (fmt === "int") return group(exact, 0);
  if (fmt === "usdt") return group(exact, digits ?? 2);
  if (fmt === "signed") return (exact > 0 ? "+" : "") + group(exact, digits ?? 2);
  if (fmt === "pct") return Number.isFinite(exact) ? `${exact > 0 ? "+" : ""}${group(exact, digits ?? 2)} %` : "–";
  if (fmt === "compact") {
    const n = Math.abs(exact);
    const [by, unit] = n >= 1e9 ? [1e9, "B"] : n >= 1e6 ? [1e6, "M"] : n >= 1e4 ? [1e3, "K"] : [1, ""];
    return group(exact / by, unit ? 2 : digits ?? 2) + unit;
  }
  return String(value);
}

// -1, 0, +1 from a number or from a written figure such as "+12.30" or "−4 %"
export function tone(value) {
  if (value === undefined || value === null) return 0;
  if (typeof value === "number") return Math.sign(value);
  const text = String(value).trim();
  if (/^[+\-\u2212]?0*[.,]?0*( %)?$/.test(text)) return 0;
  if (text.startsWith(MINUS) || text.startsWith("-")) return -1;
  return text.startsWith("+") ? 1 : 0;
}

// A written figure coloured by its own sign
export function Num({ value, title, as = "span", className = "" }) {
  const way = tone(value);
  return createElement(as, { className: `${way > 0 ? "up" : way < 0 ? "down" : ""} ${className}`, title }, value === "" || value == null ? "–" : value);
}

// "7 s ago" with the exact time on hover; exact shows only the clock; held drops "ago"
export function RelTime({ ms, mode = "ago", className = "" }) {
  const t = useT();
  const place = useZone();
  const el = useRef(null);
  const words = () => {
    const at = Number(ms);
    if (!at) return "–";
    if (mode === "hm") return clock(at, false).slice(0, 5);
    if (mode === "clock") return clock(at, false);
    if (mode === "date") return clock(at);
    const gap = serverNow() - at;
    if (mode === "held") return age(gap, true);
    return gap < 0 ? t("time.in", { age: age(-gap, true) }) : t("time.ago", { age: age(gap, true) });
  };
  const live = mode === "ago" || mode === "held";
  useEffect(() => {
    if (el.current) el.current.textContent = words();
  }, [ms, mode, t, place]);
  useTick(live ? () => el.current && (el.current.textContent = words()) : null);
  return createElement("time", { ref: el, className, title: Number(ms) ? clock(Number(ms)) : undefined, suppressHydrationWarning: true }, Number(ms) ? words() : "–");
}

// Brings the person's own zone and, until they chose others here, their language and colours; what they save holds at once
export function Reader({ zone: place, lang, colours }) {
  const before = useRef(colours);
  useEffect(() => {
    if (!colours) return;
    if (before.current && before.current !== colours) localStorage.removeItem("ib-money");
    before.current = colours;
    localStorage.setItem("ib-money-own", colours);
    const chosen = localStorage.getItem("ib-money") ?? colours;
    if (chosen === "std") delete document.documentElement.dataset.money;
    else document.documentElement.dataset.money = chosen;
  }, [colours]);
  useEffect(() => setZone(place), [place]);
  useEffect(() => {
    if (lang && !/(?:^|; )ib_lang=/.test(document.cookie)) setLang(lang, false);
  }, [lang]);
  return null;
}
