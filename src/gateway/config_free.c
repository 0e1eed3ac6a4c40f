/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config.h"

#include <stdlib.h>

static void free_listener(struct config_listener *listener)
{
    free(listener->name);
    free(listener->tls.certificate);
    free(listener->tls.key);
    free(listener->tls.key_passphrase_file);
    free(listener->tls.client_ca);
    free(listener->tls.client_crl);
    free(listener->advertised.host);
    free(listener->advertised.port_map);
    free(listener->advertised.sni_pattern);
}

static void free_client_tls(struct config_client_tls *tls)
{
    free(tls->ca);
    free(tls->certificate);
    free(tls->key);
    free(tls->key_passphrase_file);
}

static void free_cluster(struct config_cluster *cluster)
{
    free(cluster->bootstrap_servers);
    free(cluster->nodes);
    free_client_tls(&cluster->tls);
}

static void free_ledger(struct config_ledger *ledger)
{
    free(ledger->directory);
    free(ledger->topic.name);
    free(ledger->topic.bootstrap_servers);
    free_client_tls(&ledger->topic.tls);
    free(ledger->topic.sasl.username);
    free(ledger->topic.sasl.password_file);
}

static void free_secret_file(struct config_secret_file *secret)
{
    free(secret->file);
    free(secret->passphrase_file);
}

void config_free(struct config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        free_listener(&config->listeners[i]);
    }
    for (size_t i = 0; i < config->recipient_count; i++) {
        free(config->recipients[i]);
    }
    for (size_t i = 0; i < config->recipient_key_count; i++) {
        free_secret_file(&config->recipient_keys[i]);
    }
    for (size_t i = 0; i < config->topic_count; i++) {
        free(config->topics[i].match);
    }
    for (size_t i = 0; i < config->known_topic_count; i++) {
        free(config->known_topics[i].name);
    }
    free_cluster(&config->cluster);
    free_secret_file(&config->identity);
    free(config->listeners);
    free(config->recipients);
    free(config->recipient_keys);
    free(config->topics);
    free(config->known_topics);
    free(config->trust_file);
    free_ledger(&config->ledger);
    free(config->file);
    yaml_outline_free(&config->outline);
    free(config);
}
