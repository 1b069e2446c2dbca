// Helpers for tests of the page in Debian's Chromium.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import axe from "axe-core";

export const base = process.env.PAGE.replace(/\/$/, "");

// launch starts the browser. CI may run it as root. It connects to this machine only.
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });

// control changes something in the home of the tests.
export async function control(path, body) {
  const answer = await fetch(process.env.CONTROLS + path, { method: "POST", body });
  const text = await answer.text();
  assert.ok(answer.ok, text);
  return text;
}

// open opens a page that records faults: errors of its script, violations of its policy,
// and requests to other origins.
export async function open(browser, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") page.faults.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(base).origin)) page.faults.push("loads " + request.url());
  });
  return page;
}

// accessible asserts that axe finds no violation on the page.
export async function accessible(page, what) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const found = violations.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.map((n) => n.html + "\n  " + n.failureSummary).join("\n  ")}`);
  assert.deepEqual(found, [], what);
}

// narrow asserts that the page does not scroll sideways on a phone.
export async function narrow(page, what) {
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= seen, `${what} is ${wide} wide, seen are ${seen}`);
}

export const pages = [
  ["/", "Overview"],
  ["/hue", "Philips Hue"],
  ["/amazon", "Amazon"],
  ["/mqtt", "MQTT and Home Assistant"],
  ["/check", "Check"],
  ["/log", "Log"],
];

export const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

// pair and signIn go through the two set-ups as a user does.
export async function pair(page, pressed = async () => {}) {
  await page.getByRole("link", { name: "Philips Hue", exact: true }).click();
  await page.getByRole("button", { name: "Look for Hue bridges" }).click();
  await page.getByRole("button", { name: /^Pair with/ }).click();
  await page.getByRole("heading", { name: "Press the round button on the Hue bridge now" }).waitFor();
  await pressed();
  await control("/press");
  await page.getByText("Paired with Hue bridge").waitFor();
}

export async function signIn(page) {
  await page.getByRole("link", { name: "Amazon", exact: true }).click();
  const link = page.getByRole("link", { name: "Open Amazon’s sign-in page" });
  await page.getByRole("heading", { level: 1, name: "Amazon" }).waitFor();
  const before = (await link.count()) ? await link.getAttribute("href") : null;
  await page.getByRole("button", { name: "Begin the sign-in" }).click();
  await page.waitForFunction((before) => (document.getElementById("open")?.href ?? before) !== before, before);
  const address = await link.getAttribute("href");
  assert.match(address, /^https:\/\/www\.amazon\.com\/ap\/signin\?/);
  const landing = await control("/consent", address);
  await page.getByLabel("Paste it here").fill(landing);
  await page.getByRole("button", { name: "Finish" }).click();
  await page.getByText("hueair2mqtt renews the sign-in by itself").waitFor();
  assert.equal(await page.getByLabel("Paste it here").count(), 0, "the form is gone");
}
