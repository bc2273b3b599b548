// clipboard.js -- copying, also where the page came by plain HTTP and the browser has no clipboard for it.
import { element } from "./dom.js";

function copyBySelection(text) {
  const area = element("textarea", { class: "hidden", readonly: true, "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const good = document.execCommand("copy");
  area.remove();
  return good;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** A button that copies what `text()` is when it is pressed, and says so. */
export function copyButton(what, text) {
  const button = element("button", { type: "button", class: "copy", "aria-label": `Copy ${what}`, "aria-live": "polite" }, "Copy");
  let timer = 0;
  button.addEventListener("click", async () => {
    const good = await copy(text());
    button.textContent = good ? "Copied" : "Not copied";
    button.classList.toggle("done", good);
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.textContent = "Copy";
      button.classList.remove("done");
    }, 1500);
  });
  return button;
}
