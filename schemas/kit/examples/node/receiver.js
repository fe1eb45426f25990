// Receives webhooks: verifies, does the work once, answers.
//
//   JOINTLY_WEBHOOK_SECRET=whsec_… node receiver.js       then: jointly-kit check-receiver http://127.0.0.1:8787/hook

import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { Heard } from './heard.js'

const LARGEST = 1024 * 1024
const webhook = new Webhook(process.env.JOINTLY_WEBHOOK_SECRET)
const heard = new Heard(process.env.JOINTLY_STORE ?? 'heard.jsonl')

const server = createServer(async (request, response) => {
  // 2xx says: I have it. Anything else, or no answer within 20 seconds, and it comes again, for 75 hours.
  const answer = status => response.writeHead(status).end()
  try {
    if (request.method !== 'POST' || request.url !== '/hook') return answer(404)
    const chunks = []
    let size = 0
    for await (const chunk of request) {
      size += chunk.length
      if (size > LARGEST) return answer(413)
      chunks.push(chunk)
    }
    // The bytes as they came: parsed and written anew, they would be others, and no signature would fit.
    const body = Buffer.concat(chunks)
    try {
      // Checks the signature, and that the timestamp is not more than five minutes away from now. First of all:
      // until this is done, nothing in the request may be believed, not even the id.
      webhook.verify(body, request.headers)
    } catch {
      return answer(401)
    }
    // New or not: we have it now. A duplicate is no error.
    heard.take(JSON.parse(body.toString('utf8')))
    answer(204)
  } catch (error) {
    process.stderr.write(`${error.stack}\n`)
    if (!response.headersSent) answer(500)
  }
})

server.listen(Number(process.env.PORT ?? 8787), '127.0.0.1')
for (const name of ['SIGTERM', 'SIGINT']) {
  process.once(name, () => { server.close(() => heard.close()); server.closeAllConnections() })
}
