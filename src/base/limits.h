/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit, with its reason.  What a peer can send, grow or repeat has a
 * limit here; what an operator may set has its default and its bounds here.
 */
#ifndef SIGNET_BASE_LIMITS_H
#define SIGNET_BASE_LIMITS_H

enum {
    /* Frames.  The default is the broker's own socket.request.max.bytes. */
    FRAME_BYTES_DEFAULT = 100 * 1024 * 1024,
    FRAME_BYTES_MAX = 1024 * 1024 * 1024,

    /* Scratch for edits is cut from blocks of this size. */
    SCRATCH_BLOCK_BYTES = 2048,

    /*
     * Blocks from this size on are kept for a second or two when they are
     * released, so much for each worker and so much for the process, besides
     * the memory of frames.
     */
    KEPT_BLOCK_BYTES_MIN = 64 * 1024,
    KEPT_BYTES_MAX = 4 * 1024 * 1024,
    KEPT_BYTES_PROCESS_MAX = 32 * 1024 * 1024,

    /* A budget with no more than this in use counts as idle, so that one frame larger than the limit is let through alone. */
    BUDGET_IDLE_BYTES = 1024 * 1024,

    /* Kafka's own: a topic name has at most 249 characters (Topic.java). */
    TOPIC_NAME_BYTES_MAX = 249,
    /* Cluster ids are 22 characters of base64; the room is for other brokers. */
    CLUSTER_ID_BYTES_MAX = 64,
    PRINCIPAL_BYTES_MAX = 255,

    /* Recipients of one data key: 88 bytes each in every envelope. */
    RECIPIENTS_MAX = 64,
    /* Acknowledged predecessors in one envelope: 24 bytes each. */
    PREDECESSORS_MAX = 32,
    /* What a reader remembers of a partition: 32 and 48 bytes each, grown as needed. */
    FOLLOW_BATCHES_MAX = 64,
    FOLLOW_STREAMS_MAX = 64,
    OPEN_TRANSACTIONS_MAX = 256,
    /* Batches of one partition in one response; what is beyond is left for the next fetch. */
    BATCHES_PER_RESPONSE_MAX = 16384,
    /* Decompressed outer batches held at once; what is beyond is left for the next fetch.  One batch alone may take more. */
    DECOMPRESSED_BYTES_MAX = 64 * 1024 * 1024,
    /* Pages of 16 batches of one response whose digests are computed while it comes; what is beyond is computed when it is opened. */
    AHEAD_PAGES_MAX = 256,
    /* Responses from this size on are looked at while they come, whenever so much more of them has come. */
    LOOK_AHEAD_BYTES_MIN = 128 * 1024,
    LOOK_AHEAD_STEP_BYTES = 64 * 1024,
    /* For smaller batches handing over costs more than it saves. */
    CREW_BATCH_BYTES_MIN = 8 * 1024,
    /* Threads of the crew, at most: more of them would only take turns at memory. */
    CREW_THREADS_MAX = 4,
    /* How far back in a response the batch before it in its stream is looked for; farther, it is verified on its own. */
    VOUCH_DISTANCE_MAX = 64,
    /* The same two of a survey, which many threads may be about: a run of batches is judged at a time. */
    SURVEY_BATCHES_MAX = 1024,
    SURVEY_DECOMPRESSED_BYTES_MAX = 4 * 1024 * 1024,
    /*
     * Verifying log folders within 64 MiB: a window for each of a few threads,
     * and for a batch that is larger, or may come to more when it is
     * decompressed, one at a time; larger ones are not looked at.
     */
    SURVEY_WINDOW_BYTES = 1024 * 1024,
    SURVEY_LARGE_BYTES_MAX = 16 * 1024 * 1024,
    SURVEY_THREADS_MAX = 4,
    /* Behind damage the next batch is looked for: so many bytes of CRCs a segment, and no more. */
    SURVEY_SEARCH_BYTES_MAX = 64 * 1024 * 1024,
    /*
     * Of one partition that is verified: transactions open at once, 60 bytes
     * each; producers with one that began before what was read; lines of the
     * list of aborted ones that a broker may still be about to write, behind
     * the markers of one fetch of a follower (replica.fetch.max.bytes, of 78
     * bytes each), and for how long; and how often following begins again
     * behind damage.
     */
    ONGOING_TRANSACTIONS_MAX = 32 * 1024,
    EARLY_PRODUCERS_MAX = 1024,
    AWAITED_LINES_MAX = 16 * 1024,
    AWAITED_LINES_MS = 60 * 1000,
    ABORTED_STARTS_MAX = 16,
    /* Of one partition, 400 bytes each; more are only counted. */
    FLAWS_MAX = 1000,
    /* Names in one folder: a broker has some thousands of partitions, a partition some thousands of segments. */
    FOLDER_NAMES_MAX = 1000 * 1000,
    /* Scratch for more batches than this is given back after the response. */
    OPEN_ITEMS_KEPT = 256,
    /* Entries in a response's list of aborted transactions; Kafka's own have a handful. */
    ABORTED_TRANSACTIONS_MAX = 65536,
    /* Data keys in use for sealing, a worker: one a topic. */
    DATA_KEYS_MAX = 4096,
    /* Data keys kept unwrapped for reading, a worker, and for how long. */
    UNWRAPPED_KEYS_MAX = 1024,
    UNWRAPPED_KEY_AGE_MS_MAX = 3600 * 1000,
    /* What the relay knows of the cluster, a process: KRaft is tested to some hundred thousand topics, 272 bytes each. */
    DIRECTORY_TOPICS_MAX = 500 * 1000,
    /* Partitions with acknowledged predecessors still to be told, 800 bytes each. */
    ACKNOWLEDGED_PARTITIONS_MAX = 20 * 1000,
    /* Sealed batches of unknown outcome, a process; clients give up after two minutes (delivery.timeout.ms). */
    RESEND_BYTES_MAX = 16 * 1024 * 1024,
    RESEND_AGE_MS_MAX = 10 * 60 * 1000,

