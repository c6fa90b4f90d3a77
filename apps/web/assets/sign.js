// Signing on a screen: draws what finger, pen or mouse writes, and sends it as numbers. Without script the page says how to sign
// on paper.
"use strict";

for (const form of document.querySelectorAll("form[data-signing]")) {
  const field = form.querySelector("svg");
  const { width, height } = field.viewBox.baseVal;
  const [strokesMax, pointsMax] = [Number(form.dataset.strokes), Number(form.dataset.points)];
  const STEP = 4;
  let strokes = [];
  let points = 0;
  let drawn = null;

  const draw = () => {
    const [first, ...rest] = strokes.at(-1);
    drawn.path.setAttribute("d", `M${first} ` + (rest.length ? rest.map(place => `L${place}`).join(" ") : "h0"));
  };
  const add = event => {
    const box = field.getBoundingClientRect();
    const within = (at, most) => Math.min(most, Math.max(0, Math.round(at * most)));
    const place = [within((event.clientX - box.left) / box.width, width), within((event.clientY - box.top) / box.height, height)];
    const stroke = strokes.at(-1);
    const last = stroke.at(-1);
    if (points < pointsMax && !(last && Math.hypot(place[0] - last[0], place[1] - last[1]) < STEP)) {
      stroke.push(place);
      points += 1;
    }
  };

  field.addEventListener("pointerdown", event => {
    if (drawn || event.button !== 0 || strokes.length >= strokesMax || points >= pointsMax) return;
    event.preventDefault();
    field.setPointerCapture(event.pointerId);
    drawn = { id: event.pointerId, path: field.appendChild(document.createElementNS(field.namespaceURI, "path")) };
    strokes.push([]);
    add(event);
    draw();
  });
  field.addEventListener("pointermove", event => {
    if (drawn?.id !== event.pointerId) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const one of between.length ? between : [event]) add(one);
    draw();
  });
  for (const end of ["pointerup", "pointercancel"]) field.addEventListener(end, event => {
    if (drawn?.id === event.pointerId) drawn = null;
  });
  form.querySelector("[data-clear]").addEventListener("click", () => {
    for (const path of field.querySelectorAll("path")) path.remove();
    [strokes, points, drawn] = [[], 0, null];
  });
  form.addEventListener("submit", () => {
    form.elements.strokes.value = strokes.map(stroke => stroke.map(place => place.join(",")).join(" ")).join(";");
  });
  document.querySelector("[data-when=cannot]").hidden = true;
  form.hidden = false;
}
