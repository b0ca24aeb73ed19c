// The dialog: opens when HTMX has put something into it, closes when that is gone. Without it, each form has a page.

const dialog = document.querySelector("#dialog");
let opener = ""; // the id of the button that asked for the dialog; a part that is renewed brings it back under its id

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== dialog) return;
  if (dialog.textContent.trim() === "") {
    dialog.close();
  } else if (!dialog.open) {
    opener = event.detail.requestConfig.elt.id;
    dialog.showModal();
  }
});

dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("[data-close]")) {
    event.preventDefault();
    dialog.close();
  }
});

dialog.addEventListener("close", () => {
  dialog.replaceChildren();
  document.getElementById(opener)?.focus();
});

// What was in focus may be gone after its part of the page was renewed: then go on with what took its place, or from the
// top of the content.
let lost = null; // the id of what was in focus, null if nothing was

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const focused = document.activeElement;
  if (event.detail.target.contains(focused) && !dialog.contains(focused)) lost = focused.id;
});

document.body.addEventListener("htmx:afterSettle", () => {
  if (lost !== null && document.activeElement === document.body) {
    (document.getElementById(lost) ?? document.querySelector("#main")).focus({ preventScroll: true });
  }
  lost = null;
});

// One menu at a time; Escape and a click elsewhere close it.
const menus = [...document.querySelectorAll("details.menu")];

document.addEventListener("click", (event) => {
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && menus.find((menu) => menu.open);
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
