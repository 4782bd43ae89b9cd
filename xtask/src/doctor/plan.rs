//! What adds the parts that a machine lacks: the commands that may be run here, and what a person is told about the others.
//! Pure: it is told what was found, looks at nothing and runs nothing.

use super::part::Part;

/// Who may install packages here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rights {
    /// We are root.
    Root,
    /// sudo makes us root without asking anything.
    Sudo,
    /// sudo would ask for a password, or refuse: that is between it and a person.
    Asks,
    /// There is no sudo.
    Nobody,
}

/// By what parts can be added here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Means {
    pub(super) apt: bool,
    pub(super) rights: Rights,
    pub(super) rustup: bool,
}

/// One command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Step {
    /// The program and its arguments.
    pub(super) words: Vec<String>,
    /// Whether it adds something itself. One that does not may fail: what follows it decides.
    pub(super) adds: bool,
}

const APT: [&str; 7] = [
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "apt-get",
    "-q",
    "-oAcquire::Retries=3",
    // Somebody else's installation ends.
    "-oDPkg::Lock::Timeout=300",
    "-oDpkg::Use-Pty=0",
];
const INSTALL: [&str; 3] = ["install", "-y", "--no-install-recommends"];

/// The commands that can be run here, in their order, none of which asks anything.
pub(super) fn steps(missing: &[&Part], means: Means) -> Vec<Step> {
    let mut steps = Vec::new();
    let packages = packages(missing);
    if means.apt && !packages.is_empty() && matches!(means.rights, Rights::Root | Rights::Sudo) {
        let sudo: &[&str] = if means.rights == Rights::Sudo { &["sudo", "-n"] } else { &[] };
        let apt = |words: &[&str], adds| Step { words: owned(&[sudo, &APT[..], words].concat()), adds };
        steps.push(apt(&["update"], false));
        steps.push(apt(&[&INSTALL[..], &packages[..]].concat(), true));
    }
    if means.rustup {
        let rustup = missing.iter().filter(|part| !part.rustup.is_empty());
        steps.extend(
            rustup.map(|part| Step { words: owned(&[&["rustup"][..], part.rustup].concat()), adds: true }),
        );
    }
    steps
}

/// How a person adds them: commands to type, as short as they may be, and words where there is no command.
pub(super) fn remedy(missing: &[&Part], means: Means) -> String {
    let packages = packages(missing);
    let rustup: Vec<String> = missing
        .iter()
        .filter(|part| !part.rustup.is_empty())
        .map(|part| format!("rustup {}", part.rustup.join(" ")))
        .collect();
    let mut typed = Vec::new();
    let mut told = Vec::new();
    if !packages.is_empty() {
        let (install, packages) = (INSTALL.join(" "), packages.join(" "));
        match (means.apt, means.rights) {
            (false, _) => told.push(format!(
                "install what provides the Debian packages {packages} (there is no apt-get here)"
            )),
            (true, Rights::Root) => typed.push(format!("apt-get update && apt-get {install} {packages}")),
            (true, Rights::Sudo | Rights::Asks) => {
                typed.push(format!("sudo apt-get update && sudo apt-get {install} {packages}"));
            }
            (true, Rights::Nobody) => {
                told.push(format!("as root, apt-get update && apt-get {install} {packages}"));
            }
        }
    }
    if means.rustup {
        typed.extend(rustup);
    } else if !rustup.is_empty() {
        told.push(format!(
            "install Rust with rustup, which is not here (https://rustup.rs), then {}",
            rustup.join(" && ")
        ));
    }
    let typed = Some(typed.join(" && ")).filter(|typed| !typed.is_empty());
    typed.into_iter().chain(told).collect::<Vec<_>>().join("; ")
}

/// The one sentence of a command that cannot go on.
pub(super) fn sentence(missing: &[&Part], means: Means) -> String {
    format!("this machine lacks {}; to add it: {}", names(missing), remedy(missing, means))
}

/// Of parts, for people.
pub(super) fn names(parts: &[&Part]) -> String {
    parts.iter().map(|part| part.name).collect::<Vec<_>>().join(", ")
}