    /* One conversation. */
    REQUESTS_IN_FLIGHT_MAX = 1000,  /* a client that sends more is not read until answers come */
    OUTPUT_BYTES_HIGH = 256 * 1024, /* one side is not read while the other's output is above */
    /* Output gets on when it empties, or when so much of it goes in limits.handshake-timeout: at 10 s, 100 KiB a second. */
    OUTPUT_PROGRESS_BYTES = 1024 * 1024,
    /* Fetch requests for one partition take 100 to 200 bytes, of which the names of client, topic and rack are most. */
    READ_AHEAD_REQUEST_BYTES_MAX = 1024,
    /* Requests that came as foretold, and soon, before anything is read ahead; the most after many that did not. */
    READ_AHEAD_IN_A_ROW_MIN = 2,
    READ_AHEAD_IN_A_ROW_MAX = 64,
    /* A client that is longer about what it got gains nothing that it would notice. */
    READ_AHEAD_SOON_MS = 500,
    /* What was read ahead is dropped when the client has not asked for so long since it got what was before it. */
    READ_AHEAD_HOLD_MS = 2000,
    INTAKE_BYTES_MIN = 16 * 1024,
    INTAKE_BYTES_MAX = 64 * 1024, /* larger frames get a block of their own size */
    CONNECTION_TOPICS_MAX = 20 * 1000,
    CONNECTION_PARTITIONS_MAX = 20 * 1000,
    /* A topic's id is looked up again for a client that names topics when it was confirmed longer ago. */
    TOPIC_ID_FRESH_MS = 1000,
    /* SASL tokens: Kafka's own limit (sasl.server.max.receive.size). */
    SASL_FRAME_BYTES_MAX = 512 * 1024,
    /* Brokers of one cluster. */
    NODES_MAX = 10 * 1000,
    /*
     * What the records of a sealed batch decompress to beyond their own size,
     * for each stub and once (spec/sealed-batch.md, section 4): the second is
     * what compression can save on the parts of an envelope that are not noise.
     */
    SEALED_STUB_BYTES_MAX = 20,
    SEALED_SLACK_BYTES = 8192,
    /* How far apart the times of sealing and of appending may be under LogAppendTime (spec/sealed-batch.md, section 8.2). */
    APPEND_SKEW_MS = 10 * 60 * 1000,
    /* Records of one batch; each costs a stub of 7 to 12 bytes. */
    BATCH_RECORDS_MAX = 10 * 1000 * 1000,

