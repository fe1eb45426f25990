// Hears a sector's feed from Kafka: signs in, reads in order, does the work once, and only then says that it has it.
//
//   JOINTLY_BOOTSTRAP=broker:9093 JOINTLY_USERNAME=health-system JOINTLY_PASSWORD=… \
//   JOINTLY_TOPIC=health-feed JOINTLY_GROUP=health-warehouse node feed.js
//
// Stop it with Ctrl-C or SIGTERM, start it again, start three: nothing is lost, and nothing is done twice.

import { Consumer, MessagesStreamFallbackModes, MessagesStreamModes } from '@platformatic/kafka'
import { Heard } from './heard.js'

const { env } = process
const REFUSED = 3

const heard = new Heard(env.JOINTLY_STORE ?? 'heard.jsonl')
const consumer = new Consumer({
  clientId: env.JOINTLY_USERNAME,
  groupId: env.JOINTLY_GROUP,
  bootstrapBrokers: env.JOINTLY_BOOTSTRAP.split(','),
  sasl: { mechanism: 'SCRAM-SHA-512', username: env.JOINTLY_USERNAME, password: env.JOINTLY_PASSWORD },
  ...(env.JOINTLY_SECURITY === 'SASL_PLAINTEXT' ? {} : { tls: {} })
})

try {
  const stream = await consumer.consume({
    topics: [env.JOINTLY_TOPIC],
    mode: MessagesStreamModes.COMMITTED, // where we were,
    fallbackMode: MessagesStreamFallbackModes.EARLIEST, // and the first time: from the beginning of what is kept
    autocommit: false, // we say ourselves how far we are
    maxWaitTime: 500
  })
  for (const name of ['SIGTERM', 'SIGINT']) process.once(name, () => stream.close())
  // One after the other: everything of one case lies in one partition, in its order.
  for await (const message of stream) {
    heard.take(eventOf(message))
    // After the work, never before. If we die in between, the same comes again, and `Heard` knows it.
    await message.commit()
  }
} catch (error) {
  if (!notAuthorised(error)) throw error
  process.stderr.write('not-authorised: this principal may not read here\n')
  process.exitCode = REFUSED
} finally {
  heard.close()
  await consumer.close(true)
}

/** A record in binary mode: attributes are headers that begin with `ce_`, the value is the data. */
function eventOf (message) {
  const event = {}
  for (const [name, value] of message.headers) {
    if (String(name).startsWith('ce_')) event[String(name).slice(3)] = value.toString('utf8')
  }
  return { ...event, data: JSON.parse(message.value.toString('utf8')) }
}

/** The broker's answer may lie within the client's own errors. */
function notAuthorised (error) {
  if (/_AUTHORIZATION_FAILED$/.test(error?.apiId ?? '')) return true
  return [error?.cause, ...(error?.errors ?? [])].some(inner => inner && notAuthorised(inner))
}
