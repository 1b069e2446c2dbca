// Keeps an open page up to date. The page works without this script: the server makes
// all of its content.
"use strict";
(() => {
  const main = document.querySelector("main");
  const live = document.body.dataset.live;
  const offline = document.getElementById("offline");

  // Shows times by the browser's clock and language.
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

  // morph makes one tree equal to another and changes only what differs, so that focus,
  // selection, typed text and scroll positions stay.
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

  // Updates the countdown while there is one.
  let ticking;
  function tick() {
    const counting = main.querySelector("[data-until]");
    if (counting && !ticking) ticking = setInterval(() => localize(main), 1000);
    if (!counting && ticking) ticking = clearInterval(ticking);
  }

  // Reads the live stream while the page is visible.
  let stream;
  function connect() {
    if (!live || stream || document.hidden) return;
    stream = new EventSource(live);
    stream.onmessage = (event) => {
      offline.hidden = true;
      show(JSON.parse(event.data));
    };
    stream.onerror = () => {
      offline.hidden = false;
      // The browser does not reconnect by itself after an error status.
      if (stream.readyState === EventSource.CLOSED) {
        disconnect();
        setTimeout(reconnect, 5000);
      }
    };
  }
  async function reconnect() {
    try {
      const response = await fetch(location.href);
      if (response.redirected) return location.assign(response.url); // to the sign-in page
    } catch {
      // The server is still away.
    }
    connect();
  }
  function disconnect() {
    if (stream) stream.close();
    stream = undefined;
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", connect);

  // Sends the forms of this page without loading it again.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!live || !main.contains(form)) return;
    event.preventDefault();
    const buttons = [...form.querySelectorAll("button")];
    if (buttons.some((button) => button.ariaBusy === "true" || button.ariaDisabled === "true")) return;
    for (const button of buttons) button.ariaBusy = "true";
    try {
      const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const content = page.querySelector("main");
      if (response.redirected && new URL(response.url).pathname !== location.pathname) {
        location.assign(response.url);
      } else if (content) {
        for (const typed of form.querySelectorAll("textarea, [type=password]")) typed.value = "";
        show(content.innerHTML);
        // A new stream begins with the whole page, in case this response was late.
        disconnect();
        connect();
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
  connect();
  const send = document.querySelector("form[data-send]");
  if (send) send.requestSubmit();
})();
