/* SPDX-License-Identifier: Apache-2.0 */
/* The messages that carry record batches, or answer for them. */
#include "kafka/api.h"
#include "kafka/message_rows.h"

static const struct field current_leader[] = {
    { "LeaderId", FIELD_INT32 },
    { "LeaderEpoch", FIELD_INT32 },
    { 0 },
};

static const struct field node_endpoint[] = {
    { "NodeId", FIELD_INT32, .mark = MARK_NODE_ID },
    { "Host", FIELD_STRING, .mark = MARK_HOST },
    { "Port", FIELD_INT32, .mark = MARK_PORT },
    { "Rack", FIELD_STRING, .nullable = true },
    { 0 },
};

/* Produce */

static const struct field produce_request_partition[] = {
    { "Index", FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { "Records", FIELD_RECORDS, .nullable = true, .mark = MARK_RECORDS },
    { 0 },
};

static const struct field produce_request_topic[] = {
    { "Name", FIELD_STRING, .before = 13, .mark = MARK_TOPIC_NAME },
    { "TopicId", FIELD_UUID, .since = 13, .mark = MARK_TOPIC_ID },
    { "PartitionData", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_PARTITION, .fields = produce_request_partition },
    { 0 },
};

static const struct field produce_request[] = {
    { "TransactionalId", FIELD_STRING, .since = 3, .nullable = true, .null_since = 3, .mark = MARK_TRANSACTIONAL_ID },
    { "Acks", FIELD_INT16, .mark = MARK_ACKS },
    { "TimeoutMs", FIELD_INT32 },
    { "TopicData", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = produce_request_topic },
    { 0 },
};

static const struct field produce_record_error[] = {
    { "BatchIndex", FIELD_INT32 },
    { "BatchIndexErrorMessage", FIELD_STRING, .nullable = true },
    { 0 },
};

static const struct field produce_response_partition[] = {
    { "Index", FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { "ErrorCode", FIELD_INT16, .mark = MARK_PARTITION_ERROR },
    { "BaseOffset", FIELD_INT64, .mark = MARK_BASE_OFFSET },
    { "LogAppendTimeMs", FIELD_INT64, .since = 2, .mark = MARK_LOG_APPEND_TIME },
    { "LogStartOffset", FIELD_INT64, .since = 5, .mark = MARK_LOG_START_OFFSET },
    { "RecordErrors", FIELD_ARRAY, FIELD_STRUCT, .since = 8, .fields = produce_record_error },
    { "ErrorMessage", FIELD_STRING, .since = 8, .nullable = true, .mark = MARK_PARTITION_ERROR_MESSAGE },
    { "CurrentLeader", FIELD_STRUCT, .since = 10, .tagged = true, .tag = 0, .fields = current_leader },
    { 0 },
};

static const struct field produce_response_topic[] = {
    { "Name", FIELD_STRING, .before = 13, .mark = MARK_TOPIC_NAME },
    { "TopicId", FIELD_UUID, .since = 13, .mark = MARK_TOPIC_ID },
    { "PartitionResponses", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_PARTITION, .fields = produce_response_partition },
    { 0 },
};

static const struct field produce_response[] = {
    { "Responses", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = produce_response_topic },
    { "ThrottleTimeMs", FIELD_INT32, .since = 1 },
    { "NodeEndpoints", FIELD_ARRAY, FIELD_STRUCT, .since = 10, .tagged = true, .tag = 0, .mark = MARK_BROKER,
      .fields = node_endpoint },
    { 0 },
};

/* Fetch */

static const struct field fetch_request_partition[] = {
    { "Partition", FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { "CurrentLeaderEpoch", FIELD_INT32, .since = 9 },
    { "FetchOffset", FIELD_INT64, .mark = MARK_FETCH_OFFSET },
    { "LastFetchedEpoch", FIELD_INT32, .since = 12 },
    { "LogStartOffset", FIELD_INT64, .since = 5 },
    { "PartitionMaxBytes", FIELD_INT32, .mark = MARK_PARTITION_MAX_BYTES },
    { "ReplicaDirectoryId", FIELD_UUID, .since = 17, .tagged = true, .tag = 0 },
    { "HighWatermark", FIELD_INT64, .since = 18, .tagged = true, .tag = 1 },
    { 0 },
};

static const struct field fetch_request_topic[] = {
    { "Topic", FIELD_STRING, .before = 13, .mark = MARK_TOPIC_NAME },
    { "TopicId", FIELD_UUID, .since = 13, .mark = MARK_TOPIC_ID },
    { "Partitions", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_PARTITION, .fields = fetch_request_partition },
    { 0 },
};

static const struct field forgotten_topic[] = {
    { "Topic", FIELD_STRING, .before = 13, .mark = MARK_TOPIC_NAME },
    { "TopicId", FIELD_UUID, .since = 13, .mark = MARK_TOPIC_ID },
    { "Partitions", FIELD_ARRAY, FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { 0 },
};

static const struct field replica_state[] = {
    { "ReplicaId", FIELD_INT32, .mark = MARK_REPLICA_ID },
    { "ReplicaEpoch", FIELD_INT64 },
    { 0 },
};

static const struct field fetch_request[] = {
    { "ReplicaId", FIELD_INT32, .before = 15, .mark = MARK_REPLICA_ID },
    { "MaxWaitMs", FIELD_INT32 },
    { "MinBytes", FIELD_INT32 },
    { "MaxBytes", FIELD_INT32, .since = 3, .mark = MARK_MAX_BYTES },
    { "IsolationLevel", FIELD_INT8, .since = 4, .mark = MARK_ISOLATION_LEVEL },
    { "SessionId", FIELD_INT32, .since = 7, .mark = MARK_SESSION_ID },
    { "SessionEpoch", FIELD_INT32, .since = 7, .mark = MARK_SESSION_EPOCH },
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = fetch_request_topic },
    { "ForgottenTopicsData", FIELD_ARRAY, FIELD_STRUCT, .since = 7, .mark = MARK_FORGOTTEN_TOPIC,
      .fields = forgotten_topic },
    { "RackId", FIELD_STRING, .since = 11 },
    { "ClusterId", FIELD_STRING, .since = 12, .nullable = true, .tagged = true, .tag = 0, .mark = MARK_CLUSTER_ID },
    { "ReplicaState", FIELD_STRUCT, .since = 15, .tagged = true, .tag = 1, .fields = replica_state },
    { 0 },
};

static const struct field aborted_transaction[] = {
    { "ProducerId", FIELD_INT64, .mark = MARK_PRODUCER_ID },
    { "FirstOffset", FIELD_INT64, .mark = MARK_FIRST_OFFSET },
    { 0 },
};

static const struct field diverging_epoch[] = {
    { "Epoch", FIELD_INT32 },
    { "EndOffset", FIELD_INT64 },
    { 0 },
};

static const struct field snapshot_id[] = {
    { "EndOffset", FIELD_INT64 },
    { "Epoch", FIELD_INT32 },
    { 0 },
};

static const struct field fetch_response_partition[] = {
    { "PartitionIndex", FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { "ErrorCode", FIELD_INT16, .mark = MARK_PARTITION_ERROR },
    { "HighWatermark", FIELD_INT64, .mark = MARK_HIGH_WATERMARK },
    { "LastStableOffset", FIELD_INT64, .since = 4, .mark = MARK_LAST_STABLE_OFFSET },
    { "LogStartOffset", FIELD_INT64, .since = 5, .mark = MARK_LOG_START_OFFSET },
    { "AbortedTransactions", FIELD_ARRAY, FIELD_STRUCT, .since = 4, .nullable = true, .mark = MARK_ABORTED,
      .fields = aborted_transaction },
    { "PreferredReadReplica", FIELD_INT32, .since = 11 },
    { "Records", FIELD_RECORDS, .nullable = true, .mark = MARK_RECORDS },
    { "DivergingEpoch", FIELD_STRUCT, .since = 12, .tagged = true, .tag = 0, .fields = diverging_epoch },
    { "CurrentLeader", FIELD_STRUCT, .since = 12, .tagged = true, .tag = 1, .fields = current_leader },
    { "SnapshotId", FIELD_STRUCT, .since = 12, .tagged = true, .tag = 2, .fields = snapshot_id },
    { 0 },
};

static const struct field fetch_response_topic[] = {
    { "Topic", FIELD_STRING, .before = 13, .mark = MARK_TOPIC_NAME },
    { "TopicId", FIELD_UUID, .since = 13, .mark = MARK_TOPIC_ID },
    { "Partitions", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_PARTITION, .fields = fetch_response_partition },
    { 0 },
};

static const struct field fetch_response[] = {
    { "ThrottleTimeMs", FIELD_INT32, .since = 1, .mark = MARK_THROTTLE_TIME },
    { "ErrorCode", FIELD_INT16, .since = 7, .mark = MARK_ERROR_CODE },
    { "SessionId", FIELD_INT32, .since = 7, .mark = MARK_SESSION_ID },
    { "Responses", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = fetch_response_topic },
    { "NodeEndpoints", FIELD_ARRAY, FIELD_STRUCT, .since = 16, .tagged = true, .tag = 0, .mark = MARK_BROKER,
      .fields = node_endpoint },
    { 0 },
};

/* ShareFetch and ShareAcknowledge */

static const struct field acknowledgement_batch[] = {
    { "FirstOffset", FIELD_INT64 },
    { "LastOffset", FIELD_INT64 },
    { "AcknowledgeTypes", FIELD_ARRAY, FIELD_INT8 },
    { 0 },
};

static const struct field share_request_partition[] = {
    { "PartitionIndex", FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { "AcknowledgementBatches", FIELD_ARRAY, FIELD_STRUCT, .fields = acknowledgement_batch },
    { 0 },
};

static const struct field share_request_topic[] = {
    { "TopicId", FIELD_UUID, .mark = MARK_TOPIC_ID },
    { "Partitions", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_PARTITION, .fields = share_request_partition },
    { 0 },
};

static const struct field share_forgotten_topic[] = {
    { "TopicId", FIELD_UUID, .mark = MARK_TOPIC_ID },
    { "Partitions", FIELD_ARRAY, FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { 0 },
};

static const struct field share_fetch_request[] = {
    { "GroupId", FIELD_STRING, .nullable = true, .mark = MARK_GROUP_ID },
    { "MemberId", FIELD_STRING, .nullable = true, .mark = MARK_MEMBER_ID },
    { "ShareSessionEpoch", FIELD_INT32, .mark = MARK_SHARE_SESSION_EPOCH },
    { "MaxWaitMs", FIELD_INT32 },
    { "MinBytes", FIELD_INT32 },
    { "MaxBytes", FIELD_INT32, .mark = MARK_MAX_BYTES },
    { "MaxRecords", FIELD_INT32 },
    { "BatchSize", FIELD_INT32 },
    { "ShareAcquireMode", FIELD_INT8, .since = 2 },
    { "IsRenewAck", FIELD_BOOL, .since = 2 },
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = share_request_topic },
    { "ForgottenTopicsData", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_FORGOTTEN_TOPIC, .fields = share_forgotten_topic },
    { 0 },
};

static const struct field acquired_records[] = {
    { "FirstOffset", FIELD_INT64, .mark = MARK_FIRST_OFFSET },
    { "LastOffset", FIELD_INT64, .mark = MARK_LAST_OFFSET },
    { "DeliveryCount", FIELD_INT16, .mark = MARK_DELIVERY_COUNT },
    { 0 },
};

static const struct field share_fetch_response_partition[] = {
    { "PartitionIndex", FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { "ErrorCode", FIELD_INT16, .mark = MARK_PARTITION_ERROR },
    { "ErrorMessage", FIELD_STRING, .nullable = true, .mark = MARK_PARTITION_ERROR_MESSAGE },
    { "AcknowledgeErrorCode", FIELD_INT16 },
    { "AcknowledgeErrorMessage", FIELD_STRING, .nullable = true },
    { "CurrentLeader", FIELD_STRUCT, .fields = current_leader },
    { "Records", FIELD_RECORDS, .nullable = true, .mark = MARK_RECORDS },
    { "AcquiredRecords", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_ACQUIRED, .fields = acquired_records },
    { 0 },
};

static const struct field share_fetch_response_topic[] = {
    { "TopicId", FIELD_UUID, .mark = MARK_TOPIC_ID },
    { "Partitions", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_PARTITION, .fields = share_fetch_response_partition },
    { 0 },
};

static const struct field share_fetch_response[] = {
    { "ThrottleTimeMs", FIELD_INT32 },
    { "ErrorCode", FIELD_INT16, .mark = MARK_ERROR_CODE },
    { "ErrorMessage", FIELD_STRING, .nullable = true, .mark = MARK_ERROR_MESSAGE },
    { "AcquisitionLockTimeoutMs", FIELD_INT32 },
    { "Responses", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = share_fetch_response_topic },
    { "NodeEndpoints", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_BROKER, .fields = node_endpoint },
    { 0 },
};

static const struct field share_acknowledge_request[] = {
    { "GroupId", FIELD_STRING, .nullable = true, .mark = MARK_GROUP_ID },
    { "MemberId", FIELD_STRING, .nullable = true, .mark = MARK_MEMBER_ID },
    { "ShareSessionEpoch", FIELD_INT32, .mark = MARK_SHARE_SESSION_EPOCH },
    { "IsRenewAck", FIELD_BOOL, .since = 2 },
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = share_request_topic },
    { 0 },
};

static const struct field share_acknowledge_response_partition[] = {
    { "PartitionIndex", FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { "ErrorCode", FIELD_INT16, .mark = MARK_PARTITION_ERROR },
    { "ErrorMessage", FIELD_STRING, .nullable = true, .mark = MARK_PARTITION_ERROR_MESSAGE },
    { "CurrentLeader", FIELD_STRUCT, .fields = current_leader },
    { 0 },
};

static const struct field share_acknowledge_response_topic[] = {
    { "TopicId", FIELD_UUID, .mark = MARK_TOPIC_ID },
    { "Partitions", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_PARTITION, .fields = share_acknowledge_response_partition },
    { 0 },
};

static const struct field share_acknowledge_response[] = {
    { "ThrottleTimeMs", FIELD_INT32 },
    { "ErrorCode", FIELD_INT16, .mark = MARK_ERROR_CODE },
    { "ErrorMessage", FIELD_STRING, .nullable = true, .mark = MARK_ERROR_MESSAGE },
    { "AcquisitionLockTimeoutMs", FIELD_INT32, .since = 2 },
    { "Responses", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = share_acknowledge_response_topic },
    { "NodeEndpoints", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_BROKER, .fields = node_endpoint },
    { 0 },
};

/* EndTxn */

static const struct field end_txn_request[] = {
    { "TransactionalId", FIELD_STRING, .mark = MARK_TRANSACTIONAL_ID },
    { "ProducerId", FIELD_INT64, .mark = MARK_PRODUCER_ID },
    { "ProducerEpoch", FIELD_INT16, .mark = MARK_PRODUCER_EPOCH },
    { "Committed", FIELD_BOOL, .mark = MARK_COMMITTED },
    { 0 },
};

static const struct field end_txn_response[] = {
    { "ThrottleTimeMs", FIELD_INT32 },
    { "ErrorCode", FIELD_INT16, .mark = MARK_ERROR_CODE },
    { "ProducerId", FIELD_INT64, .since = 5, .mark = MARK_PRODUCER_ID },
    { "ProducerEpoch", FIELD_INT16, .since = 5, .mark = MARK_PRODUCER_EPOCH },
    { 0 },
};

/* Produce 0-2 and Fetch 0-3 carry message formats older than the sealed batch and are not served. */
const struct message messages_data[MESSAGES_DATA] = {
    { "ProduceRequest", API_PRODUCE, MESSAGE_REQUEST, 3, 13, produce_request },
    { "ProduceResponse", API_PRODUCE, MESSAGE_RESPONSE, 3, 13, produce_response },
    { "FetchRequest", API_FETCH, MESSAGE_REQUEST, 4, 18, fetch_request },
    { "FetchResponse", API_FETCH, MESSAGE_RESPONSE, 4, 18, fetch_response },
    { "ShareFetchRequest", API_SHARE_FETCH, MESSAGE_REQUEST, 1, 2, share_fetch_request },
    { "ShareFetchResponse", API_SHARE_FETCH, MESSAGE_RESPONSE, 1, 2, share_fetch_response },
    { "ShareAcknowledgeRequest", API_SHARE_ACKNOWLEDGE, MESSAGE_REQUEST, 1, 2, share_acknowledge_request },
    { "ShareAcknowledgeResponse", API_SHARE_ACKNOWLEDGE, MESSAGE_RESPONSE, 1, 2, share_acknowledge_response },
    { "EndTxnRequest", API_END_TXN, MESSAGE_REQUEST, 0, 5, end_txn_request },
    { "EndTxnResponse", API_END_TXN, MESSAGE_RESPONSE, 0, 5, end_txn_response },
};
