// A full navigation, so that the next page opens its socket with the present cookie.
import { useEffect } from "react";

export function Leave({ to }) {
  useEffect(() => {
    if (to) window.location.replace(to);
  }, [to]);
  return null;
}
