// Looks at pages of the dashboard in Chromium: with axe-core, at two widths, light and dark; by keyboard; and logs in.
// Arguments: node_modules, the address, the token, a JSON list of paths, and a folder for screenshots or "".
// Prints a JSON list of what is wrong.
const [modules, base, token, paths, shots] = process.argv.slice(2);
const { chromium } = require(`${modules}/playwright-core`);
const axe = require("fs").readFileSync(`${modules}/axe-core/axe.min.js`, "utf8");

const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

async function main() {
  const faults = [];
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: quiet });
  const open = async (options) => {
    const page = await (await browser.newContext(options)).newPage();
    page.on("console", (message) => {
      // The answer to a page that is not there is said in the console, too.
      if (message.type() === "error" && !message.text().includes("status of 4")) faults.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(base) && !request.url().startsWith("data:")) faults.push(`asks ${request.url()}`);
    });
    return page;
  };
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 1440]) {
      const page = await open({ viewport: { width, height: 900 }, colorScheme });
      const look = async (name) => {
        const where = `${name} ${width} ${colorScheme}`;
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (over > 0) faults.push(`${where}: is ${over} pixels too wide`);
        if (shots) {
          await page.screenshot({ path: `${shots}/${name.replace(/[^a-z0-9]+/gi, "-")}-${width}-${colorScheme}.png`, fullPage: true });
        }
        await page.evaluate(axe);
        const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
        for (const fault of found.violations) faults.push(`${where}: ${fault.id}: ${fault.nodes[0].html.slice(0, 200)}`);
      };
      for (const path of JSON.parse(paths)) {
        await page.goto(base + path);
        await look(path);
      }
      await page.goto(`${base}/login`);
      await page.fill("#token", "wrong");
      await page.click("main button");
      await look("wrong token");
      await page.fill("#token", token);
      await page.click("main button");
      await page.goto(`${base}${JSON.parse(paths).find((path) => path.startsWith("/cause/"))}`);
      await look("cause as operator");
      await page.selectOption("#verdict", "fix");
      await page.fill("#detail", "1234abcd");
      await page.click("main form.stack button");
      if (!(await page.textContent("main")).includes("it is fixed by 1234abcd")) faults.push("the verdict is not shown");
      await page.goto(`${base}/outbox`);
      await look("outbox");
      await page.click("footer button");
      if ((await page.textContent("footer")).includes("Logged in")) faults.push("still logged in");
    }
  }
  // Without JavaScript, by keyboard.
  const page = await open({ viewport: { width: 1000, height: 800 }, javaScriptEnabled: false });
  await page.goto(base);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  if (!page.url().endsWith("#main")) faults.push("the first stop of the keyboard is not the way to the content");
  await page.fill("#q", "valve");
  await page.keyboard.press("Enter");
  await page.waitForURL(/search\?q=valve/);
  if (!(await page.textContent("h1")).includes("valve")) faults.push("the search did not work");
  await browser.close();
  console.log(JSON.stringify(faults));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
