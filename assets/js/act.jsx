// Things one does: hold to confirm, type to confirm, toasts with undo, menus, preferences.
import { createElement, useContext, useEffect, useRef, useState } from "react";
import { ColorModeContext } from "$/utils/context-registry";
import { LangSwitch, lang, useT } from "./i18n.jsx";
import { serverNow } from "./time.jsx";

// Irreversible, one object: press and hold for a second; keyboard users hold Enter or Space
export function HoldButton({ children, ms = 1000, disabled, className = "", onDone }) {
  const el = useRef(null);
  const run = useRef({ frame: 0, from: 0 });
  const t = useT();
  const call = useRef();
  call.current = onDone;
  const set = (part) => el.current?.style.setProperty("--held", String(part));
  const stop = () => {
    cancelAnimationFrame(run.current.frame);
    run.current.from = 0;
    set(0);
  };
  const step = (now) => {
    const part = (now - run.current.from) / ms;
    set(Math.min(1, part));
    if (part >= 1) {
      stop();
      call.current?.();
    } else run.current.frame = requestAnimationFrame(step);
  };
  const start = (event) => {
    if (disabled || run.current.from || (event.key && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    run.current.from = performance.now();
    run.current.frame = requestAnimationFrame(step);
  };
  useEffect(() => stop, []);
  return createElement("button", {
    ref: el, type: "button", className: `btn hold ${className}`, disabled, title: t("act.hold"),
    onPointerDown: (event) => { event.currentTarget.focus(); start(event); }, onPointerUp: stop, onPointerLeave: stop, onPointerCancel: stop,
    onKeyDown: start, onKeyUp: stop, onBlur: stop, onContextMenu: (event) => event.preventDefault(),
  }, children);
}

// Many objects or the bot: a dialog that lists what will happen; the word must be typed
export function ConfirmDialog({ open, word, title, lead, children, keep, go, note, onClose, onConfirm }) {
  const t = useT();
  const dialog = useRef(null);
  const back = useRef(null);
  const [typed, setTyped] = useState("");
  useEffect(() => {
    const node = dialog.current;
    if (open && !node.open) {
      back.current = document.activeElement;
      setTyped("");
      node.showModal();
    } else if (!open && node.open) node.close();
  }, [open]);
  const ready = !word || typed.trim().toUpperCase() === word.toUpperCase();
  const confirm = () => ready && onConfirm?.();
  return createElement("dialog", {
    ref: dialog, className: "dialog", "aria-label": title,
    onClose: () => { back.current?.focus?.(); if (open) onClose?.(); },
  },
    createElement("div", { className: "dl-b" },
      createElement("h2", null, title), lead ? createElement("p", { className: "t2", style: { marginTop: 2 } }, lead) : null, children,
      word ? createElement("label", { className: "field", style: { marginTop: 20, display: "block" } },
        createElement("span", { className: "lab" }, t("act.type", { word })),
        createElement("input", {
          className: "inp", autoFocus: true, autoComplete: "off", spellCheck: false, value: typed, onChange: (event) => setTyped(event.target.value),
          onKeyDown: (event) => { if (event.key === "Enter") { event.preventDefault(); confirm(); } },
        })) : null),
    createElement("div", { className: "dl-f" },
      createElement("span", { className: "t3 grow t12" }, note), createElement("button", { type: "button", className: "btn", onClick: () => dialog.current.close() }, keep || t("act.cancel")),
      createElement("button", { type: "button", className: "btn hold", disabled: !ready, onClick: confirm }, go)));
}

// One at a time, eight seconds; toast = {id, k, p, text, bad, undo}
export function Toast({ toast, onUndo }) {
  const t = useT();
  const [left, setLeft] = useState(0);
  const id = toast?.id;
  useEffect(() => {
    // a reload brings the last toast again: what is old was read
    const age = toast?.at ? Math.max(0, Math.floor((serverNow() - toast.at) / 1000)) : 0;
    if (!id || age >= 8) return undefined;
    setLeft(8 - age);
    const timer = setInterval(() => setLeft((n) => (n <= 1 ? (clearInterval(timer), 0) : n - 1)), 1000);
    return () => clearInterval(timer);
  }, [id]);
  const open = !!id && left > 0;
  const d = toast?.bad ? "M8 2.2 14.5 13.5H1.5ZM8 6.5v3M8 11.6v.1" : "M3 8.5 6.3 12 13 4.5";
  return createElement("div", { role: "status", "aria-live": "polite", style: { position: "fixed", zIndex: 25 } }, open ? createElement("div", { className: `toast ${toast.bad ? "bad" : ""}` },
    createElement("svg", { className: "ic", viewBox: "0 0 16 16", "aria-hidden": true }, createElement("path", { d })),
    createElement("span", null, toast.k ? t(toast.k, toast.p) : lang() === "zh" && toast.zh ? toast.zh : toast.text),
    toast.undo ? createElement("button", { type: "button", className: "btn sm", onClick: () => { setLeft(0); onUndo?.(toast.undo); } }, t("act.undo"), createElement("span", { className: "t3" }, t("unit.s", { n: left }))) : null,
    createElement("button", { type: "button", className: "btn quiet sm", "aria-label": t("act.close"), onClick: () => setLeft(0) }, "×")) : null);
}

// <details> that closes on Esc, on a click outside and after a choice
export function Menu({ children, button, className = "", place = "right", label, onOpen, stay }) {
  const el = useRef(null);
  const call = useRef();
  call.current = onOpen;
  useEffect(() => {
    const node = el.current;
    const shut = () => { node.open = false; };
    const outside = (event) => { if (node.open && !node.contains(event.target)) shut(); };
    const escape = (event) => { if (event.key === "Escape" && node.open) { event.preventDefault(); shut(); node.querySelector("summary").focus(); } };
    const toggled = () => node.open && call.current?.();
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", escape, true);
    node.addEventListener("toggle", toggled);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", escape, true);
      node.removeEventListener("toggle", toggled);
    };
  }, []);
  const chosen = (event) => { if (!stay && event.target.closest("a, .item")) el.current.open = false; };
  return createElement("details", { ref: el, className: "menu" },
    createElement("summary", { className, "aria-label": label }, button), createElement("div", { className: `pop ${place}`, onClick: chosen }, children));
}

function Choice({ label, value, options, onPick }) {
  return createElement("div", { className: "pair" }, createElement("span", null, label),
    createElement("span", { className: "seg", role: "group", "aria-label": label }, options.map(([id, words]) =>
      createElement("button", { key: id, type: "button", "aria-pressed": value === id, onClick: () => onPick(id) }, words))));
}

// Theme, money colours and language; kept in this browser
export function Preferences() {
  const t = useT();
  const { rawColorMode, setColorMode } = useContext(ColorModeContext);
  const [money, setMoney] = useState("");
  useEffect(() => setMoney(document.documentElement.dataset.money || "std"), []);
  const pickMoney = (id) => {
    setMoney(id);
    localStorage.setItem("ib-money", id);
    if (id === "std") delete document.documentElement.dataset.money;
    else document.documentElement.dataset.money = id;
  };
  return createElement("div", null,
    createElement(Choice, { label: t("menu.theme"), value: rawColorMode, onPick: setColorMode, options: [["dark", t("menu.dark")], ["light", t("menu.light")], ["system", t("menu.system")]] }),
    createElement(Choice, { label: t("menu.money"), value: money, onPick: pickMoney, options: [["std", t("menu.money_std")], ["cn", t("menu.money_cn")], ["colourblind", t("menu.money_cb")]] }),
    createElement("div", { className: "pair" }, createElement("span", null, t("menu.language")), createElement(LangSwitch)));
}

// Tells what the form around it holds, a moment after the last change
export function FormWatch({ onForm }) {
  const el = useRef(null);
  const call = useRef();
  call.current = onForm;
  useEffect(() => {
    const form = el.current.closest("form");
    let wait = 0;
    const changed = () => {
      clearTimeout(wait);
      wait = setTimeout(() => call.current?.(Object.fromEntries(new FormData(form))), 300);
    };
    form.addEventListener("input", changed);
    return () => {
      clearTimeout(wait);
      form.removeEventListener("input", changed);
    };
  }, []);
  return createElement("span", { ref: el, hidden: true });
}

// Copies a text and says so
export function CopyButton({ text }) {
  const t = useT();
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return createElement("button", { type: "button", className: "btn quiet ico", onClick: copy, "aria-label": t("act.copy") },
    createElement("svg", { className: "ic", viewBox: "0 0 16 16", "aria-hidden": true }, createElement("path", { d: done ? "M3 8.5 6.3 12 13 4.5" : "M5.5 5.5h8v8h-8ZM2.5 10.5v-8h8" })));
}
