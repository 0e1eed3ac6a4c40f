/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/api.h"

#include <stddef.h>

enum {
    NEVER = API_NEVER_FLEXIBLE,
};

/*
 * By key: name, key, lowest and highest version, first flexible version, first version served, class.  Highest
 * versions are those of Kafka 4.4.  Lowest versions are those of Kafka 3.5, since what a body looks like does not
 * matter where it is not read; share groups begin with version 1, for their version 0 was a preview with another
 * layout.  Produce keeps the 0 that brokers advertise without serving it: older librdkafka takes the lack of the
 * first versions for a lack of compression codecs.
 *
 * Denied are the conversations between brokers and controllers, which have no business at a gateway for clients.
 */
static const struct api apis[] = {
    { "Produce", 0, 0, 13, 9, 3, API_WALK },
    { "Fetch", 1, 4, 18, 12, 4, API_WALK },
    { "ListOffsets", 2, 0, 11, 6, 0, API_PASS },
    { "Metadata", 3, 0, 13, 9, 0, API_WALK },
    { "LeaderAndIsr", 4, 0, 7, 4, 0, API_DENY },
    { "StopReplica", 5, 0, 4, 2, 0, API_DENY },
    { "UpdateMetadata", 6, 0, 8, 6, 0, API_DENY },
    { "ControlledShutdown", 7, 0, 3, 3, 0, API_DENY },
    { "OffsetCommit", 8, 0, 10, 8, 0, API_PASS },
    { "OffsetFetch", 9, 0, 10, 6, 0, API_PASS },
    { "FindCoordinator", 10, 0, 6, 3, 0, API_WALK },
    { "JoinGroup", 11, 0, 9, 6, 0, API_PASS },
    { "Heartbeat", 12, 0, 4, 4, 0, API_PASS },
    { "LeaveGroup", 13, 0, 5, 4, 0, API_PASS },
    { "SyncGroup", 14, 0, 5, 4, 0, API_PASS },
    { "DescribeGroups", 15, 0, 6, 5, 0, API_PASS },
    { "ListGroups", 16, 0, 5, 3, 0, API_PASS },
    { "SaslHandshake", 17, 0, 1, NEVER, 0, API_WALK },
    { "ApiVersions", 18, 0, 5, 3, 0, API_WALK },
    { "CreateTopics", 19, 0, 7, 5, 0, API_WALK },
    { "DeleteTopics", 20, 0, 6, 4, 0, API_WALK },
    { "DeleteRecords", 21, 0, 2, 2, 0, API_WALK },
    { "InitProducerId", 22, 0, 6, 2, 0, API_PASS },
    { "OffsetForLeaderEpoch", 23, 0, 4, 4, 0, API_PASS },
    { "AddPartitionsToTxn", 24, 0, 5, 3, 0, API_PASS },
    { "AddOffsetsToTxn", 25, 0, 4, 3, 0, API_PASS },
    { "EndTxn", 26, 0, 5, 3, 0, API_WALK },
    { "WriteTxnMarkers", 27, 0, 2, 1, 0, API_PASS },
    { "TxnOffsetCommit", 28, 0, 6, 3, 0, API_PASS },
    { "DescribeAcls", 29, 0, 3, 2, 0, API_PASS },
    { "CreateAcls", 30, 0, 3, 2, 0, API_PASS },
    { "DeleteAcls", 31, 0, 3, 2, 0, API_PASS },
    { "DescribeConfigs", 32, 0, 4, 4, 0, API_PASS },
    { "AlterConfigs", 33, 0, 2, 2, 0, API_PASS },
    { "AlterReplicaLogDirs", 34, 0, 2, 2, 0, API_PASS },
    { "DescribeLogDirs", 35, 0, 5, 2, 0, API_PASS },
    { "SaslAuthenticate", 36, 0, 2, 2, 0, API_WALK },
    { "CreatePartitions", 37, 0, 3, 2, 0, API_PASS },
    { "CreateDelegationToken", 38, 0, 3, 2, 0, API_PASS },
    { "RenewDelegationToken", 39, 0, 2, 2, 0, API_PASS },
    { "ExpireDelegationToken", 40, 0, 2, 2, 0, API_PASS },
    { "DescribeDelegationToken", 41, 0, 3, 2, 0, API_PASS },
    { "DeleteGroups", 42, 0, 3, 2, 0, API_PASS },
    { "ElectLeaders", 43, 0, 2, 2, 0, API_PASS },
    { "IncrementalAlterConfigs", 44, 0, 1, 1, 0, API_PASS },
    { "AlterPartitionReassignments", 45, 0, 1, 0, 0, API_PASS },
    { "ListPartitionReassignments", 46, 0, 0, 0, 0, API_PASS },
    { "OffsetDelete", 47, 0, 0, NEVER, 0, API_PASS },
    { "DescribeClientQuotas", 48, 0, 1, 1, 0, API_PASS },
    { "AlterClientQuotas", 49, 0, 1, 1, 0, API_PASS },
    { "DescribeUserScramCredentials", 50, 0, 0, 0, 0, API_PASS },
    { "AlterUserScramCredentials", 51, 0, 0, 0, 0, API_PASS },
    { "Vote", 52, 0, 2, 0, 0, API_DENY },
    { "BeginQuorumEpoch", 53, 0, 1, 1, 0, API_DENY },
    { "EndQuorumEpoch", 54, 0, 1, 1, 0, API_DENY },
    { "DescribeQuorum", 55, 0, 2, 0, 0, API_PASS },
    { "AlterPartition", 56, 0, 3, 0, 0, API_DENY },
    { "UpdateFeatures", 57, 0, 2, 0, 0, API_PASS },
    { "Envelope", 58, 0, 0, 0, 0, API_DENY },
    { "FetchSnapshot", 59, 0, 1, 0, 0, API_DENY },
    { "DescribeCluster", 60, 0, 2, 0, 0, API_WALK },
    { "DescribeProducers", 61, 0, 0, 0, 0, API_PASS },
    { "BrokerRegistration", 62, 0, 4, 0, 0, API_DENY },
    { "BrokerHeartbeat", 63, 0, 2, 0, 0, API_DENY },
    { "UnregisterBroker", 64, 0, 0, 0, 0, API_PASS },
    { "DescribeTransactions", 65, 0, 0, 0, 0, API_PASS },
    { "ListTransactions", 66, 0, 2, 0, 0, API_PASS },
    { "AllocateProducerIds", 67, 0, 0, 0, 0, API_DENY },
    { "ConsumerGroupHeartbeat", 68, 0, 1, 0, 0, API_PASS },
    { "ConsumerGroupDescribe", 69, 0, 1, 0, 0, API_PASS },
    { "ControllerRegistration", 70, 0, 0, 0, 0, API_DENY },
    { "GetTelemetrySubscriptions", 71, 0, 0, 0, 0, API_PASS },
    { "PushTelemetry", 72, 0, 0, 0, 0, API_PASS },
    { "AssignReplicasToDirs", 73, 0, 0, 0, 0, API_DENY },
    { "ListConfigResources", 74, 0, 1, 0, 0, API_PASS },
    { "DescribeTopicPartitions", 75, 0, 0, 0, 0, API_WALK },
    { "ShareGroupHeartbeat", 76, 1, 1, 0, 1, API_PASS },
    { "ShareGroupDescribe", 77, 1, 1, 0, 1, API_PASS },
    { "ShareFetch", 78, 1, 2, 0, 1, API_WALK },
    { "ShareAcknowledge", 79, 1, 2, 0, 1, API_WALK },
    { "AddRaftVoter", 80, 0, 1, 0, 0, API_PASS },
    { "RemoveRaftVoter", 81, 0, 0, 0, 0, API_PASS },
    { "UpdateRaftVoter", 82, 0, 0, 0, 0, API_DENY },
    { "InitializeShareGroupState", 83, 0, 0, 0, 0, API_DENY },
    { "ReadShareGroupState", 84, 0, 0, 0, 0, API_DENY },
    { "WriteShareGroupState", 85, 0, 1, 0, 0, API_DENY },
    { "DeleteShareGroupState", 86, 0, 0, 0, 0, API_DENY },
    { "ReadShareGroupStateSummary", 87, 0, 1, 0, 0, API_DENY },
    { "StreamsGroupHeartbeat", 88, 0, 1, 0, 0, API_PASS },
    { "StreamsGroupDescribe", 89, 0, 1, 0, 0, API_PASS },
    { "DescribeShareGroupOffsets", 90, 0, 1, 0, 0, API_PASS },
    { "AlterShareGroupOffsets", 91, 0, 0, 0, 0, API_PASS },
    { "DeleteShareGroupOffsets", 92, 0, 0, 0, 0, API_PASS },
    { "StreamsGroupTopologyDescriptionUpdate", 93, 0, 0, 0, 0, API_PASS },
    { "UnregisterController", 94, 0, 0, 0, 0, API_PASS },
};

const struct api *api_find(int16_t key)
{
    if (key < 0 || (size_t)key >= sizeof apis / sizeof *apis) {
        return NULL;
    }
    return &apis[key];
}

bool api_serves(const struct api *api, int16_t version)
{
    return api && api->class != API_DENY && version >= api->served_since && version <= api->version_max;
}

bool api_is_flexible(const struct api *api, int16_t version)
{
    return version >= api->flexible_since;
}

int request_header_version(const struct api *api, int16_t version)
{
    return api_is_flexible(api, version) ? 2 : 1;
}

int response_header_version(const struct api *api, int16_t version)
{
    return api->key != API_VERSIONS && api_is_flexible(api, version) ? 1 : 0;
}