    /* The ledger (spec/ledger.md).  A record and its key fit a Kafka message of the default size, 1,048,588 bytes. */
    LEDGER_RECORD_BYTES_MAX = 1000 * 1000,
    LEDGER_LEAF_BYTES_MAX = 512,
    LEDGER_TEXT_BYTES_MAX = 255,
    /* What a broker may answer to the client of the ledger's topic: a cluster's brokers and one topic. */
    CLIENT_REPLY_BYTES_MAX = 1024 * 1024,
    /* With which the gateway logs in there. */
    USERNAME_BYTES_MAX = 255,
    /* Fewer let an impostor try out passwords (RFC 7677, section 4), and each costs us time: Cyrus SASL takes no more, and Kafka keeps up to 16384. */
    SCRAM_ITERATIONS_MIN = 4096,
    SCRAM_ITERATIONS_MAX = 64 * 1024,
    LEDGER_INTERVAL_MS_DEFAULT = 10 * 1000,
    LEDGER_INTERVAL_MS_MIN = 100,
    LEDGER_INTERVAL_MS_MAX = 60 * 60 * 1000,
    /* Leaves that wait for a record, a process: by default 170,000 batches, the least a full record and what is in flight. */
    LEDGER_BUFFER_MIB_DEFAULT = 16,
    LEDGER_BUFFER_MIB_MAX = 1024,
    /* A log's next file begins when one is so large. */
    LEDGER_FILE_BYTES = 64 * 1024 * 1024,
    /* Logs of processes that are gone, retired by one that begins; others by the next. */
    LEDGER_RETIRED_MAX = 1000,
    /* Topic ids that a writer remembers to have named; past it, it names all of them again. */
    LEDGER_TOPICS_MAX = 64 * 1024,
    /* Checkpoints that a reader remembers of each log, 48 bytes each: so far back a repeated record is told from a fork. */
    LEDGER_POINTS_MAX = 64,
    /* A time in a log that is further ahead of the reader's now is told (spec/ledger.md, section 6). */
    LEDGER_AHEAD_MS_MAX = 10 * 60 * 1000,
    /* Logs, and other logs that they name, that one verification looks at: 250 bytes each. */
    LEDGER_LOGS_MAX = 10 * 1000,
    /* What C2SP's signed-note asks a verifier to take at least, with signatures of 5 KB. */
    CHECKPOINT_COSIGNATURES_MAX = 16,
    CHECKPOINT_NOTE_BYTES_MAX = 64 * 1024,
    /* A witness.  Every process of a gateway has a log, of one file; a writer whose key was stolen must leave room for others. */
    WITNESS_LOGS_DEFAULT = 10 * 1000,
    WITNESS_LOGS_MAX = 1000 * 1000,
    WITNESS_LOGS_PER_WRITER_DEFAULT = 1000,
    WITNESS_CLUSTERS_MAX = 100,
    /* Each may hold a request of 68 KiB, and the memory that it grew in. */
    WITNESS_CONNECTIONS_DEFAULT = 64,
    WITNESS_CONNECTIONS_MAX = 1000,
    /* Requests at once: each waits for the disk. */
    WITNESS_THREADS = 4,

    /* Key files.  A name is read aloud and typed; a line holds a locked key (100 bytes as base64) and a name. */
    KEY_NAME_BYTES_MAX = 64,
    KEY_LINE_BYTES_MAX = 256,
    /* A key file: one line, with room for comments. */
    KEY_FILE_BYTES_MAX = 16 * 1024,
    PASSPHRASE_BYTES_MAX = 1024,
    /* Cost of a passphrase (Argon2id).  The default fits the memory of a sidecar; the largest is what a hostile file can make us spend. */
    PASSPHRASE_PASSES_DEFAULT = 8,
    PASSPHRASE_PASSES_MAX = 16,
    PASSPHRASE_KIB_DEFAULT = 64 * 1024,
    PASSPHRASE_KIB_MIN = 8,
    PASSPHRASE_KIB_MAX = 1024 * 1024,

