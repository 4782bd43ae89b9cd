//! Every configuration that is given out is read by the program that it is for, in a test of that program; where nobody names one, a
//! wrong one would be found by whoever starts it.

use super::{Deploy, is};
use crate::place;

/// The test that reads each, by program.
const READ: [(&str, &str); 2] = [
    ("edge.toml", "edge-collector/src/config/tests.rs"),
    ("central.toml", "central/server/src/config/tests.rs"),
];

#[test]
fn every_configuration_is_read_by_its_program() {
    let deploy = Deploy::read();
    let configurations: Vec<&String> = deploy.files.keys().filter(|path| is(path, "toml")).collect();
    assert!(configurations.len() >= 4, "{configurations:?}");
    for path in configurations {
        let program = path.rsplit('/').next().unwrap_or_default();
        let (_, reader) = READ
            .iter()
            .find(|(name, _)| *name == program)
            .unwrap_or_else(|| panic!("deploy/{path} is for no program"));
        let text = std::fs::read_to_string(place::root().join(reader)).unwrap();
        assert!(text.contains(&format!("\"{path}\"")), "{reader} does not read deploy/{path}");
    }
}
