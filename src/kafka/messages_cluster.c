/* SPDX-License-Identifier: Apache-2.0 */
/* The messages that say where brokers are and what topics there are. */
#include "kafka/api.h"
#include "kafka/message_rows.h"

/* Metadata */

static const struct field metadata_request_topic[] = {
    { "TopicId", FIELD_UUID, .since = 10, .mark = MARK_TOPIC_ID },
    { "Name", FIELD_STRING, .nullable = true, .null_since = 10, .mark = MARK_TOPIC_NAME },
    { 0 },
};

static const struct field metadata_request[] = {
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .nullable = true, .null_since = 1, .mark = MARK_TOPIC,
      .fields = metadata_request_topic },
    { "AllowAutoTopicCreation", FIELD_BOOL, .since = 4 },
    { "IncludeClusterAuthorizedOperations", FIELD_BOOL, .since = 8, .before = 11 },
    { "IncludeTopicAuthorizedOperations", FIELD_BOOL, .since = 8 },
    { 0 },
};

static const struct field metadata_broker[] = {
    { "NodeId", FIELD_INT32, .mark = MARK_NODE_ID },
    { "Host", FIELD_STRING, .mark = MARK_HOST },
    { "Port", FIELD_INT32, .mark = MARK_PORT },
    { "Rack", FIELD_STRING, .since = 1, .nullable = true },
    { 0 },
};

static const struct field metadata_partition[] = {
    { "ErrorCode", FIELD_INT16 },
    { "PartitionIndex", FIELD_INT32, .mark = MARK_LED_PARTITION },
    { "LeaderId", FIELD_INT32, .mark = MARK_LEADER_ID },
    { "LeaderEpoch", FIELD_INT32, .since = 7 },
    { "ReplicaNodes", FIELD_ARRAY, FIELD_INT32 },
    { "IsrNodes", FIELD_ARRAY, FIELD_INT32 },
    { "OfflineReplicas", FIELD_ARRAY, FIELD_INT32, .since = 5 },
    { 0 },
};

static const struct field metadata_response_topic[] = {
    { "ErrorCode", FIELD_INT16, .mark = MARK_TOPIC_ERROR },
    { "Name", FIELD_STRING, .nullable = true, .null_since = 12, .mark = MARK_TOPIC_NAME },
    { "TopicId", FIELD_UUID, .since = 10, .mark = MARK_TOPIC_ID },
    { "IsInternal", FIELD_BOOL, .since = 1 },
    { "Partitions", FIELD_ARRAY, FIELD_STRUCT, .fields = metadata_partition },
    { "TopicAuthorizedOperations", FIELD_INT32, .since = 8 },
    { 0 },
};

static const struct field metadata_response[] = {
    { "ThrottleTimeMs", FIELD_INT32, .since = 3 },
    { "Brokers", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_BROKER, .fields = metadata_broker },
    { "ClusterId", FIELD_STRING, .since = 2, .nullable = true, .null_since = 2, .mark = MARK_CLUSTER_ID },
    { "ControllerId", FIELD_INT32, .since = 1 },
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = metadata_response_topic },
    { "ClusterAuthorizedOperations", FIELD_INT32, .since = 8, .before = 11 },
    { "ErrorCode", FIELD_INT16, .since = 13, .mark = MARK_ERROR_CODE },
    { 0 },
};

/* FindCoordinator */

static const struct field find_coordinator_request[] = {
    { "Key", FIELD_STRING, .before = 4 },
    { "KeyType", FIELD_INT8, .since = 1 },
    { "CoordinatorKeys", FIELD_ARRAY, FIELD_STRING, .since = 4 },
    { 0 },
};

static const struct field coordinator[] = {
    { "Key", FIELD_STRING },
    { "NodeId", FIELD_INT32, .mark = MARK_NODE_ID },
    { "Host", FIELD_STRING, .mark = MARK_HOST },
    { "Port", FIELD_INT32, .mark = MARK_PORT },
    { "ErrorCode", FIELD_INT16, .mark = MARK_COORDINATOR_ERROR },
    { "ErrorMessage", FIELD_STRING, .nullable = true },
    { 0 },
};

