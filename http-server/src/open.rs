//! The connections that there are: who may come, who goes for whom, and who is overdue.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::connection::{Clock, Connection};
use crate::limits::Limits;
use crate::metrics::{Closed, Metrics, Refused};
use crate::places::{Bounds, Decision, Network, Places};

/// Connections that are looked at to find an idle one, at most.
const SEARCHED: usize = 2048;

/// Who is never counted for his address.
pub(crate) type Exempt = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// The open connections of one listener, however many threads serve it.
pub(crate) struct Open {
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    exempt: Exempt,
    state: Mutex<State>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("limits", &self.limits).finish_non_exhaustive()
    }
}

struct State {
    places: Places,
    next: u64,
    /// By age: an id is never given twice.
    connections: BTreeMap<u64, Arc<Connection>>,
    /// Those without a credential.
    networks: HashMap<Network, BTreeSet<u64>>,
}

impl Open {
    pub(crate) fn new(limits: Limits, exempt: Exempt, metrics: Metrics) -> Arc<Self> {
        let Limits { connections, reserved, per_address, .. } = limits;
        let places = Places::new(Bounds { connections, reserved, per_address });
        let state = State { places, next: 0, connections: BTreeMap::new(), networks: HashMap::new() };
        Arc::new(Self { limits, clock: Clock::default(), metrics, exempt, state: Mutex::new(state) })
    }

    /// Lets a connection in, for another if need be.
    pub(crate) fn admit(&self, address: IpAddr) -> Result<Arc<Connection>, Refused> {
        let network = (!(self.exempt)(address)).then(|| Network::from(address));
        let mut state = self.state.lock();
        let decision = state.places.decide(network);
        let on_trial = match decision {
            Decision::Admit => Ok(false),
            Decision::ReplaceOwn => {
                let own = network.and_then(|network| state.oldest_idle_of(network));
                own.map(|other| self.replace(&mut state, &other)).map(|()| false).ok_or(Refused::Address)
            }
            Decision::ReplaceAny => match state.oldest_idle() {
                Some(other) => {
                    self.replace(&mut state, &other);
                    // Its place is what it was.
                    Ok(other.is_on_trial())
                }
                None if state.places.has_reserved() => Ok(true),
                None => Err(Refused::Full),
            },
        };
        let on_trial = on_trial.inspect_err(|refused| self.metrics.refused(*refused))?;
        let id = state.next;
        state.next += 1;
        let connection = Connection::new(id, network, on_trial, &self.limits, self.clock.clone());
        let connection = Arc::new(connection);
        state.places.enter(network);
        state.connections.insert(id, Arc::clone(&connection));
        if let Some(network) = network {
            state.networks.entry(network).or_default().insert(id);
        }
        self.metrics.open.set(state.places.taken() as i64);
        Ok(connection)
    }

    fn replace(&self, state: &mut State, other: &Connection) {
        state.remove(other);
        other.end();
        self.metrics.closed(Closed::Replaced);
    }

    /// A connection has ended.
    pub(crate) fn leave(&self, connection: &Connection) {
        let mut state = self.state.lock();
        state.remove(connection);
        self.metrics.open.set(state.places.taken() as i64);
    }

    /// A connection has shown a credential.
    pub(crate) fn prove(&self, connection: &Connection) {
        let mut state = self.state.lock();
        if state.connections.contains_key(&connection.id) && connection.set_proven() {
            state.places.prove(connection.network);
            state.forget_network(connection);
        }
    }

    /// Ends all that are overdue at `now`.
    pub(crate) fn sweep(&self, now: u64) {
        self.clock.set(now);
        let mut overdue = Vec::new();
        for connection in self.state.lock().connections.values() {
            if let Some(closed) = connection.overdue(now) {
                overdue.push((Arc::clone(connection), closed));
            }
        }
        for (connection, closed) in overdue {
            self.metrics.closed(closed);
            // A slow body is told first.
            if closed != Closed::Body {
                connection.end();
            }
        }
    }

    /// Ends all that are left.
    pub(crate) fn end_all(&self) {
        self.state.lock().connections.values().for_each(|connection| connection.end());
    }
}

impl State {
    fn oldest_idle(&self) -> Option<Arc<Connection>> {
        first_to_go(self.connections.values())
    }

    fn oldest_idle_of(&self, network: Network) -> Option<Arc<Connection>> {
        let own = self.networks.get(&network)?;
        first_to_go(own.iter().filter_map(|id| self.connections.get(id)))
    }

    /// Takes it out, if it is still there.
    fn remove(&mut self, connection: &Connection) {
        if self.connections.remove(&connection.id).is_some() {
            self.places.leave(connection.network, connection.is_proven());
            self.forget_network(connection);
        }
    }

    fn forget_network(&mut self, connection: &Connection) {
        if let Some(network) = connection.network
            && let Some(own) = self.networks.get_mut(&network)
        {
            own.remove(&connection.id);
            if own.is_empty() {
                self.networks.remove(&network);
            }
        }
    }
}

/// The oldest that is idle: of those that never asked anything, where there is one; somebody whose connection was of use may be about to
/// ask again.
fn first_to_go<'c>(by_age: impl Iterator<Item = &'c Arc<Connection>>) -> Option<Arc<Connection>> {
    let mut served = None;
    for connection in by_age.take(SEARCHED).filter(|connection| connection.is_idle()) {
        if !connection.is_served() {
            return Some(Arc::clone(connection));
        }
        served.get_or_insert(connection);
    }
    served.cloned()
}
