// Makes the pictures of the README anew.
import { join } from "node:path";
import { base, house, launch, open, pair, phone, signIn } from "./browser.mjs";

const browser = await launch();
const shoot = async (page, name, options) => page.screenshot({ path: join(process.env.FOLDER, name + ".png"), ...options });
const page = await open(browser, { viewport: { width: 1080, height: 800 } });
await page.goto(base + "/");
await pair(page, () => shoot(page, "web-pairing"));
await signIn(page);
await page.getByRole("link", { name: "Overview" }).click();
await page.getByText("All is well.").waitFor();
await page.getByRole("heading", { name: "Living Room Air" }).waitFor();
await shoot(page, "web-overview", { fullPage: true });
await page.emulateMedia({ colorScheme: "dark" });
await shoot(page, "web-overview-dark", { fullPage: true });
await page.emulateMedia({ colorScheme: "light" });
for (const [path, button, done, name] of [
  ["/check", "Check everything", ".findings li", "web-check"],
  ["/mqtt", "Try", ".findings li", "web-mqtt"],
]) {
  await page.goto(base + path);
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.locator(done).first().waitFor();
  await shoot(page, name, { fullPage: true });
}
await page.goto(base + "/log");
await shoot(page, "web-log");
await house("/cellar/off");
await house("/revoke");
const small = await open(browser, { ...phone, deviceScaleFactor: 2 });
await small.goto(base + "/");
await small.getByRole("heading", { name: "Amazon does not let hueair2mqtt in" }).waitFor();
await small.getByRole("heading", { name: "Cellar can't be reached" }).waitFor();
await shoot(small, "web-phone");
await small.goto(base + "/amazon");
await small.getByRole("button", { name: "Begin the sign-in" }).click();
await small.getByLabel("Paste it here").waitFor();
await shoot(small, "web-amazon", { fullPage: true });
await browser.close();
