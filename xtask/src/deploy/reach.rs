//! Who reaches whom: networks, ports, waits, and the address from which the edge believes what it is told of a visitor.

use std::collections::BTreeSet;

use super::compose::Service;
use super::{Deploy, Faults};

fn faults(deploy: &Deploy) -> Faults {
    let mut faults = waits(deploy);
    faults.extend(ports(deploy));
    faults.extend(health(deploy));
    faults.extend(hosts(deploy));
    faults.extend(proxies(deploy));
    faults
}

/// Networks and waits name what is there; who is waited for to be healthy is asked.
fn waits(deploy: &Deploy) -> Faults {
    let compose = &deploy.compose;
    let mut faults = Vec::new();
    for (name, service) in &compose.services {
        for (other, condition) in &service.depends_on {
            let fits = compose.services.get(other).is_some_and(|other| match condition.condition.as_str() {
                "service_completed_successfully" => other.ends(),
                "service_healthy" => !other.healthcheck.test.is_empty(),
                "service_started" => true,
                _ => false,
            });
            if !fits {
                faults.push(format!("{name}: it waits for {other} in a way that cannot be"));
            }
        }
        let mode = service.network_mode.as_deref().map(|mode| mode.strip_prefix("service:").unwrap_or(mode));
        if mode.is_some_and(|mode| mode != "none" && !compose.services.contains_key(mode)) {
            faults.push(format!("{name}: there is no network of {mode:?}"));
        }
        if mode.is_some() != service.networks.is_empty() {
            faults.push(format!("{name}: it is in the default network, where everybody is"));
        }
        for network in service.networks.iter().filter(|network| !compose.networks.contains_key(*network)) {
            faults.push(format!("{name}: there is no network {network}"));
        }
    }
    let used: BTreeSet<&String> = compose.services.values().flat_map(|service| &service.networks).collect();
    faults.extend(
        compose
            .networks
            .keys()
            .filter(|name| !used.contains(name))
            .map(|name| format!("nobody is in the network {name}")),
    );
    faults
}

/// The port that a configured address says.
fn port(address: &toml::Value) -> Option<u16> {
    address.as_str()?.rsplit_once(':')?.1.parse().ok()
}

/// A port of the host is on loopback and leads to where somebody listens.
fn ports(deploy: &Deploy) -> Faults {
    let mut faults = Vec::new();
    let edge = port(&deploy.toml("compose/edge.toml")["http"]["listen"]);
    let carried = deploy.compose.services.get("dashboard").and_then(listened);
    for (name, service) in &deploy.compose.services {
        for published in &service.ports {
            let mut parts = published.rsplitn(3, ':');
            let inside = parts.next().and_then(|port| port.parse::<u16>().ok());
            if parts.nth(1) != Some("127.0.0.1") {
                faults.push(format!("{name}: the port {published} is open to more than this machine"));
            }
            if inside.is_none() || ![edge, carried].contains(&inside) {
                faults.push(format!("{name}: nobody listens at the port {published}"));
            }
            if service
                .networks
                .iter()
                .all(|network| deploy.compose.networks.get(network).is_none_or(|network| network.internal))
            {
                faults.push(format!("{name}: no network carries the port {published} to the host"));
            }
        }
    }
    faults
}

/// Whether the edge lives is asked where it tells, which no port of the host leads to.
fn health(deploy: &Deploy) -> Faults {
    let told = deploy.toml("compose/edge.toml").get("health").and_then(|health| port(health.get("listen")?));
    let asked =
        deploy.compose.services["edge"].healthcheck.test.last().and_then(|url| {
            url.strip_prefix("http://127.0.0.1:")?.strip_suffix("/healthz")?.parse::<u16>().ok()
        });
    if told.is_none() || asked != told {
        return vec![format!("edge: its health is asked at {asked:?} and told at {told:?}")];
    }
    Vec::new()
}

/// Where socat listens.
fn listened(service: &Service) -> Option<u16> {
    let listen = service.entrypoint.iter().find_map(|word| word.strip_prefix("TCP-LISTEN:"))?;
    listen.split(',').next()?.parse().ok()
}

