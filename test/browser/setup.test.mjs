// The page of "hueair2mqtt setup", beginning with its link.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { accessible, launch, open, pair, signIn } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test("the link opens the page, once", async () => {
  const page = await open(browser);
  await page.goto(process.env.PAGE);
  await page.getByRole("heading", { name: "Set it up" }).waitFor();
  await accessible(page, "set-up");
  await pair(page);
  await signIn(page);
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByRole("heading", { name: "Living Room Air" }).waitFor();
  await page.getByText("enabled: true").first().waitFor();
  await accessible(page, "set up");
  assert.deepEqual(page.faults, []);

  const other = await open(browser);
  await other.goto(process.env.PAGE);
  await other.getByText("The code is wrong or was used before").waitFor();
  await accessible(other, "a link that was used");
});
