// The page in Home Assistant's frame, through Ingress: there is no sign-in, and everything
// can be set up.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { base, control, launch, open, signIn } from "./browser.mjs";

let browser, page, frame;
before(async () => {
  browser = await launch();
  page = await open(browser);
  await page.goto(base + "/");
  frame = await (await page.waitForSelector("iframe")).contentFrame();
});
after(() => browser.close());

test("it opens without a sign-in", async () => {
  await frame.getByRole("heading", { name: "Set it up" }).waitFor();
  assert.match(new URL(frame.url()).pathname, /^\/api\/hassio_ingress\/[^/]+\/$/);
  assert.equal(await frame.getByRole("button", { name: "Sign out" }).count(), 0);
  assert.equal(await frame.locator("input[type=password]").count(), 0);
});

test("pairing by address", async () => {
  await frame.getByRole("link", { name: "Pair with the Hue bridge" }).click();
  await frame.getByLabel("Or its address").fill(process.env.BRIDGE);
  await frame.getByRole("button", { name: "Pair", exact: true }).click();
  await frame.getByRole("heading", { name: "Press the round button on the Hue bridge now" }).waitFor();
  await control("/press");
  await frame.getByText("Paired with Hue bridge").waitFor();
});

test("the check passes without unused sources", async () => {
  await frame.getByRole("link", { name: "Check", exact: true }).click();
  await frame.getByRole("button", { name: "Check everything" }).click();
  await frame.getByText("1 device, 0 offline").waitFor();
  assert.equal(await frame.locator(".findings .fail").count(), 0);
  assert.equal(await frame.locator(".findings").getByText("amazon").count(), 0);
});

test("signing in to Amazon", async () => {
  await signIn(frame);
});

test("the broker is Home Assistant's", async () => {
  await frame.getByRole("link", { name: "MQTT", exact: true }).click();
  await frame.getByText("tcp://core-mosquitto:1883").first().waitFor();
  await frame.getByText("Connected", { exact: true }).waitFor();
  await frame.getByRole("button", { name: "Try", exact: true }).click();
  await frame.locator(".findings .pass").waitFor();
});

test("live values", async () => {
  await frame.getByRole("link", { name: "Overview" }).click();
  await frame.getByText("All is well.").waitFor();
  await frame.getByRole("heading", { name: "Living Room Air" }).waitFor();
  await frame.getByText("21.3").waitFor();
  await frame.evaluate(() => (document.body.dataset.mark = "same page"));
  await control("/warmer");
  await frame.getByText("23.5").waitFor();
  assert.equal(await frame.evaluate(() => document.body.dataset.mark), "same page");
});

test("the check", async () => {
  await frame.getByRole("link", { name: "Check", exact: true }).click();
  await frame.getByRole("button", { name: "Check everything" }).click();
  await frame.locator(".findings .pass").first().waitFor();
  await frame.getByText("allows the program to publish and subscribe").waitFor();
  assert.deepEqual(page.faults, []);
});