/// Every server that central's and the edge's configurations name is a service in a network of theirs.
fn hosts(deploy: &Deploy) -> Faults {
    let mut faults = Vec::new();
    let expression = regex::Regex::new(r#""(?:https?://)?([a-z0-9-]+):[0-9]+""#).unwrap();
    for (name, path) in [("central", "compose/central.toml"), ("edge", "compose/edge.toml")] {
        let own = |service: &Service| service.networks.iter().cloned().collect::<BTreeSet<_>>();
        let networks = own(&deploy.compose.services[name]);
        let text = deploy.text(path);
        let section = |section: &str| Some(deploy.toml(path).get(section)?.as_table()?.clone());
        let mut named: Vec<String> = expression.captures_iter(text).map(|host| host[1].to_owned()).collect();
        for tier in [
            section("metadata").and_then(|tier| tier.get("postgresql").cloned()),
            section("live").and_then(|tier| tier.get("redis").cloned()),
        ] {
            named.extend(tier.and_then(|tier| tier.get("host")?.as_str().map(str::to_owned)));
        }
        for host in named {
            if deploy.compose.services.get(&host).is_none_or(|service| own(service).is_disjoint(&networks)) {
                faults.push(format!("{name}: it cannot reach {host}"));
            }
        }
    }
    let relay = port(&deploy.toml("compose/central.toml")["relay"]["listen"]);
    if relay.is_none() || port(&deploy.toml("compose/edge.toml")["central"]["address"]) != relay {
        faults.push("edge: central's relay listens at another port".to_owned());
    }
    faults
}

/// What is carried from the host's port to the edge comes from the gateway of a network of the edge's alone: that is the proxy.
fn proxies(deploy: &Deploy) -> Faults {
    let http = deploy.toml("compose/edge.toml").get("http").cloned();
    let trusted =
        http.as_ref().and_then(|http| http.get("trusted_proxies")?.as_array().cloned()).unwrap_or_default();
    let trusted: BTreeSet<&str> = trusted.iter().filter_map(toml::Value::as_str).collect();
    let compose = &deploy.compose;
    let front =
        compose.services["edge"].networks.iter().filter_map(|name| Some((name, compose.networks.get(name)?)));
    let front = front.filter(|(_, network)| !network.internal);
    let mut faults = Vec::new();
    let mut gateways = BTreeSet::new();
    for (name, network) in front {
        gateways.extend(network.ipam.config.iter().map(|subnet| subnet.gateway.as_str()));
        if compose.services.iter().any(|(other, service)| other != "edge" && service.networks.contains(name))
        {
            faults.push(format!("another service than the edge is in the network {name}"));
        }
    }
    if trusted.is_empty() || trusted != gateways {
        faults.push(format!("compose/edge.toml trusts {trusted:?} as proxies, and what comes through the port comes from {gateways:?}"));
    }
    let example = deploy.toml("config/edge.toml");
    if example["http"].get("trusted_proxies").and_then(toml::Value::as_array).is_none_or(Vec::is_empty) {
        faults.push("config/edge.toml trusts no proxy: all visitors would have one address".to_owned());
    }
    faults
}

#[test]
fn each_service_reaches_what_it_needs_and_the_world_reaches_none() {
    super::none(&faults(&Deploy::read()));
}

#[test]
fn a_way_that_leads_nowhere_or_too_far_is_found() {
    let deploy = Deploy::read();
    for (path, from, to, part) in [
        ("compose.yaml", "127.0.0.1:8080:8080", "8080:8080", "edge: the port"),
        ("compose.yaml", "127.0.0.1:8080:8080", "127.0.0.1:8080:8090", "edge: nobody listens"),
        ("compose.yaml", "127.0.0.1:8080:8080", "127.0.0.1:8083:8083", "edge: nobody listens"),
        ("compose/edge.toml", "127.0.0.1:8083", "127.0.0.1:8084", "edge: its health is asked"),
        (
            "compose.yaml",
            "keeper: { condition: service_healthy }",
            "keper: { condition: service_healthy }",
            "it waits for keper",
        ),
        ("compose.yaml", "[front, relay]", "[front, rely]", "there is no network rely"),
        (
            "compose.yaml",
            "networks: [stores, relay, desk]",
            "networks: [relay, desk]",
            "central: it cannot reach kafka",
        ),
        (
            "compose.yaml",
            "networks: [stores, relay, desk]",
            "networks: [stores, front, relay, desk]",
            "another service than the edge",
        ),
        ("compose.yaml", "gateway: 172.31.250.1", "gateway: 172.31.250.2", "what comes through the port"),
        (
            "compose/edge.toml",
            "trusted_proxies = [\"172.31.250.1\"]",
            "trusted_proxies = [\"172.16.0.0/12\"]",
            "what comes through",
        ),
        ("compose/edge.toml", "trusted_proxies = [\"172.31.250.1\"]", "", "what comes through"),
        (
            "compose/central.toml",
            "host = \"postgresql\"",
            "host = \"postgres\"",
            "central: it cannot reach postgres",
        ),
        ("compose/central.toml", "0.0.0.0:4433", "0.0.0.0:4434", "at another port"),
        (
            "config/edge.toml",
            "trusted_proxies = [\"127.0.0.0/8\"]",
            "trusted_proxies = []",
            "trusts no proxy",
        ),
    ] {
        super::found(&faults(&deploy.with(path, from, to)), part);
    }
}