    /* Files an operator writes: a thousand writers with a hundred partitions each of last good offsets, and no more. */
    TRUST_FILE_BYTES_MAX = 16 * 1024 * 1024,
    CONFIG_FILE_BYTES_MAX = 1024 * 1024,
    /* YAML can nest without end; these files go five deep. */
    YAML_DEPTH_MAX = 16,
    /* Keys and list entries of one file; 16 bytes each while it is read. */
    YAML_NODES_MAX = 2 * 1000 * 1000,
    TRUSTED_WRITERS_MAX = 10 * 1000,
    WRITER_TOPICS_MAX = 1000,
    /* Partitions of a revocation; cut-overs; exceptions: one row a partition of a large cluster. */
    TRUST_PLACES_MAX = 100 * 1000,
    REASON_BYTES_MAX = 500,
    /* A report that long is not read to its end. */
    FINDINGS_MAX = 100,

    /* The configuration's lists. */
    CONFIG_SERVERS_MAX = 100,
    CONFIG_NODES_MAX = 1000,
    CONFIG_LISTENERS_MAX = 64,
    CONFIG_TOPICS_MAX = 10 * 1000,
    /* Keys that are tried on what is sealed for us: those in use and those retired. */
    RECIPIENT_KEYS_MAX = 64,
    /* Ports that one listener opens for nodes; each is a socket. */
    NODE_PORTS_MAX = 1024,
    NODE_PORTS_DEFAULT = 16,
    WORKERS_MAX = 256,
    CONNECTIONS_DEFAULT = 10 * 1000,
    CONNECTIONS_MAX = 1000 * 1000,
    /* Memory of all frames in flight: no less than what a few batches of Kafka's own largest default take. */
    MEMORY_MIB_DEFAULT = 256,
    MEMORY_MIB_MIN = 16,
    MEMORY_MIB_MAX = 1024 * 1024,
    /* Smaller than a megabyte a frame would not hold Kafka's default largest batch. */
    FRAME_BYTES_MIN = 1024 * 1024 + 64 * 1024,
    /* Kafka's connections.max.idle.ms. */
    IDLE_MS_DEFAULT = 10 * 60 * 1000,
    IDLE_MS_MIN = 1000,
    IDLE_MS_MAX = 24 * 60 * 60 * 1000,
    /* A JoinGroup is answered when all members have come, which takes up to max.poll.interval.ms: five minutes, but some set an hour. */
    UNANSWERED_MS_MAX = 60 * 60 * 1000,
    /* TLS and authentication; a client that needs longer is not one. */
    HANDSHAKE_MS_DEFAULT = 10 * 1000,
    CONNECT_MS_DEFAULT = 10 * 1000,
    /* Open requests when stopping: longer than Kafka's request.timeout.ms of 30 s. */
    DRAIN_MS_DEFAULT = 35 * 1000,
    SHORT_MS_MIN = 100,
    SHORT_MS_MAX = 10 * 60 * 1000,
    /* The log, by worker and event, for what others can cause: lines a second and at once, and those remembered as told,
     * 500 bytes to 2 KiB each, to count what is alike for so long. */
    LOG_LINES_PER_SECOND = 20,
    LOG_LINES_BURST = 100,
    LOG_LINES_REMEMBERED = 256,
    LOG_REPEAT_MS = 10 * 1000,
    /* Data keys.  The nonces of XAES-256-GCM allow far more: this bounds what one key opens when it leaks. */
    DATA_KEY_AGE_MS_DEFAULT = 60 * 60 * 1000,
    DATA_KEY_AGE_S_MAX = 30 * 24 * 60 * 60,
    DATA_KEY_GIB_DEFAULT = 64,
    DATA_KEY_GIB_MAX = 1024 * 1024,
    DATA_KEY_BATCHES_DEFAULT = 16 * 1024 * 1024,
    DATA_KEY_BATCHES_MAX = 1024 * 1024 * 1024,
};

#endif
