/* client.mjs - runs http-cache-tests through one or more nodes, with the suite's own client:
 *   node client.mjs '{"origin": "127.0.0.1:PORT", "nodes": ["127.0.0.1:PORT", …], "host": NAME, "out": FILE}'
 * The requests of each test go to the nodes in turn, the first to the first, all with the same Host. What sets a test
 * up and asks how it went (/config, /state) is no part of it and goes straight to the suite's server.
 *   "ids": [ID, …]   only these tests; "dump": true   with all requests and answers on stdout, and what the origin saw
 * Writes {ID: {suite, kind, needs: [ID, …], result: true or [KIND, MESSAGE]}} to "out". */
import fs from 'node:fs'
import nodeFetch from 'node-fetch'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import { testUUIDs } from 'http-cache-tests/client/test.mjs'
import { getServerState } from 'http-cache-tests/client/utils.mjs'
import surrogate from 'http-cache-tests/tests/surrogate-control.mjs'
import suites from 'http-cache-tests/tests/index.mjs'

const TIMEOUT_MS = 30000    // an answer that takes this long is a failure, not a run without end
const options = JSON.parse(process.argv[2])
const asked = new Map()     // how many requests a test has made, by its path's first part (its UUID)

function addressOf (path) {
  const [, what, uuid] = path.split('/')
  if (what !== 'test') return options.origin
  const id = uuid.replace(/\?.*/, '')
  const turn = asked.get(id) ?? 0
  asked.set(id, turn + 1)
  return options.nodes[turn % options.nodes.length]
}

// One connection for each request, as the suite's own command line has it: none keeps to a node.
function fetch (path, init = {}) {
  const headers = [...(init.headers ?? []), ['Host', options.host]]
  return nodeFetch(`http://${addressOf(path)}${path}`, { ...init, headers, timeout: TIMEOUT_MS })
}

// The other side of a test: each request that reached the origin.
async function showOrigin (id) {
  const seen = await getServerState(testUUIDs[id])
  seen.forEach(({ request_num: number, request_method: method, request_headers: fields, response_headers: answered }, i) => {
    console.log(`=== Origin: request ${i + 1}, of the client's request ${number ?? 'unknown'}: ${method}`)
    for (const [name, value] of Object.entries(fields)) console.log(`    ${name}: ${value}`)
    console.log('--- answered, among others, with')
    for (const [name, value] of answered) console.log(`    ${name}: ${value}`)
    console.log('')
  })
  if (seen.length === 0) console.log('=== Origin: no request')
}

const chosen = [...suites, surrogate].map(suite => ({
  ...suite,
  tests: suite.tests.filter(test => !test.browser_only && (!options.ids || options.ids.includes(test.id)))
}))
if (options.dump) chosen.forEach(suite => suite.tests.forEach(test => { test.dump = true }))
await runTests(chosen, fetch, false, '')
const results = getResults()
if (options.dump) for (const id of Object.keys(results)) await showOrigin(id)
const found = {}
for (const suite of chosen) {
  for (const test of suite.tests) {
    found[test.id] = {
      suite: suite.id,
      kind: test.kind ?? 'required',
      needs: test.depends_on ?? [],
      result: results[test.id]
    }
  }
}
fs.writeFileSync(options.out, JSON.stringify(found))
