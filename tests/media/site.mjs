/* site.mjs - opens the example site in Chromium as a viewer does, and writes down what came of it:
 *   node site.mjs '{"pages": [URL, …], "key": BASE64, "chromium": PATH, "out": FILE}'
 * "key": the SHA-256 of the public key that is trusted besides the system's authorities; none when empty. All hosts are
 * 127.0.0.1. Writes [REPORT, …] to "out", a report being {url, error} where the page did not open. */
import fs from 'node:fs'
import { chromium } from 'playwright-core'

const options = JSON.parse(process.argv[2])
const trust = options.key ? [`--ignore-certificate-errors-spki-list=${options.key}`] : []
const browser = await chromium.launch({
  executablePath: options.chromium,
  chromiumSandbox: false,     // which root may not use
  args: ['--disable-gpu', '--host-resolver-rules=MAP * 127.0.0.1', ...trust]
})
process.on('SIGTERM', async () => {
  await browser.close()
  process.exit(0)
})

async function visit (url) {
  const context = await browser.newContext()
  const page = await context.newPage()
  const errors = [], answers = []
  page.on('pageerror', error => errors.push(String(error)))
  page.on('requestfailed', request => errors.push(`${request.url()}: ${request.failure().errorText}`))
  page.on('response', answer => answers.push(answer))
  try {
    await page.goto(url, { timeout: 60000 })
  } catch (error) {
    await context.close()
    return { url, error: String(error) }
  }
  await page.waitForFunction(() => document.querySelectorAll('#files tr').length === 5 &&
    document.querySelectorAll('#nodes a').length > 0, null, { timeout: 60000 })
  await page.click('#download')
  await page.waitForFunction(() => /MB\/s|broke off/.test(document.getElementById('progress').textContent), null,
    { timeout: 120000 })
  const seen = await page.evaluate(() => ({
    title: document.title,
    secure: window.isSecureContext,
    picture: document.querySelector('img').naturalWidth,
    display: getComputedStyle(document.querySelector('.hero')).position,
    served: document.getElementById('served').textContent,
    words: [...document.querySelectorAll('#files .chip')].map(chip => chip.textContent),
    download: document.getElementById('progress').textContent
  }))
  const of = []
  for (const answer of answers) {
    const security = await answer.securityDetails()
    of.push({ url: answer.url(), status: answer.status(), version: security && security.protocol,
      subject: security && security.subjectName })
  }
  await context.close()
  return { url, errors, answers: of, ...seen }
}

try {
  const reports = []
  for (const url of options.pages) reports.push(await visit(url))
  fs.writeFileSync(options.out, JSON.stringify(reports))
} finally {
  await browser.close()
}
