//! What a configuration may say, where it may say it, and what a person is told when it is wrong.

#![allow(unused_qualifications, reason = "the derive writes the types of fields once more")]

use super::*;
use confique::Config;
use proptest::prelude::*;
use serde::Deserialize;

/// A program.
#[derive(Config, Debug)]
#[config(layer_attr(serde(deny_unknown_fields)))]
struct Raw {
    /// Where everything lies.
    data: PathBuf,
    /// The HTTP server.
    #[config(nested)]
    http: Http,
    #[config(nested)]
    log: Log,
}

#[derive(Config, Debug)]
#[config(layer_attr(serde(deny_unknown_fields)))]
struct Http {
    /// Address and port.
    #[config(default = "127.0.0.1:80")]
    listen: String,
    /// Further names,
    /// of any length.
    #[config(default = ["a", "b"])]
    names: Vec<String>,
    #[config(default = 16)]
    workers: u16,
    /// Nothing: all are free.
    limit: Option<i64>,
}

#[derive(Config, Debug)]
#[config(layer_attr(serde(deny_unknown_fields)))]
struct Log {
    #[config(default = 8_589_934_592_u64)]
    max_bytes: u64,
    #[config(nested)]
    kafka: Kafka,
}

#[derive(Config, Debug)]
#[config(layer_attr(serde(deny_unknown_fields)))]
struct Kafka {
    #[config(default = "slow")]
    speed: Speed,
    #[config(default = true)]
    tls: bool,
    ratio: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Speed {
    Slow,
    Fast,
}

fn given(text: &str, variables: &[(&str, &str)]) -> Result<Raw, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    read(text, variables, &["FOOTFALL_ELSEWHERE_", "FOOTFALL_EXACT"])
}

#[test]
fn the_environment_comes_before_the_file_and_the_file_before_the_defaults() {
    let file = "data = '/file'\n[http]\nlisten = 'file:1'\nworkers = 2\n[log.kafka]\nspeed = 'fast'\n";
    let raw = given(file, &[("FOOTFALL_HTTP_WORKERS", "3"), ("FOOTFALL_DATA", "/variable")]).expect("valid");
    assert_eq!((raw.data.to_str(), raw.http.workers), (Some("/variable"), 3));
    assert_eq!((raw.http.listen.as_str(), raw.log.kafka.speed), ("file:1", Speed::Fast));
    assert_eq!((raw.log.max_bytes, raw.http.limit, raw.log.kafka.tls), (8 << 30, None, true));
    assert_eq!(raw.http.names, ["a", "b"]);
}

#[test]
fn a_variable_is_read_as_its_keys_type() {
    let raw = given(
        "",
        &[
            ("FOOTFALL_DATA", " /with blanks "),
            ("FOOTFALL_HTTP_NAMES", "one, two,,three "),
            ("FOOTFALL_HTTP_LIMIT", " -7 "),
            ("FOOTFALL_LOG_MAX_BYTES", "1"),
            ("FOOTFALL_LOG_KAFKA_SPEED", "fast"),
            ("FOOTFALL_LOG_KAFKA_TLS", "false"),
            ("FOOTFALL_LOG_KAFKA_RATIO", "0.5"),
        ],
    )
    .expect("valid");
    assert_eq!(raw.data.to_str(), Some(" /with blanks "));
    assert_eq!(raw.http.names, ["one", "two", "three"]);
    assert_eq!((raw.http.limit, raw.log.max_bytes), (Some(-7), 1));
    assert_eq!(raw.log.kafka.speed, Speed::Fast);
    assert_eq!((raw.log.kafka.tls, raw.log.kafka.ratio), (false, Some(0.5)));
}

