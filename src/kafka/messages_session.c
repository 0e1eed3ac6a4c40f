/* SPDX-License-Identifier: Apache-2.0 */
/* The messages with which a connection begins: versions and identity. */
#include "kafka/api.h"
#include "kafka/message_rows.h"

/* ApiVersions.  Its features are tagged fields that nobody here looks into: they pass unread. */

static const struct field api_versions_request[] = {
    { "ClientSoftwareName", FIELD_STRING, .since = 3 },
    { "ClientSoftwareVersion", FIELD_STRING, .since = 3 },
    { "ClusterId", FIELD_STRING, .since = 5, .nullable = true, .mark = MARK_CLUSTER_ID },
    { "NodeId", FIELD_INT32, .since = 5 },
    { 0 },
};

static const struct field api_version[] = {
    { "ApiKey", FIELD_INT16, .mark = MARK_API_KEY },
    { "MinVersion", FIELD_INT16, .mark = MARK_VERSION_MIN },
    { "MaxVersion", FIELD_INT16, .mark = MARK_VERSION_MAX },
    { 0 },
};

static const struct field supported_feature[] = {
    { "Name", FIELD_STRING },
    { "MinVersion", FIELD_INT16 },
    { "MaxVersion", FIELD_INT16 },
    { 0 },
};

static const struct field finalized_feature[] = {
    { "Name", FIELD_STRING },
    { "MaxVersionLevel", FIELD_INT16 },
    { "MinVersionLevel", FIELD_INT16 },
    { 0 },
};

static const struct field api_versions_response[] = {
    { "ErrorCode", FIELD_INT16, .mark = MARK_ERROR_CODE },
    { "ApiKeys", FIELD_ARRAY, FIELD_STRUCT, .mark = MARK_API, .fields = api_version },
    { "ThrottleTimeMs", FIELD_INT32, .since = 1 },
    { "SupportedFeatures", FIELD_ARRAY, FIELD_STRUCT, .since = 3, .tagged = true, .tag = 0,
      .fields = supported_feature },
    { "FinalizedFeaturesEpoch", FIELD_INT64, .since = 3, .tagged = true, .tag = 1 },
    { "FinalizedFeatures", FIELD_ARRAY, FIELD_STRUCT, .since = 3, .tagged = true, .tag = 2,
      .fields = finalized_feature },
    { "ZkMigrationReady", FIELD_BOOL, .since = 3, .tagged = true, .tag = 3 },
    { 0 },
};

/* SaslHandshake and SaslAuthenticate */

static const struct field sasl_handshake_request[] = {
    { "Mechanism", FIELD_STRING, .mark = MARK_MECHANISM },
    { 0 },
};

static const struct field sasl_handshake_response[] = {
    { "ErrorCode", FIELD_INT16, .mark = MARK_ERROR_CODE },
    { "Mechanisms", FIELD_ARRAY, FIELD_STRING, .mark = MARK_MECHANISM },
    { 0 },
};

static const struct field sasl_authenticate_request[] = {
    { "AuthBytes", FIELD_BYTES, .mark = MARK_AUTH_BYTES },
    { 0 },
};

static const struct field sasl_authenticate_response[] = {
    { "ErrorCode", FIELD_INT16, .mark = MARK_ERROR_CODE },
    { "ErrorMessage", FIELD_STRING, .nullable = true, .mark = MARK_ERROR_MESSAGE },
    { "AuthBytes", FIELD_BYTES, .mark = MARK_AUTH_BYTES },
    { "SessionLifetimeMs", FIELD_INT64, .since = 1, .mark = MARK_SESSION_LIFETIME_MS },
    { 0 },
};

const struct message messages_session[MESSAGES_SESSION] = {
    { "ApiVersionsRequest", API_VERSIONS, MESSAGE_REQUEST, 0, 5, api_versions_request },
    { "ApiVersionsResponse", API_VERSIONS, MESSAGE_RESPONSE, 0, 5, api_versions_response },
    { "SaslHandshakeRequest", API_SASL_HANDSHAKE, MESSAGE_REQUEST, 0, 1, sasl_handshake_request },
    { "SaslHandshakeResponse", API_SASL_HANDSHAKE, MESSAGE_RESPONSE, 0, 1, sasl_handshake_response },
    { "SaslAuthenticateRequest", API_SASL_AUTHENTICATE, MESSAGE_REQUEST, 0, 2, sasl_authenticate_request },
    { "SaslAuthenticateResponse", API_SASL_AUTHENTICATE, MESSAGE_RESPONSE, 0, 2, sasl_authenticate_response },
};