fn packages(parts: &[&Part]) -> Vec<&'static str> {
    let mut packages: Vec<&str> = Vec::new();
    for package in parts.iter().flat_map(|part| part.apt) {
        if !packages.contains(package) {
            packages.push(package);
        }
    }
    packages
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::part::PARTS;
    use super::*;

    const ALL: Means = Means { apt: true, rights: Rights::Root, rustup: true };

    fn parts(names: &[&str]) -> Vec<&'static Part> {
        let find = |name: &&str| PARTS.iter().find(|part| part.name.contains(name)).expect("a part");
        names.iter().map(find).collect()
    }

    fn lines(names: &[&str], means: Means) -> Vec<String> {
        steps(&parts(names), means).into_iter().map(|step| step.words.join(" ")).collect()
    }

    #[test]
    fn root_and_sudo_install_in_one_call_and_nobody_else_does() {
        let lacks = ["OpenSSL", "Chromium", "wasm32"];
        let target = "rustup target add wasm32-unknown-unknown";
        let root = lines(&lacks, ALL);
        assert_eq!(root.len(), 3, "{root:?}");
        assert!(
            root[0].starts_with("env DEBIAN_FRONTEND=noninteractive apt-get ")
                && root[0].ends_with(" update")
        );
        assert!(
            root[1].ends_with(
                " install -y --no-install-recommends libssl-dev pkg-config chromium chromium-driver"
            )
        );
        assert_eq!(root[2], target);
        let sudo = lines(&lacks, Means { rights: Rights::Sudo, ..ALL });
        assert_eq!(sudo[0], format!("sudo -n {}", root[0]));
        assert_eq!(sudo[1], format!("sudo -n {}", root[1]));
        for rights in [Rights::Asks, Rights::Nobody] {
            assert_eq!(lines(&lacks, Means { rights, ..ALL }), [target], "{rights:?}");
        }
        assert_eq!(lines(&lacks, Means { apt: false, ..ALL }), [target]);
        assert_eq!(lines(&lacks, Means { rustup: false, ..ALL }), root[..2]);
    }

    #[test]
    fn nothing_is_asked_and_lists_that_are_old_alone_stop_nothing() {
        let steps = steps(&parts(&["Redis"]), ALL);
        assert_eq!(steps.iter().map(|step| step.adds).collect::<Vec<_>>(), [false, true]);
        for step in &steps {
            assert!(step.words.contains(&"DEBIAN_FRONTEND=noninteractive".to_owned()), "{step:?}");
        }
        assert!(steps[1].words.contains(&"-y".to_owned()));
    }

    #[test]
    fn apt_is_not_run_for_what_rustup_adds_nor_the_other_way_round() {
        assert_eq!(lines(&["wasm32"], ALL), ["rustup target add wasm32-unknown-unknown"]);
        assert_eq!(lines(&["clippy"], ALL), ["rustup component add clippy rustfmt"]);
        assert!(lines(&["wrk"], ALL).iter().all(|line| line.contains("apt-get")));
        assert!(lines(&[], ALL).is_empty());
    }

    #[test]
    fn every_part_is_added_somehow_where_everything_may_be_done() {
        for part in PARTS {
            let steps = steps(&[part], ALL);
            assert!(steps.iter().any(|step| step.adds), "{}", part.name);
            for word in part.apt.iter().chain(part.rustup) {
                assert!(steps.iter().any(|step| step.words.iter().any(|had| had == word)), "{word}");
            }
        }
    }

    #[test]
    fn what_cannot_be_run_is_told_with_what_to_type() {
        let told = |means| sentence(&parts(&["curl", "wasm32"]), means);
        let lacks = "this machine lacks curl, wasm32-unknown-unknown; to add it: ";
        let target = "rustup target add wasm32-unknown-unknown";
        let install = "install -y --no-install-recommends curl";
        assert_eq!(told(ALL), format!("{lacks}apt-get update && apt-get {install} && {target}"));
        for rights in [Rights::Sudo, Rights::Asks] {
            assert_eq!(
                told(Means { rights, ..ALL }),
                format!("{lacks}sudo apt-get update && sudo apt-get {install} && {target}")
            );
        }
        assert_eq!(
            told(Means { rights: Rights::Nobody, ..ALL }),
            format!("{lacks}{target}; as root, apt-get update && apt-get {install}")
        );
        let bare = told(Means { apt: false, rights: Rights::Nobody, rustup: false });
        assert!(bare.contains("the Debian packages curl (there is no apt-get here)"), "{bare}");
        assert!(
            bare.contains("install Rust with rustup, which is not here") && bare.ends_with(target),
            "{bare}"
        );
        assert_eq!(bare.lines().count(), 1);
    }
}
