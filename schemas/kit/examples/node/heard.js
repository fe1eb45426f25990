// What this system has heard: a journal of lines, and the one rule that makes duplicates harmless.
//
// A real system writes the id of an event and the work that it causes in one transaction of its database. Here the line
// of the journal is the work, and it is on the disk before anybody is told that we have it.

import { openSync, readFileSync, existsSync, writeSync, fsyncSync, closeSync, truncateSync } from 'node:fs'

export class Heard {
  #ids = new Set()
  #file

  constructor (path) {
    if (existsSync(path)) {
      const text = readFileSync(path, 'utf8')
      const whole = text.slice(0, text.lastIndexOf('\n') + 1)
      truncateSync(path, Buffer.byteLength(whole)) // a crash may have left half a line
      for (const line of whole.split('\n')) {
        if (line) this.#ids.add(JSON.parse(line).id)
      }
    }
    this.#file = openSync(path, 'a')
  }

  /** Do the work of an event, once. */
  take (event) {
    if (this.#ids.has(event.id)) return
    // YOUR WORK COMES HERE. Look at event.type and event.data; pass over types and fields that you do not know, and
    // expect that fields are left out.
    const line = JSON.stringify({ id: event.id, subject: event.subject, type: event.type }) + '\n'
    writeSync(this.#file, line)
    fsyncSync(this.#file)
    this.#ids.add(event.id)
    process.stdout.write(line)
  }

  close () {
    closeSync(this.#file)
  }
}
