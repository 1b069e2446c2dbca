// Takes the screenshots of the documents.
import { join } from "node:path";
import { base, control, launch, open, pair, phone, signIn } from "./browser.mjs";

const browser = await launch();
const shoot = (page, name) => page.screenshot({ path: join(process.env.FOLDER, `web-${name}.png`), fullPage: true });

// The overview in the evening of a day, light and dark.
for (const [name, options] of [["overview", {}], ["overview-dark", { colorScheme: "dark" }]]) {
  const page = await open(browser, { ...options, viewport: { width: 1080, height: 600 } });
  await page.goto(process.env.DAY + "/");
  await page.getByText("All is well.").waitFor();
  await shoot(page, name);
}

// The set-up, and a problem, on a phone.
const page = await open(browser, { ...phone, deviceScaleFactor: 2 });
await page.goto(base + "/");
await pair(page, async () => {
  await page.waitForFunction(() => Number(document.querySelector("[data-until]").textContent) < 28);
  await shoot(page, "pairing");
});
await signIn(page);
await control("/cellar/off");
await control("/revoke");
await page.getByRole("link", { name: "Overview" }).click();
await page.getByRole("heading", { name: "No access to Amazon" }).waitFor();
await page.getByRole("heading", { name: "Cellar can't be reached" }).waitFor();
await page.screenshot({ path: join(process.env.FOLDER, "web-problem.png") });
await browser.close();
