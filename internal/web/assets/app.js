// Keeps the page fresh while somebody looks at it. All works without: forms are
// sent, links followed, and what is shown was made by the server.
"use strict";
(() => {
  const main = document.querySelector("main");
  const live = document.body.dataset.live;
  const offline = document.getElementById("offline");

  // Times in the browser's own words.
  function localize(root) {
    const today = new Date().toDateString();
    for (const element of root.querySelectorAll("time[datetime]")) {
      const at = new Date(element.dateTime);
      element.textContent = at.toDateString() === today ? at.toLocaleTimeString() : at.toLocaleString();
    }
    for (const element of root.querySelectorAll("[data-until]")) {
      element.textContent = Math.max(0, Math.ceil((new Date(element.dataset.until) - Date.now()) / 1000));
    }
  }

  // morph makes one tree like another and touches only what differs, so that focus,
  // selection, what was typed and how far something is scrolled stay.
  function morph(from, to) {
    let node = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      if (node && node.nodeType === wanted.nodeType && node.nodeName === wanted.nodeName && node.id === wanted.id) {
        if (node.nodeType === Node.ELEMENT_NODE) {
          for (const { name } of [...node.attributes]) {
            if (!wanted.hasAttribute(name)) node.removeAttribute(name);
          }
          for (const { name, value } of wanted.attributes) {
            if (node.getAttribute(name) !== value) node.setAttribute(name, value);
          }
          if (node.nodeName !== "TEXTAREA") morph(node, wanted);
        } else if (node.nodeValue !== wanted.nodeValue) {
          node.nodeValue = wanted.nodeValue;
        }
        node = node.nextSibling;
      } else {
        from.insertBefore(wanted, node);
      }
    }
    while (node) {
      const next = node.nextSibling;
      node.remove();
      node = next;
    }
  }

  function show(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    localize(template.content);
    const log = main.querySelector(".log");
    const atEnd = !log || log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    morph(main, template.content);
    if (atEnd) toEnd();
    tick();
  }

  function toEnd() {
    const log = main.querySelector(".log");
    if (log) log.scrollTop = log.scrollHeight;
  }

  // Counts down while there is something to count.
  let ticking;
  function tick() {
    const counting = main.querySelector("[data-until]");
    if (counting && !ticking) ticking = setInterval(() => localize(main), 1000);
    if (!counting && ticking) ticking = clearInterval(ticking);
  }

  // The server tells of changes as long as the page is seen.
  let stream;
  function look() {
    if (!live || stream || document.hidden) return;
    stream = new EventSource(live);
    stream.onmessage = (event) => {
      offline.hidden = true;
      show(JSON.parse(event.data));
    };
    stream.onerror = () => {
      offline.hidden = false;
      // Not all answers make the browser try again by itself.
      if (stream.readyState === EventSource.CLOSED) {
        away();
        setTimeout(again, 5000);
      }
    };
  }
  async function again() {
    try {
      const answer = await fetch(location.href);
      if (answer.redirected) return location.assign(answer.url); // to the sign-in
    } catch {
      // It is not there yet.
    }
    look();
  }
  function away() {
    if (stream) stream.close();
    stream = undefined;
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? away() : look()));
  addEventListener("pagehide", away);
  addEventListener("pageshow", look);

  // Forms of this very page are sent without loading it anew.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!live || !main.contains(form)) return;
    event.preventDefault();
    const buttons = [...form.querySelectorAll("button")];
    if (buttons.some((button) => button.ariaBusy === "true" || button.ariaDisabled === "true")) return;
    for (const button of buttons) button.ariaBusy = "true";
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const there = page.querySelector("main");
      if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
        location.assign(answer.url);
      } else if (there) {
        for (const typed of form.querySelectorAll("textarea, [type=password]")) typed.value = "";
        show(there.innerHTML);
        // The stream does not know what is shown now; a new one begins with all.
        away();
        look();
      } else {
        offline.hidden = false;
      }
    } catch {
      offline.hidden = false;
    } finally {
      for (const button of buttons) button.ariaBusy = null;
    }
  });

  localize(document);
  toEnd();
  tick();
  look();
  const send = document.querySelector("form[data-send]");
  if (send) send.requestSubmit();
})();
