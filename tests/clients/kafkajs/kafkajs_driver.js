// SPDX-License-Identifier: Apache-2.0

// kafkajs behind the contract of tests/clients/README.md.
'use strict'

const fs = require('fs')
const crypto = require('crypto')
const readline = require('readline')
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs')
const lz4 = require('lz4-napi')
const zstd = require('@bokuweb/zstd-wasm')

const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

// Frames from a streaming encoder do not say how large their content is.
const ZSTD_CONTENT_BYTES_MAX = 64 << 20

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => lz4.compressFrame(encoder.buffer),
  decompress: async buffer => lz4.decompressFrame(buffer),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstd.compress(encoder.buffer, 3)),
  decompress: async buffer => Buffer.from(zstd.decompress(buffer, { defaultHeapSize: ZSTD_CONTENT_BYTES_MAX })),
})

// A group's coordinator that is still coming up: loading, not available, not the coordinator yet.
const STARTING = new Set([14, 15, 16])

const causeOf = error => (error.cause && error.code === undefined ? causeOf(error.cause) : error)

class Job {
  constructor(number, fields) {
    this.number = number
    this.fields = fields
    this.client = fields.client || {}
    this.timeoutMs = fields.timeout_ms || 20000
    this.exit = 0
  }

  answer(fields) {
    process.stdout.write(JSON.stringify({ job: this.number, ...fields }) + '\n')
  }

  fail(error, fields = {}) {
    const cause = causeOf(error)
    this.exit = 3
    this.answer({
      error: cause.type || cause.name,
      code: typeof cause.code === 'number' ? cause.code : -1,
      message: `${cause.name}: ${cause.message}`,
      ...fields,
    })
  }

  kafka() {
    return new Kafka({
      brokers: this.fields.bootstrap.split(','),
      clientId: this.client.id || 'test-kafkajs',
      logLevel: logLevel.NOTHING,
      ssl: /ssl$/.test(this.client.security || '') ? this.tls() : undefined,
      sasl: this.client.mechanism ? this.sasl() : undefined,
      connectionTimeout: 5000,
      requestTimeout: Math.min(this.timeoutMs, 30000),
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 5, restartOnFailure: async error => STARTING.has(causeOf(error).code) },
    })
  }

  tls() {
    const read = name => (this.client[name] ? fs.readFileSync(this.client[name]) : undefined)
    const settings = { ca: read('ca'), cert: read('certificate'), key: read('key') }
    if (this.client.verify_hostname === false) settings.checkServerIdentity = () => undefined
    return settings
  }

  sasl() {
    const { username, password } = this.client
    const mechanism = this.client.mechanism.toLowerCase()
    if (mechanism !== 'oauthbearer') return { mechanism, username, password }
    return { mechanism, oauthBearerProvider: async () => ({ value: unsecuredToken(username) }) }
  }
}