#[test]
fn what_is_wrong_is_told_in_one_sentence_that_names_it() {
    for (text, variables, parts) in [
        ("data = '/d'\n[http]\nlistem = 'x'", &[][..], &["unknown field `listem`", "`listen`", "line 3"][..]),
        ("data = '/d'\n[html]", &[], &["unknown field `html`"]),
        ("data = '/d'\n[log.kafka]\nspeed = 'medium'", &[], &["unknown variant `medium`"]),
        ("data = '/d'\n[log]\nmax_bytes = 'much'", &[], &["invalid type", "line 3"]),
        ("data = '/d'\n[http]\nworkers = -1", &[], &["expected u16"]),
        ("= nonsense", &[], &["the configuration is wrong", "line 1"]),
        ("", &[], &["the configuration lacks `data`"]),
        (
            "data = '/d'",
            &[("FOOTFALL_HTTP_WORKERS", "many")],
            &["FOOTFALL_HTTP_WORKERS", "\"many\"", "whole number"],
        ),
        ("data = '/d'", &[("FOOTFALL_HTTP_WORKERS", "70000")], &["FOOTFALL_HTTP_WORKERS", "range"]),
        ("data = '/d'", &[("FOOTFALL_LOG_KAFKA_TLS", "maybe")], &["FOOTFALL_LOG_KAFKA_TLS", "true or false"]),
        ("data = '/d'", &[("FOOTFALL_LOG_KAFKA_SPEED", "medium")], &["FOOTFALL_LOG_KAFKA_SPEED", "`medium`"]),
        ("data = '/d'", &[("FOOTFALL_HTTP_LISTEM", "x")], &["FOOTFALL_HTTP_LISTEM names no"]),
        ("data = '/d'", &[("FOOTFALL_HTTP", "x")], &["FOOTFALL_HTTP names no"]),
        ("data = '/d'", &[("FOOTFALL_ELSEWHER_X", "x")], &["FOOTFALL_ELSEWHER_X"]),
        ("data = '/d'", &[("FOOTFALL_EXACTLY", "x")], &["FOOTFALL_EXACTLY"]),
    ] {
        let sentence = given(text, variables).expect_err(text).to_string();
        for part in parts {
            assert!(sentence.contains(part), "{text:?} {variables:?}: {sentence}");
        }
        assert!(!sentence.contains('\n'), "{sentence}");
    }
    let missing = load::<Raw>(Path::new("/nonexistent.toml"), &[]).expect_err("no file").to_string();
    assert!(missing.contains("/nonexistent.toml cannot be read"), "{missing}");
}

#[test]
fn variables_of_others_are_let_by() {
    let others = [
        ("HOME", "/root"),
        ("FOOTFALL_LOG", "debug"),
        ("FOOTFALL_KILLS", "100"),
        ("FOOTFALL_ELSEWHERE_LISTEN", "x"),
        ("FOOTFALL_EXACT", "x"),
    ];
    given("data = '/d'", &others).expect("valid");
}

#[test]
fn the_template_names_every_key_with_its_default_and_sets_none() {
    let text = template::<Raw>();
    assert_eq!(
        text,
        "# A program.\n\
         # Every key can be given as FOOTFALL_<SECTION>_<KEY> instead; a list is separated by commas there.\n\
         \n# Where everything lies.\n#data = # required\n\
         \n# The HTTP server.\n[http]\n\
         \n# Address and port.\n#listen = \"127.0.0.1:80\"\n\
         \n# Further names,\n# of any length.\n#names = [\"a\", \"b\"]\n\
         \n#workers = 16\n\
         \n# Nothing: all are free.\n#limit =\n\
         \n[log]\n\n#max_bytes = 8589934592\n\
         \n[log.kafka]\n\n#speed = \"slow\"\n\n#tls = true\n\n#ratio =\n"
    );
    let raw = given(&text, &[("FOOTFALL_DATA", "/d")]).expect("a template is a valid file");
    assert_eq!(raw.http.workers, 16);
    // With every `#` before a default taken away it says the same.
    let set = text.replace("#names", "names").replace("#workers", "workers").replace("#speed", "speed");
    assert_eq!(given(&set, &[("FOOTFALL_DATA", "/d")]).expect("valid").http.names, ["a", "b"]);
}

proptest! {
    #[test]
    fn rubbish_is_told_in_one_sentence(text in ".{0,80}", value in ".{0,20}") {
        for outcome in [given(&text, &[]), given("data = '/d'", &[("FOOTFALL_HTTP_LIMIT", &value)])] {
            if let Err(error) = outcome {
                prop_assert!(!error.to_string().contains('\n'), "{}", error);
            }
        }
    }
}
