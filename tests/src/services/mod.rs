//! The real servers as stories use them: started, killed, brought back. What they say of themselves is read by `footfall-harness`.

mod own;
mod running;

pub use footfall_harness::services::*;
pub use own::Own;
pub use running::Running;