static const struct field find_coordinator_response[] = {
    { "ThrottleTimeMs", FIELD_INT32, .since = 1 },
    { "ErrorCode", FIELD_INT16, .before = 4, .mark = MARK_ERROR_CODE },
    { "ErrorMessage", FIELD_STRING, .since = 1, .before = 4, .nullable = true, .mark = MARK_ERROR_MESSAGE },
    { "NodeId", FIELD_INT32, .before = 4, .mark = MARK_NODE_ID },
    { "Host", FIELD_STRING, .before = 4, .mark = MARK_HOST },
    { "Port", FIELD_INT32, .before = 4, .mark = MARK_PORT },
    { "Coordinators", FIELD_ARRAY, FIELD_STRUCT, .since = 4, .mark = MARK_COORDINATOR, .fields = coordinator },
    { 0 },
};

/* DescribeCluster */

static const struct field describe_cluster_request[] = {
    { "IncludeClusterAuthorizedOperations", FIELD_BOOL },
    { "EndpointType", FIELD_INT8, .since = 1 },
    { "IncludeFencedBrokers", FIELD_BOOL, .since = 2 },
    { 0 },
};

static const struct field described_broker[] = {
    { "BrokerId", FIELD_INT32, .mark = MARK_NODE_ID },
    { "Host", FIELD_STRING, .mark = MARK_HOST },
    { "Port", FIELD_INT32, .mark = MARK_PORT },
    { "Rack", FIELD_STRING, .nullable = true },
    { "IsFenced", FIELD_BOOL, .since = 2 },
    { 0 },
};

static const struct field describe_cluster_response[] = {
    { "ThrottleTimeMs", FIELD_INT32 },
    { "ErrorCode", FIELD_INT16, .mark = MARK_ERROR_CODE },
    { "ErrorMessage", FIELD_STRING, .nullable = true, .mark = MARK_ERROR_MESSAGE },
    { "EndpointType", FIELD_INT8, .since = 1 },
    { "ClusterId", FIELD_STRING, .mark = MARK_CLUSTER_ID },
    { "ControllerId", FIELD_INT32 },
    { "Brokers", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_BROKER, .fields = described_broker },
    { "ClusterAuthorizedOperations", FIELD_INT32 },
    { 0 },
};

/* DescribeTopicPartitions */

static const struct field partition_cursor[] = {
    { "TopicName", FIELD_STRING },
    { "PartitionIndex", FIELD_INT32 },
    { 0 },
};

static const struct field describe_topic_partitions_request_topic[] = {
    { "Name", FIELD_STRING, .mark = MARK_TOPIC_NAME },
    { 0 },
};

static const struct field describe_topic_partitions_request[] = {
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = describe_topic_partitions_request_topic },
    { "ResponsePartitionLimit", FIELD_INT32 },
    { "Cursor", FIELD_STRUCT, .nullable = true, .fields = partition_cursor },
    { 0 },
};

static const struct field described_partition[] = {
    { "ErrorCode", FIELD_INT16 },
    { "PartitionIndex", FIELD_INT32 },
    { "LeaderId", FIELD_INT32 },
    { "LeaderEpoch", FIELD_INT32 },
    { "ReplicaNodes", FIELD_ARRAY, FIELD_INT32 },
    { "IsrNodes", FIELD_ARRAY, FIELD_INT32 },
    { "EligibleLeaderReplicas", FIELD_ARRAY, FIELD_INT32, .nullable = true },
    { "LastKnownElr", FIELD_ARRAY, FIELD_INT32, .nullable = true },
    { "OfflineReplicas", FIELD_ARRAY, FIELD_INT32 },
    { 0 },
};

