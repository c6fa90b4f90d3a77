// The square code on a bill's first page: access code and customer number stand behind the # of the address, which no browser
// sends to anybody. They are taken out of it at once, and go nowhere until a button is pressed. Without script, or without
// them, the page leads to where they are typed.
"use strict";

const form = document.querySelector("form[data-filled]");
let fragment = "";

const show = (code, number) => {
  form.elements.code.value = code;
  form.elements.number.value = number;
  form.querySelector("[data-number]").textContent = number;
  form.hidden = !number;
  document.querySelector("[data-typed]").hidden = Boolean(number);
};
const take = () => {
  if (!/^#\d/.test(location.hash)) return;
  fragment = location.hash;
  history.replaceState(null, "", location.pathname + location.search);
  const [, code = "", number = ""] = /^#(\d{8})([0-9A-Za-z-]{1,20})$/.exec(fragment) ?? [];
  show(code, number);
};
take();
// Scanned again where the page is open.
addEventListener("hashchange", take);
// The same page in the other language has them too.
const language = document.querySelector("a.lang");
language?.addEventListener("click", () => { language.hash = fragment; });
// Who comes back to the page finds nothing in it.
addEventListener("pagehide", () => {
  fragment = "";
  if (language) language.hash = "";
  show("", "");
});
