// Help where it is needed: what a figure means, and a walk around the first page.
import { createElement, useEffect, useId, useRef, useState } from "react";
import { rich, useT } from "./i18n.jsx";

// "?" beside a figure; the browser's own popover closes by Esc and by a click elsewhere
export function Explain({ word, text }) {
  const t = useT();
  const id = "ib-x" + useId().replace(/\W/g, "");
  const button = useRef(null);
  const panel = useRef(null);
  useEffect(() => {
    const node = panel.current;
    const place = (event) => {
      if (event.newState !== "open") return;
      const from = button.current.getBoundingClientRect();
      const wide = Math.min(300, innerWidth - 16);
      const below = from.bottom + 6 + node.offsetHeight < innerHeight;
      node.style.width = `${wide}px`;
      node.style.left = `${Math.max(8, Math.min(from.left - 12, innerWidth - wide - 8))}px`;
      node.style.top = `${below ? from.bottom + 6 : Math.max(8, from.top - node.offsetHeight - 6)}px`;
    };
    node.addEventListener("toggle", place);
    return () => node.removeEventListener("toggle", place);
  }, []);
  return createElement("span", { className: "explain" },
    createElement("button", { ref: button, type: "button", popoverTarget: id, "aria-label": t("help.about", { word: t(word) }), "data-explain": word }, "?"),
    createElement("span", { ref: panel, id, popover: "auto", className: "explain-p", role: "note" }, createElement("b", null, t(word)), createElement("span", null, rich(t(text)))));
}

// steps [{at: selector, k: key}]: one at a time, its place on the page marked; steps without a place are left out
export function Tour({ steps, on, onDone }) {
  const t = useT();
  const card = useRef(null);
  const [at, setAt] = useState(0);
  const [over, setOver] = useState(false);
  const [ready, setReady] = useState(false);
  // the page may still be coming: the walk begins when its first place is there
  useEffect(() => {
    if (!on || ready || !steps.length) return undefined;
    const look = setInterval(() => document.querySelector(steps[0].at) && setReady(true), 200);
    return () => clearInterval(look);
  }, [on, ready]);
  const shown = ready && on && !over ? steps.map((step) => ({ ...step, node: [...document.querySelectorAll(step.at)].find((n) => n.offsetParent) })).filter((step) => step.node) : [];
  const step = shown[Math.min(at, shown.length - 1)];
  const end = () => {
    setOver(true);
    onDone?.();
  };
  useEffect(() => {
    if (!step) return undefined;
    step.node.classList.add("tour-at");
    step.node.scrollIntoView({ block: "nearest" });
    card.current?.focus();
    return () => step.node.classList.remove("tour-at");
  }, [step?.k]);
  if (!step) return null;
  const last = at >= shown.length - 1;
  const key = (event) => {
    if (event.key === "Escape") end();
    else if (event.key === "ArrowRight" && !last) setAt(at + 1);
    else if (event.key === "ArrowLeft" && at) setAt(at - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const button = (k, onClick, kind = "") => createElement("button", { type: "button", className: `btn sm ${kind}`, onClick }, t(k));
  return createElement("div", { ref: card, className: "tour", role: "dialog", "aria-label": t("tour.title"), tabIndex: -1, onKeyDown: key, "data-tour": at },
    createElement("p", { className: "t3 t12" }, t("tour.step", { a: at + 1, n: shown.length })),
    createElement("p", { "aria-live": "polite" }, rich(t(step.k))),
    createElement("div", { className: "row" }, button("tour.skip", end, "quiet"), createElement("span", { className: "sp" }),
      at ? button("tour.back", () => setAt(at - 1)) : null, last ? button("tour.done", end, "pri") : button("tour.next", () => setAt(at + 1), "pri")));
}
