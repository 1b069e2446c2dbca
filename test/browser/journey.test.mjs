// From an empty state directory through both set-ups to live values, and later failures.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { accessible, base, control, launch, narrow, open, pages, pair, phone, signIn } from "./browser.mjs";

let browser, page;
before(async () => {
  browser = await launch();
  page = await open(browser);
});
after(() => browser.close());

const card = (name) => page.locator("article").filter({ has: page.getByRole("heading", { name, exact: true }) });

test("the overview shows what is not set up", async () => {
  await page.goto(base + "/");
  await page.getByRole("heading", { name: "No Hue bridge is configured or paired" }).waitFor();
  await page.getByRole("heading", { name: "No access to Amazon" }).waitFor();
  await accessible(page, "overview with problems");
});

test("pairing with the Hue bridge", async () => {
  await pair(page, async () => {
    const left = async () => Number(await page.locator("[data-until]").textContent());
    const first = await left();
    assert.ok(first > 20 && first <= 30, `${first} s left`);
    await page.waitForFunction((first) => Number(document.querySelector("[data-until]").textContent) < first, first);
    await accessible(page, "countdown");
  });
  await page.getByRole("row", { name: /Hall.*21\.3/ }).waitFor();
});

test("signing in to Amazon, with a wrong address first", async () => {
  await page.getByRole("link", { name: "Amazon", exact: true }).click();
  await page.getByRole("button", { name: "Begin the sign-in" }).click();
  await page.getByLabel("Paste it here").fill("what now?");
  await page.getByRole("button", { name: "Finish" }).click();
  await page.getByText("That is not an address").waitFor();
  await accessible(page, "a wrong address");
  await signIn(page);
  await page.getByRole("row", { name: /Living Room Air.*PM2\.5 6/ }).waitFor();
});

test("live values, without loading the page again", async () => {
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByText("All is well.").waitFor();
  await page.getByRole("heading", { name: "Living Room Air" }).waitFor();
  await card("Cellar").getByText("14.0").waitFor();
  await page.evaluate(() => (document.body.dataset.mark = "same page"));
  await control("/cellar/off");
  await page.getByRole("heading", { name: "Cellar can't be reached" }).waitFor();
  await card("Cellar").getByText("unavailable").waitFor();
  await control("/cellar/on");
  await card("Cellar").getByText("14.0").waitFor();
  await page.getByText("All is well.").waitFor();
  assert.equal(await page.evaluate(() => document.body.dataset.mark), "same page");
});

test("a new sign-in after Amazon revoked the first", async () => {
  await control("/revoke");
  const problem = page.locator("section").filter({ has: page.getByRole("heading", { name: "No access to Amazon" }) });
  await problem.waitFor();
  await problem.getByRole("button", { name: "Acknowledge" }).click();
  await problem.getByText("acknowledged").waitFor();
  await problem.getByRole("link", { name: "Sign in to Amazon" }).click();
  await signIn(page);
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByText("All is well.").waitFor();
});

test("the broker stops and starts again", async () => {
  await control("/broker/off");
  await page.getByRole("heading", { name: "There is no connection to the MQTT broker" }).waitFor();
  await page.getByRole("link", { name: "Try the broker" }).click();
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.locator(".findings .fail").waitFor();
  await accessible(page, "a broker that is away");
  await control("/broker/on");
  await page.getByText("Connected", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.locator(".findings .pass").waitFor();
});

test("the check, by keyboard alone", async () => {
  await page.goto(base + "/");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  for (let i = 0; i < 60 && (await page.evaluate(() => document.activeElement.textContent)) !== "Check"; i++) {
    await page.keyboard.press("Shift+Tab");
  }
  await page.keyboard.press("Enter");
  await page.waitForURL(base + "/check");
  for (let i = 0; i < 60 && (await page.evaluate(() => document.activeElement.textContent)) !== "Check everything"; i++) {
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await page.locator(".findings .pass").first().waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Check everything", "the focus stays where it was");
});

test("a late response is replaced by a newer page", async () => {
  await page.goto(base + "/hue");
  await page.getByRole("button", { name: /^Pair with/ }).waitFor();
  // The response arrives after the state that it shows has changed.
  await page.route("**/hue/find", async (route) => {
    const response = await route.fetch();
    const late = (await response.text()).replace("Look for Hue bridges", "Looking …");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await route.fulfill({ response, body: late });
  });
  const answered = page.waitForResponse("**/hue/find");
  await page.getByRole("button", { name: "Look for Hue bridges" }).click();
  await answered;
  await page.unroute("**/hue/find");
  await page.waitForFunction(() => !document.querySelector("[aria-busy]"));
  await page.getByRole("button", { name: "Look for Hue bridges" }).waitFor({ timeout: 10_000 });
});

test("updates keep the text that the user is typing", async () => {
  await page.goto(base + "/hue");
  await page.getByLabel(/Or its address/).fill("192.168.");
  await control("/cellar/off");
  await page.getByRole("row", { name: /Cellar unavailable/ }).waitFor();
  assert.equal(await page.getByLabel(/Or its address/).inputValue(), "192.168.");
  assert.equal(await page.evaluate(() => document.activeElement.id), "host");
  await control("/cellar/on");
});

for (const [name, options] of Object.entries({ light: {}, dark: { colorScheme: "dark" }, phone, "phone in the dark": { ...phone, colorScheme: "dark" } })) {
  test(`every page, ${name}`, async () => {
    const other = await open(browser, options);
    for (const [path, title] of pages) {
      await other.goto(base + path);
      await other.getByRole("heading", { name: title, level: 1 }).waitFor();
      await accessible(other, `${title}, ${name}`);
      await narrow(other, `${title}, ${name}`);
    }
    assert.deepEqual(other.faults, []);
    await other.context().close();
  });
}

test("without JavaScript", async () => {
  const plain = await open(browser, { javaScriptEnabled: false });
  await plain.goto(base + "/");
  await plain.getByText("All is well.").waitFor();
  await plain.getByRole("button", { name: /^Poll now: Amazon/ }).click();
  await plain.getByRole("heading", { name: "Overview" }).waitFor();
  await plain.goto(base + "/check");
  await plain.getByRole("button", { name: "Check everything" }).click();
  await plain.locator(".findings .pass").first().waitFor(); // the page reloads by itself
  await plain.context().close();
});

test("a form of another site is refused", async () => {
  const context = await browser.newContext();
  const other = await context.newPage();
  await other.setContent(`<form method="post" action="${base}/refresh"><input name="source" value="amazon"><button>Send</button></form>`);
  const [response] = await Promise.all([other.waitForResponse("**/refresh"), other.getByRole("button").click()]);
  assert.equal(response.status(), 403);
  await other.getByText("Another site sent this form.").waitFor();
  await context.close();
});

test("the page had no faults", () => {
  assert.deepEqual(page.faults, []);
});
