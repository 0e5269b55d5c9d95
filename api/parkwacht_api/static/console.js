// Keys of the review pages; everything also works without this file.
"use strict";

const links = [...document.querySelectorAll(".events a.cover, .incidents a.row")];

function isTyping(target) {
  return target.closest("input:not([type=radio]), select, textarea, video") !== null;
}

function choose(value) {
  const radio = document.querySelector(`#judge input[value="${value}"]`);
  if (radio === null) return;
  radio.checked = true;
  const next = value === "dismissed" ? "select[name=cause]" : "input[name=reason]";
  document.querySelector(`#judge ${next}`).focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const at = links.indexOf(document.activeElement);
  const actions = {
    v: () => choose("verified"),
    d: () => choose("dismissed"),
    u: () => choose("unclear"),
    j: () => links[Math.min(at + 1, links.length - 1)]?.focus(),
    k: () => links[Math.max(at - 1, 0)]?.focus(),
  };
  const action = actions[event.key.toLowerCase()];
  if (action) {
    event.preventDefault();
    action();
  }
});