static const struct field described_topic[] = {
    { "ErrorCode", FIELD_INT16, .mark = MARK_TOPIC_ERROR },
    { "Name", FIELD_STRING, .nullable = true, .mark = MARK_TOPIC_NAME },
    { "TopicId", FIELD_UUID, .mark = MARK_TOPIC_ID },
    { "IsInternal", FIELD_BOOL },
    { "Partitions", FIELD_ARRAY, FIELD_STRUCT, .fields = described_partition },
    { "TopicAuthorizedOperations", FIELD_INT32 },
    { 0 },
};

static const struct field describe_topic_partitions_response[] = {
    { "ThrottleTimeMs", FIELD_INT32 },
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = described_topic },
    { "NextCursor", FIELD_STRUCT, .nullable = true, .fields = partition_cursor },
    { 0 },
};

/* CreateTopics */

static const struct field replica_assignment[] = {
    { "PartitionIndex", FIELD_INT32 },
    { "BrokerIds", FIELD_ARRAY, FIELD_INT32 },
    { 0 },
};

static const struct field topic_config[] = {
    { "Name", FIELD_STRING },
    { "Value", FIELD_STRING, .nullable = true },
    { 0 },
};

static const struct field creatable_topic[] = {
    { "Name", FIELD_STRING, .mark = MARK_TOPIC_NAME },
    { "NumPartitions", FIELD_INT32 },
    { "ReplicationFactor", FIELD_INT16 },
    { "Assignments", FIELD_ARRAY, FIELD_STRUCT, .fields = replica_assignment },
    { "Configs", FIELD_ARRAY, FIELD_STRUCT, .fields = topic_config },
    { 0 },
};

static const struct field create_topics_request[] = {
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = creatable_topic },
    { "timeoutMs", FIELD_INT32 },
    { "validateOnly", FIELD_BOOL, .since = 1 },
    { 0 },
};

static const struct field created_topic_config[] = {
    { "Name", FIELD_STRING },      { "Value", FIELD_STRING, .nullable = true },
    { "ReadOnly", FIELD_BOOL },    { "ConfigSource", FIELD_INT8 },
    { "IsSensitive", FIELD_BOOL }, { 0 },
};

static const struct field created_topic[] = {
    { "Name", FIELD_STRING, .mark = MARK_TOPIC_NAME },
    { "TopicId", FIELD_UUID, .since = 7, .mark = MARK_TOPIC_ID },
    { "ErrorCode", FIELD_INT16, .mark = MARK_TOPIC_ERROR },
    { "ErrorMessage", FIELD_STRING, .since = 1, .nullable = true, .mark = MARK_TOPIC_ERROR_MESSAGE },
    { "NumPartitions", FIELD_INT32, .since = 5 },
    { "ReplicationFactor", FIELD_INT16, .since = 5 },
    { "Configs", FIELD_ARRAY, FIELD_STRUCT, .since = 5, .nullable = true, .fields = created_topic_config },
    { "TopicConfigErrorCode", FIELD_INT16, .since = 5, .tagged = true, .tag = 0 },
    { 0 },
};

static const struct field create_topics_response[] = {
    { "ThrottleTimeMs", FIELD_INT32, .since = 2 },
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = created_topic },
    { 0 },
};

/* DeleteTopics */

static const struct field deletable_topic[] = {
    { "Name", FIELD_STRING, .nullable = true, .mark = MARK_TOPIC_NAME },
    { "TopicId", FIELD_UUID, .mark = MARK_TOPIC_ID },
    { 0 },
};

static const struct field delete_topics_request[] = {
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .since = 6, .mark = MARK_TOPIC, .fields = deletable_topic },
    { "TopicNames", FIELD_ARRAY, FIELD_STRING, .before = 6, .mark = MARK_TOPIC_NAME },
    { "TimeoutMs", FIELD_INT32 },
    { 0 },
};

