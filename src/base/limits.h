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
    /* Records of one batch; each costs a stub of 7 to 12 bytes. */
    BATCH_RECORDS_MAX = 10 * 1000 * 1000,
};

#endif
