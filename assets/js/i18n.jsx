// Words of the signed-in app: English inside the bundle, Chinese as its own lazy chunk.
import { createElement, Fragment, useSyncExternalStore } from "react";
import en from "../i18n/en.json";

export const LANGS = ["en", "zh"];
const listeners = new Set();

// a parameter may itself come in both languages: {en, zh}
function fill(text, params, lang) {
  if (!params) return text;
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g, (whole, name, one, many) => {
    const given = params[name];
    const value = given && typeof given === "object" && "en" in given ? given[lang] : given;
    if (one !== undefined) return String(value) === "1" ? one : many;
    return value === undefined || value === null ? "–" : String(value);
  });
}

function pack(lang, words) {
  const t = (key, params) => fill(words[key] ?? en[key] ?? key, params, lang);
  return { lang, t };
}

const english = pack("en", en);
let current = english;

const subscribe = (fn) => {
  listeners.add(fn);
  return () => listeners.delete(fn);
};

export function useT() {
  return useSyncExternalStore(subscribe, () => current, () => english).t;
}

export function useLang() {
  return useSyncExternalStore(subscribe, () => current, () => english).lang;
}

export const lang = () => current.lang;
export const t = (key, params) => current.t(key, params);

export function savedLang() {
  const found = /(?:^|; )ib_lang=(\w+)/.exec(document.cookie);
  const wanted = found ? found[1] : navigator.language.slice(0, 2);
  return LANGS.includes(wanted) ? wanted : "en";
}

export async function setLang(next, remember = true) {
  if (remember) document.cookie = `ib_lang=${next};path=/;max-age=31536000;samesite=lax`;
  if (next !== current.lang) {
    current = next === "zh" ? pack("zh", (await import("../i18n/zh.json")).default) : english;
  }
  document.documentElement.lang = next === "zh" ? "zh-Hans" : "en";
  delete document.documentElement.dataset.i18n;
  listeners.forEach((fn) => fn());
}

if (typeof window !== "undefined") {
  // after hydration, so that the first client render equals the prerendered English one
  const start = () => setLang(savedLang(), false);
  if (document.readyState === "complete") setTimeout(start, 0);
  else window.addEventListener("load", start, { once: true });
}

// "**word**" becomes <b>word</b>; everything else stays text
export function rich(text) {
  const parts = text.split("**");
  if (parts.length === 1) return text;
  return parts.map((part, i) => (i % 2 ? createElement("b", { key: i }, part) : part));
}

export function Tx({ k, p }) {
  const translate = useT();
  return createElement(Fragment, null, k ? rich(translate(k, p)) : null);
}

// Words that came with the row, in the reader's language: of the platform's own messages
export function Said({ en, zh }) {
  return createElement(Fragment, null, useLang() === "zh" ? zh || en : en);
}

// Switches for the preferences menu
export function LangSwitch() {
  const now = useLang();
  const button = (code, label) =>
    createElement("button", { key: code, type: "button", lang: code, "aria-pressed": now === code, onClick: () => setLang(code) }, label);
  return createElement("span", { className: "seg", role: "group", "aria-label": t("menu.language") }, button("en", "English"), button("zh", "中文"));
}
