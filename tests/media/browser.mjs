/* browser.mjs - opens pages in Chromium, lets them play, and writes down what they report:
 *   node browser.mjs '{"pages": [URL, …], "seconds": S, "start": S, "chromium": PATH, "out": FILE}'
 * Each page has a context of its own, so a cache of its own. All must have started within "start" seconds; then each
 * plays "seconds" more, or to its end. Writes [REPORT, …] (see player.html) to "out"; a page's log goes to stderr. */
import fs from 'node:fs'
import { chromium } from 'playwright-core'

const options = JSON.parse(process.argv[2])
const browser = await chromium.launch({
  executablePath: options.chromium,
  chromiumSandbox: false,     // which root may not use
  args: ['--disable-gpu', '--mute-audio', '--autoplay-policy=no-user-gesture-required',
    '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding']
})
process.on('SIGTERM', async () => {
  await browser.close()
  process.exit(0)
})

async function watch (url) {
  const context = await browser.newContext()
  const page = await context.newPage()
  page.on('console', line => console.error(`${url}: ${line.text()}`))
  page.on('crash', () => console.error(`${url}: crashed`))
  await page.goto(url, { timeout: options.start * 1000 })
  const started = await page.waitForFunction(() => window.report && window.report().started, null,
    { timeout: options.start * 1000, polling: 100 }).then(() => true, () => false)
  if (started) {
    await page.waitForFunction(seconds => {
      const report = window.report()
      return report.ended || report.now - report.started > seconds
    }, options.seconds, { timeout: (options.seconds + 60) * 1000, polling: 250 })
  }
  const report = await page.evaluate(() => window.report())
  await context.close()
  return { url, ...report }
}

try {
  const reports = await Promise.all(options.pages.map(watch))
  fs.writeFileSync(options.out, JSON.stringify(reports))
} finally {
  await browser.close()
}