static const struct field deleted_topic[] = {
    { "Name", FIELD_STRING, .nullable = true, .null_since = 6, .mark = MARK_TOPIC_NAME },
    { "TopicId", FIELD_UUID, .since = 6, .mark = MARK_TOPIC_ID },
    { "ErrorCode", FIELD_INT16, .mark = MARK_TOPIC_ERROR },
    { "ErrorMessage", FIELD_STRING, .since = 5, .nullable = true, .mark = MARK_TOPIC_ERROR_MESSAGE },
    { 0 },
};

static const struct field delete_topics_response[] = {
    { "ThrottleTimeMs", FIELD_INT32, .since = 1 },
    { "Responses", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = deleted_topic },
    { 0 },
};

/* DeleteRecords */

static const struct field delete_records_partition[] = {
    { "PartitionIndex", FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { "Offset", FIELD_INT64 },
    { 0 },
};

static const struct field delete_records_topic[] = {
    { "Name", FIELD_STRING, .mark = MARK_TOPIC_NAME },
    { "Partitions", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_PARTITION, .fields = delete_records_partition },
    { 0 },
};

static const struct field delete_records_request[] = {
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = delete_records_topic },
    { "TimeoutMs", FIELD_INT32 },
    { 0 },
};

static const struct field shortened_partition[] = {
    { "PartitionIndex", FIELD_INT32, .mark = MARK_PARTITION_INDEX },
    { "LowWatermark", FIELD_INT64, .mark = MARK_LOW_WATERMARK },
    { "ErrorCode", FIELD_INT16, .mark = MARK_PARTITION_ERROR },
    { 0 },
};

static const struct field shortened_topic[] = {
    { "Name", FIELD_STRING, .mark = MARK_TOPIC_NAME },
    { "Partitions", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_PARTITION, .fields = shortened_partition },
    { 0 },
};

static const struct field delete_records_response[] = {
    { "ThrottleTimeMs", FIELD_INT32 },
    { "Topics", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_TOPIC, .fields = shortened_topic },
    { 0 },
};

const struct message messages_cluster[MESSAGES_CLUSTER] = {
    { "MetadataRequest", API_METADATA, MESSAGE_REQUEST, 0, 13, metadata_request },
    { "MetadataResponse", API_METADATA, MESSAGE_RESPONSE, 0, 13, metadata_response },
    { "FindCoordinatorRequest", API_FIND_COORDINATOR, MESSAGE_REQUEST, 0, 6, find_coordinator_request },
    { "FindCoordinatorResponse", API_FIND_COORDINATOR, MESSAGE_RESPONSE, 0, 6, find_coordinator_response },
    { "DescribeClusterRequest", API_DESCRIBE_CLUSTER, MESSAGE_REQUEST, 0, 2, describe_cluster_request },
    { "DescribeClusterResponse", API_DESCRIBE_CLUSTER, MESSAGE_RESPONSE, 0, 2, describe_cluster_response },
    { "DescribeTopicPartitionsRequest", API_DESCRIBE_TOPIC_PARTITIONS, MESSAGE_REQUEST, 0, 0,
      describe_topic_partitions_request },
    { "DescribeTopicPartitionsResponse", API_DESCRIBE_TOPIC_PARTITIONS, MESSAGE_RESPONSE, 0, 0,
      describe_topic_partitions_response },
    { "CreateTopicsRequest", API_CREATE_TOPICS, MESSAGE_REQUEST, 0, 7, create_topics_request },
    { "CreateTopicsResponse", API_CREATE_TOPICS, MESSAGE_RESPONSE, 0, 7, create_topics_response },
    { "DeleteTopicsRequest", API_DELETE_TOPICS, MESSAGE_REQUEST, 0, 6, delete_topics_request },
    { "DeleteTopicsResponse", API_DELETE_TOPICS, MESSAGE_RESPONSE, 0, 6, delete_topics_response },
    { "DeleteRecordsRequest", API_DELETE_RECORDS, MESSAGE_REQUEST, 0, 2, delete_records_request },
    { "DeleteRecordsResponse", API_DELETE_RECORDS, MESSAGE_RESPONSE, 0, 2, delete_records_response },
};
