// A button that reads a small picture and hands it over as a data address; too large ones are refused here already.
import { createElement, useRef, useState } from "react";
import { useT } from "./i18n.jsx";

export function PicturePicker({ label, maxBytes, onPick }) {
  const t = useT();
  const input = useRef(null);
  const [large, setLarge] = useState(false);
  const chosen = (event) => {
    const file = event.target.files?.[0];
    event.target.value = "";
    if (!file) return;
    setLarge(file.size > maxBytes);
    if (file.size > maxBytes) return;
    const reader = new FileReader();
    reader.onload = () => onPick?.(String(reader.result));
    reader.readAsDataURL(file);
  };
  return createElement("span", { className: "row" },
    createElement("input", { ref: input, type: "file", accept: "image/png,image/jpeg,image/webp", hidden: true, onChange: chosen }),
    createElement("button", { type: "button", className: "btn", onClick: () => input.current?.click() }, label),
    large ? createElement("span", { className: "look t12", role: "alert" }, t("brand.logo_large")) : null);
}
