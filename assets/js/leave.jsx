// A full navigation, so that the next page opens its socket with the present cookie.
import { useEffect } from "react";

// A form the browser submits itself leads somewhere of its own: what its door ends must not send the page to sign in meanwhile.
let leaving = false;
if (typeof window !== "undefined") {
  window.addEventListener("submit", (event) => {
    leaving = !event.defaultPrevented;
    window.__ibLeaving = leaving;
  });
  window.addEventListener("pageshow", () => { leaving = false; window.__ibLeaving = false; });
}

export function Leave({ to }) {
  useEffect(() => {
    if (to && !leaving) window.location.replace(to);
  }, [to]);
  return null;
}

// The page could not be filled: load it anew until it can.
export function Again() {
  useEffect(() => {
    const timer = setTimeout(() => window.location.reload(), 5000);
    return () => clearTimeout(timer);
  }, []);
  return null;
}
