# SPDX-License-Identifier: Apache-2.0
"""What a reload leaves as it was until a restart: listeners, brokers and limits, whole and by name."""

import processes
import pytest
import wire
from certificates import Authority
from gateway import Gateway, secure_gateway


def tls_listener(name, authority, host="127.0.0.1", **tls):
    port, base = processes.ports(4)[:2]
    certificate = authority.issue(name)
    return {
        "name": name,
        "address": "%s:%d" % (host, port),
        "clients-known-by": "loopback",
        "tls": {"certificate": certificate.certificate, "key": certificate.key, **tls},
        "advertised": {"host": host, "node-port-base": base, "node-ports": 2},
    }


def common_name(listener, authority, **client):
    """Of the certificate that is shown to a client there."""
    with wire.Wire(listener["address"], wire.tls_context(authority.ca, **client)) as connection:
        assert connection.ask(wire.metadata())
        return dict(part for (part,) in connection.socket.getpeercert()["subject"])["commonName"]


def reload(gateway):
    """The keys that the log then says need a restart."""
    before = len(gateway.events("restart-needed"))
    gateway.write()
    gateway.reload()
    return [(event["key"], event.get("listener")) for event in gateway.events("restart-needed")[before:]]


def test_no_port_turns_plain(tmp_path, kafka, authority):
    """TLS that is taken away is still asked for, also by clients that come later."""
    gateway = Gateway(tmp_path, kafka)
    one = tls_listener("one", authority)
    gateway.settings["listeners"] = [one]
    with gateway:
        plain = {key: value for key, value in one.items() if key != "tls"}
        gateway.settings["listeners"] = [plain]
        assert reload(gateway) == [("tls.enabled", "one")]
        assert common_name(one, authority) == "one"
        with wire.Wire(one["address"]) as connection:
            connection.send(wire.request(wire.API_VERSIONS, 0))
            assert connection.is_closed()


def test_names_exchanged(tmp_path, kafka, authority):
    """A listener keeps its certificate and its authorities, whichever name the next configuration gives it."""
    strangers = Authority(tmp_path / "strangers", "Strangers")
    open_to_strangers = tls_listener("strangers", authority, **{"client-ca": strangers.ca})
    ours = tls_listener("ours", authority, **{"client-ca": authority.ca})
    stranger = strangers.issue("mallory", hosts=())
    gateway = Gateway(tmp_path / "gateway", kafka)
    gateway.settings["listeners"] = [open_to_strangers, ours]
    with gateway:
        gateway.settings["listeners"] = [{**open_to_strangers, "name": "ours"}, {**ours, "name": "strangers"}]
        assert sorted(reload(gateway)) == sorted((key, name) for name in ("strangers", "ours")
                                                 for key in ("address", "advertised.node-port-base"))
        with pytest.raises((OSError, AssertionError)):
            common_name(ours, authority, certificate=stranger.certificate, key=stranger.key)
        assert common_name(open_to_strangers, authority, certificate=stranger.certificate, key=stranger.key) == "strangers"


def test_brokers_stay_with_their_authorities(tmp_path, secure_kafka, authority):
    strangers = Authority(tmp_path / "strangers", "Strangers")
    gateway = secure_gateway(tmp_path / "gateway", secure_kafka, authority)
    with gateway:
        other = {"bootstrap-servers": ["127.0.0.1:1"], "nodes": [{"id": 1, "address": "127.0.0.1:2"}], "tls": {"ca": strangers.ca}}
        gateway.settings.update({"cluster": other, "limits": {"connections": 7}, "workers": 3})
        assert reload(gateway) == [(key, None) for key in (
            "cluster.bootstrap-servers", "cluster.nodes", "workers", "limits.connections")]
        with wire.Wire(gateway.bootstrap, wire.tls_context(authority.ca)) as connection:
            for part in wire.sasl_plain("alice", "alice-secret"):
                assert connection.ask(part)
            assert connection.ask(wire.metadata())
        del gateway.settings["cluster"], gateway.settings["limits"], gateway.settings["workers"]
        assert reload(gateway) == []


@pytest.mark.parametrize("limits, level", [({"memory": "16MiB", "frame-bytes": "9MiB"}, "warning"), ({"memory": "16MiB"}, "info"),
                                           ({"memory": "16MiB", "frame-bytes": "8MiB"}, None)])
def test_a_small_share_is_told(tmp_path, kafka, limits, level):
    """Two workers have 8 MiB each; the default of a frame, which nobody sends, is no reason to warn."""
    with Gateway(tmp_path, kafka, settings={"limits": limits}) as gateway:
        told = gateway.events("small-share")
        assert [event["level"] for event in told] == ([level] if level else [])
        assert all(event["share-bytes"] == 8 << 20 and event["workers"] == 2 for event in told)
