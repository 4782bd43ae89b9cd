//! Certificates of one run: central's, and one for each edge, of one authority.

use std::path::Path;

use footfall_harness::authority::{Authority, CENTRAL, Identity, Usage};

/// An authority and the certificate of central.
pub(crate) struct Certificates {
    pub(crate) authority: Authority,
    pub(crate) central: Identity,
}

impl Certificates {
    /// Makes both in a folder, where central reads them.
    pub(crate) fn new(folder: &Path) -> Self {
        let authority = Authority::new(folder);
        let central = authority.issue(CENTRAL, Usage::Server);
        Self { authority, central }
    }

    /// What proves to central that it speaks with this edge.
    pub(crate) fn client(&self, edge_id: &str) -> rustls::ClientConfig {
        self.authority.client(&self.authority.issue(edge_id, Usage::Client))
    }
}
