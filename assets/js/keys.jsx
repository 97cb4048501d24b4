// Keyboard: palette, page hotkeys, row keys. Nothing typed in a field ever leaves the browser.
import { createElement, useEffect, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { useT } from "./i18n.jsx";

const typing = (node) => node?.closest?.("input, textarea, select, [contenteditable]");

export function openPalette() {
  window.dispatchEvent(new CustomEvent("ib-palette"));
}

export function SearchButton() {
  const t = useT();
  const [mac, setMac] = useState(false);
  useEffect(() => setMac(/Mac|iPhone|iPad/.test(navigator.platform)), []);
  return createElement("button", { type: "button", className: "search only-l", onClick: openPalette, "aria-label": t("shell.search"), "aria-keyshortcuts": "Control+K Meta+K /" },
    createElement("svg", { className: "ic", viewBox: "0 0 16 16", "aria-hidden": true }, createElement("path", { d: "M11.2 7a4.2 4.2 0 1 1-8.4 0 4.2 4.2 0 0 1 8.4 0ZM10 10l3.5 3.5" })),
    createElement("span", null, t("shell.search")), createElement("kbd", null, mac ? "⌘ K" : "Ctrl K"));
}

// items [{id: "/route", k: catalogue key, group: key, keys: "g d"}]; also listens for "g x" sequences and "?"
export function Palette({ items }) {
  const t = useT();
  const go = useNavigate();
  const dialog = useRef(null);
  const back = useRef(null);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const shown = useMemo(() => {
    const q = query.trim().toLowerCase();
    return (items ?? []).map((i) => ({ ...i, label: t(i.k) })).filter((i) => !q || i.label.toLowerCase().includes(q) || i.id.includes(q));
  }, [items, query, t]);
  const open = () => {
    if (dialog.current?.open) return;
    back.current = document.activeElement;
    setQuery("");
    setAt(0);
    dialog.current?.showModal();
  };
  const close = () => dialog.current?.close();
  const pick = (item) => {
    close();
    if (item) go(item.id);
  };
  useEffect(() => {
    let before = "";
    let beforeAt = 0;
    const onKey = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        dialog.current?.open ? close() : open();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialog.current?.open) return;
      if (event.key === "?") open();
      if (event.key === "/") {
        const field = document.querySelector("[data-search]");
        event.preventDefault();
        field ? field.focus() : open();
      }
      if (before === "g" && event.timeStamp - beforeAt < 900) {
        const hit = (items ?? []).find((i) => i.keys === `g ${event.key}`);
        if (hit) go(hit.id);
      }
      before = event.key;
      beforeAt = event.timeStamp;
    };
    window.addEventListener("keydown", onKey);
    window.addEventListener("ib-palette", open);
    return () => {
      window.removeEventListener("keydown", onKey);
      window.removeEventListener("ib-palette", open);
    };
  }, [items]);
  const move = (event) => {
    if (event.key === "ArrowDown") setAt((n) => Math.min(n + 1, shown.length - 1));
    else if (event.key === "ArrowUp") setAt((n) => Math.max(n - 1, 0));
    else if (event.key === "Enter") pick(shown[at]);
    else return;
    event.preventDefault();
  };
  return createElement("dialog", {
    ref: dialog, className: "palette", "aria-label": t("shell.search"), onClose: () => back.current?.focus?.(),
    onClick: (event) => event.target === dialog.current && close(),
  },
    createElement("input", {
      type: "text", role: "combobox", "aria-expanded": true, "aria-controls": "ib-palette", "aria-activedescendant": shown[at] ? `ib-p-${at}` : undefined,
      placeholder: t("palette.placeholder"), "aria-label": t("palette.placeholder"), value: query, autoFocus: true,
      onChange: (event) => { setQuery(event.target.value); setAt(0); }, onKeyDown: move,
    }),
    createElement("ul", { id: "ib-palette", role: "listbox" },
      shown.length ? shown.map((item, i) => createElement("li", {
        key: item.id, id: `ib-p-${i}`, role: "option", "aria-selected": i === at, onMouseMove: () => setAt(i), onClick: () => pick(item),
      }, item.label, createElement("small", null, item.keys ? createElement("kbd", null, item.keys) : item.id)))
        : createElement("li", { role: "option", "aria-selected": false }, t("palette.none"))));
}

// Calls onKey for the listed keys only, never while someone types
export function Hotkeys({ keys, onKey }) {
  const call = useRef();
  call.current = onKey;
  useEffect(() => {
    const listen = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !(keys ?? []).includes(event.key)) return;
      event.preventDefault();
      call.current?.(event.key);
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [(keys ?? []).join()]);
  return null;
}

// Arrows move among [data-row], Enter opens; with follow (an open drawer) moving also opens
export function RowKeys({ children, follow, className }) {
  const onKey = (event) => {
    const row = event.target.closest?.("[data-row]");
    if (!row || typing(event.target)) return;
    const rows = [...event.currentTarget.querySelectorAll("[data-row]")];
    const i = rows.indexOf(row);
    const to = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined && rows[to]) {
      event.preventDefault();
      rows[to].focus();
      if (follow) rows[to].click();
    } else if ((event.key === "Enter" || event.key === " ") && event.target === row) {
      event.preventDefault();
      row.click();
    }
  };
  return createElement("div", { onKeyDown: onKey, className }, children);
}

// A panel beside the list: takes focus when opened, Esc closes it, focus returns to its row
export function Drawer({ children, label, rowId, wide, onClose }) {
  const el = useRef(null);
  const call = useRef();
  call.current = onClose;
  useEffect(() => {
    if (!document.activeElement?.closest?.("[data-row]")) el.current?.focus({ preventScroll: true });
    const listen = (event) => {
      if (event.key !== "Escape" || document.querySelector("dialog[open]") || event.defaultPrevented) return;
      call.current?.();
    };
    window.addEventListener("keydown", listen);
    return () => {
      window.removeEventListener("keydown", listen);
      const row = document.querySelector(`[data-row="${CSS.escape(String(el.current?.dataset.for ?? ""))}"]`);
      row?.focus?.({ preventScroll: true });
    };
  }, []);
  return createElement("aside", { ref: el, className: `drawer ${wide ? "wide" : ""}`, tabIndex: -1, "aria-label": label, "data-for": rowId, "data-drawer": "" }, children);
}
