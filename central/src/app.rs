//! The composition root: the one place that names concrete backends and the order in which they start and stop.