// A JSON web token without a signature, as Kafka's unsecured validator takes it.
function unsecuredToken(user) {
  const now = Math.floor(Date.now() / 1000)
  const encode = part => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encode({ alg: 'none' })}.${encode({ sub: user, iat: now, exp: now + 3600 })}.`
}

const decode = text => (text == null ? null : Buffer.from(text, 'base64'))
const encode = bytes => (bytes == null ? null : bytes.toString('base64'))

/* Producing */

async function produce(job) {
  const { fields } = job
  const placed = new WeakMap()
  const producer = job.kafka().producer({
    allowAutoTopicCreation: false,
    idempotent: fields.idempotent || Boolean(fields.transactional_id),
    transactionalId: fields.transactional_id || undefined,
    maxInFlightRequests: fields.transactional_id || fields.idempotent ? 1 : undefined,
    createPartitioner: () => request => {
      const chosen = partition(request)
      placed.set(request.message, chosen)
      return chosen
    },
  })
  await producer.connect()
  try {
    if (!fields.transactions) await send(job, producer, placed, fields.records || [], 0)
    else await transact(job, producer, placed)
  } finally {
    await producer.disconnect()
  }
}

// Keeps the partition that a job asks for, and else goes by the key.
function partition({ partitionMetadata, message }) {
  if (message.partition != null) return message.partition
  const hash = message.key ? crypto.createHash('md5').update(message.key).digest() : crypto.randomBytes(4)
  return hash.readUInt32BE(0) % partitionMetadata.length
}

async function transact(job, producer, placed) {
  let index = 0
  for (const { commit, records } of job.fields.transactions) {
    const transaction = await producer.transaction()
    index = await send(job, transaction, placed, records, index)
    if (commit) await transaction.commit()
    else await transaction.abort()
  }
}

async function send(job, sender, placed, records, index) {
  const step = job.fields.batch_records || records.length || 1
  for (let at = 0; at < records.length; at += step) {
    await sendBatch(job, sender, placed, records.slice(at, at + step), index + at)
  }
  return index + records.length
}

async function sendBatch(job, sender, placed, records, index) {
  const { topic, acks, compression } = job.fields
  const messages = records.map(message)
  try {
    const answers = await sender.send({
      topic,
      messages,
      acks: acks === undefined || acks === null || acks === 'all' ? -1 : Number(acks),
      timeout: Math.min(job.timeoutMs, 30000),
      compression: CODECS[compression || 'none'],
    })
    const next = new Map(answers.map(answer => [answer.partition, Number(answer.baseOffset)]))
    messages.forEach((sent, i) => {
      const at = placed.get(sent)
      const offset = next.has(at) ? next.get(at) : -1
      if (offset >= 0) next.set(at, offset + 1)
      job.answer({ index: index + i, partition: at, offset })
    })
  } catch (error) {
    messages.forEach((_, i) => job.fail(error, { index: index + i }))
  }
}

function message(record) {
  const headers = {}
  for (const [name, text] of record.headers || []) {
    if (!(name in headers)) headers[name] = []
    headers[name].push(decode(text))
  }
  return {
    key: decode(record.key),
    value: decode(record.value),
    headers,
    timestamp: record.timestamp == null ? undefined : String(record.timestamp),
    partition: record.partition == null ? undefined : record.partition,
  }
}

/* Consuming */

async function consume(job) {
  const { fields } = job
  const kafka = job.kafka()
  // This client reads only in groups, so that without one it gets a group of its own.
  const group = fields.group || `alone-${crypto.randomUUID()}`
  const offsets = fields.group ? null : await positions(job, kafka)
  const consumer = kafka.consumer({
    groupId: group,
    allowAutoTopicCreation: false,
    readUncommitted: fields.isolation !== 'read_committed',
    sessionTimeout: 30000,
    heartbeatInterval: 1000,
    maxWaitTimeInMs: fields.max_wait_ms || 200,
    minBytes: fields.fetch_min_bytes,
    maxBytes: fields.fetch_max_bytes,
    maxBytesPerPartition: fields.partition_max_bytes,
  })
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: [fields.topic], fromBeginning: (fields.start || 'earliest') !== 'latest' })
    await follow(job, consumer, offsets)
  } finally {
    await consumer.disconnect()
  }
}

// Where reading starts in each partition; null leaves it to the group.
async function positions(job, kafka) {
  const { start = 'earliest', topic } = job.fields
  if (start === 'earliest' || start === null) return null
  if (typeof start === 'object') return new Map(Object.entries(start).map(([p, offset]) => [Number(p), String(offset)]))
  const admin = kafka.admin()
  await admin.connect()
  try {
    const found =
      typeof start === 'number' ? await admin.fetchTopicOffsetsByTimestamp(topic, start) : await admin.fetchTopicOffsets(topic)
    return new Map(found.map(({ partition, offset }) => [partition, offset]))
  } finally {
    await admin.disconnect()
  }
}

async function follow(job, consumer, offsets) {
  const { topic } = job.fields
  const next = new Map()
  const progress = new Progress(job)
  const ended = new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error))
    // The seek has to come between the join and the first fetch.
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const [at, offset] of offsets || []) consumer.seek({ topic, partition: at, offset })
    })
    let ready = false
    consumer.on(consumer.events.FETCH, () => {
      if (!ready) job.answer({ ready: true })
      ready = true
    })
    progress.whenEnough(resolve)
  })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      if (offsets && job.fields.start !== 'latest' && !offsets.has(batch.partition)) return
      for (const record of batch.messages) printRecord(job, batch.partition, record)
      if (batch.messages.length) next.set(batch.partition, Number(batch.lastOffset()) + 1)
      progress.took(batch.messages.length)
      if (progress.mustSeek()) consumer.seek({ topic, partition: 0, offset: String(job.fields.seek.to) })
    },
  })
  try {
    await ended
  } finally {
    progress.close()
  }
  if (job.fields.group && job.fields.commit !== false && !job.exit) {
    await consumer.commitOffsets([...next].map(([at, offset]) => ({ topic, partition: at, offset: String(offset) })))
  }
}

// Says when a consumer may stop: enough records, silence after the last one, or no time left.
class Progress {
  constructor(job) {
    this.job = job
    this.records = 0
    this.start = this.last = Date.now()
  }

  took(records) {
    this.records += records
    if (records) this.last = Date.now()
    if (this.done && this.enough()) this.done()
  }

  // Once, when as many records have come as the job says.
  mustSeek() {
    const { seek } = this.job.fields
    if (this.sought || !seek || this.records < seek.after) return false
    this.sought = true
    return true
  }

  enough() {
    const { count, idle_ms: idle = 1500 } = this.job.fields
    if (count != null) return this.records >= count
    return this.records > 0 && Date.now() - this.last > idle
  }

  whenEnough(done) {
    this.done = done
    this.timer = setInterval(() => {
      if (this.enough()) return done()
      if (Date.now() - this.start < this.job.timeoutMs || this.job.exit) return
      this.job.exit = 3
      this.job.answer({ error: 'TIMEOUT', code: -1, message: `${this.records} records before the time ran out` })
      done()
    }, 50)
  }

  close() {
    clearInterval(this.timer)
  }
}

function printRecord(job, partition, record) {
  const headers = []
  for (const [name, values] of Object.entries(record.headers || {})) {
    for (const value of Array.isArray(values) ? values : [values]) headers.push([name, encode(value)])
  }
  job.answer({
    partition,
    offset: Number(record.offset),
    timestamp: Number(record.timestamp),
    timestamp_type: 'unknown',
    key: encode(record.key),
    value: encode(record.value),
    headers,
  })
}

/* The command line */

async function run(verb, request) {
  let worst = 0
  const jobs = request.jobs || [request]
  for (let number = 0; number < jobs.length; number++) {
    const job = new Job(number, jobs[number])
    try {
      await { produce, consume }[verb](job)
    } catch (error) {
      job.fail(error)
    }
    job.answer({ exit: job.exit })
    worst = Math.max(worst, job.exit)
  }
  return worst
}

async function main() {
  const verb = process.argv[2]
  if (process.argv.length !== 3 || !['produce', 'consume', 'serve'].includes(verb)) {
    process.stderr.write('usage: kafkajs produce|consume|serve < jobs.json\n')
    process.exit(2)
  }
  await zstd.init()
  if (verb !== 'serve') {
    process.exitCode = await run(verb, JSON.parse(fs.readFileSync(0, 'utf8')))
    return
  }
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line)
    const exit = await run(request.verb, request)
    process.stdout.write(JSON.stringify({ done: exit }) + '\n')
  }
  process.exit(0)
}

main()
