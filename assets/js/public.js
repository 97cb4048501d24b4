// Public pages only: language, theme, the error named in the address, demo accounts. Everything works without it.
const query = new URLSearchParams(location.search);
const one = (selector) => document.querySelector(selector);

document.querySelectorAll("[data-lang]").forEach((link) => link.addEventListener("click", () => {
  document.cookie = `ib_lang=${link.dataset.lang};path=/;max-age=31536000;samesite=lax`;
  link.search = location.search;
}));

one("[data-theme-turn]")?.addEventListener("click", () => {
  const next = document.documentElement.classList.contains("light") ? "dark" : "light";
  document.documentElement.className = next;
  localStorage.setItem("theme", next);
});

document.querySelectorAll("[data-reveal]").forEach((button) => button.addEventListener("click", () => {
  const box = document.getElementById(button.dataset.reveal);
  box.type = box.type === "password" ? "text" : "password";
  button.setAttribute("aria-pressed", String(box.type === "text"));
}));

const error = query.get("error");
if (error) {
  const note = one(`[data-error="${CSS.escape(error)}"]`) || one('[data-error="other"]');
  if (note) note.hidden = false;
}

const told = query.get("note");
if (told) document.querySelectorAll(`[data-note="${CSS.escape(told)}"]`).forEach((note) => { note.hidden = false; });
document.querySelectorAll("[data-from-query]").forEach((box) => { box.value = query.get(box.name) || ""; });

// "/path" on this site only; the server checks again
const next = query.get("next") || "";
const safe = /^\/(?![/\\])/.test(next) ? next : "";
const field = one('input[name="next"]');
if (field) field.value = safe;
const kind = one(`input[name="kind"][value="${CSS.escape(query.get("kind") || safe.split("/")[1] || "")}"]`);
if (kind) kind.checked = true;

// demo accounts are named by kind and index; their passwords never enter the page
function demoButtons(body) {
  const words = (kind) => one(`input[name="kind"][value="${kind}"] + span`)?.textContent ?? kind;
  const person = (kind, index, account) => ({ kind, index, label: account.name || account.label || account.username || account.email });
  return [
    ...(body.agents ?? []).slice(0, 4).map((account, index) => person("agent", index, account)),
    ...(body.tenants ?? []).slice(0, 2).map((account, index) => person("tenant", index, account)),
    ...(body.admin ? [person("admin", 0, body.admin)] : []),
  ].map((who) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: "/api/session/demo" });
    for (const [name, value] of Object.entries({ kind: who.kind, index: who.index, next: safe.startsWith(`/${who.kind}`) ? safe : "" })) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value: String(value) }));
    }
    const text = document.createElement("span");
    text.append(Object.assign(document.createElement("b"), { textContent: who.label }), Object.assign(document.createElement("small"), { textContent: words(who.kind) }));
    const button = Object.assign(document.createElement("button"), { type: "submit", className: "btn" });
    button.append(text);
    form.append(button);
    const item = document.createElement("li");
    item.append(form);
    return item;
  });
}

const demo = one("[data-demo]");
if (demo && ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
  fetch("/api/demo/accounts").then((answer) => (answer.ok ? answer.json() : {})).then((body) => {
    const buttons = demoButtons(body);
    one("[data-demo-list]").append(...buttons);
    demo.hidden = !buttons.length;
  }).catch(() => {});
}

const again = one("#again");
again?.form.addEventListener("submit", (event) => {
  if (again.value === one("#password").value) return;
  event.preventDefault();
  one('[data-error="differ"]').hidden = false;
});
