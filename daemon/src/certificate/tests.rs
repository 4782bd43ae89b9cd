//! Certificates of every kind of fault, made for the test.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair,
};
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::*;

/// 2026-11-30 12:00 UTC.
const NOW: u64 = 1_796_040_000;
const YEAR: i64 = 365 * 86_400;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn time(offset: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW as i64 + offset).expect("a time")
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (time(-YEAR), time(10 * YEAR));
    params
}

fn authority(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().expect("a key")).expect("signed")
}

fn params(usages: &[ExtendedKeyUsagePurpose]) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["edge-1".to_owned()]).expect("a name");
    params.extended_key_usages = usages.to_vec();
    (params.not_before, params.not_after) = (time(-YEAR), time(YEAR));
    params
}

fn identity(params: &CertificateParams, issuer: &Authority, trusted: &Authority) -> Identity {
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, issuer).expect("signed");
    Identity {
        chain: vec![certificate.der().clone()],
        key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        authorities: vec![trusted.der().clone()],
    }
}

const CLIENT: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ClientAuth];
const SERVER: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ServerAuth];

#[test]
fn a_certificate_of_the_authority_for_its_use_in_its_time_is_good() {
    let authority = authority("one");
    for (usages, good_for) in [
        (CLIENT, vec![Usage::Client]),
        (SERVER, vec![Usage::Server]),
        (&[][..], vec![Usage::Client, Usage::Server]),
        (&[CLIENT, SERVER].concat()[..], vec![Usage::Client, Usage::Server]),
    ] {
        let identity = identity(&params(usages), &authority, &authority);
        for usage in [Usage::Client, Usage::Server] {
            let judged = identity.judge(usage, at(NOW));
            assert_eq!(judged.is_ok(), good_for.contains(&usage), "{usages:?} for {usage:?}: {judged:?}");
            if let Err(fault) = judged {
                let sentence = fault.to_string();
                assert!(
                    matches!(fault, Fault::Usage { .. }) && sentence.contains(usage.name()),
                    "{sentence}"
                );
            }
        }
    }
}

#[test]
fn its_time_is_judged_to_the_second() {
    let authority = authority("one");
    let identity = identity(&params(CLIENT), &authority, &authority);
    let (begin, end) = (NOW - YEAR as u64, NOW + YEAR as u64);
    assert_eq!(identity.expiry(), Some(end as i64));
    for good in [begin, end] {
        assert_eq!(identity.judge(Usage::Client, at(good)), Ok(()));
    }
    let expired = identity.judge(Usage::Client, at(end + 1)).expect_err("expired");
    assert_eq!(
        expired.to_string(),
        "has expired on 2027-11-30 12:00 UTC: have the authority issue a new certificate"
    );
    let early = identity.judge(Usage::Client, at(begin - 1)).expect_err("early").to_string();
    assert!(early.starts_with("is not valid before 2025-11-30 12:00 UTC"), "{early}");
}

#[test]
fn another_authority_is_found_whether_it_has_the_same_name_or_not() {
    let trusted = authority("one");
    for name in ["one", "two"] {
        let identity = identity(&params(CLIENT), &authority(name), &trusted);
        assert_eq!(identity.judge(Usage::Client, at(NOW)), Err(Fault::OtherAuthority), "{name}");
    }
}

#[test]
fn a_key_of_another_certificate_is_found_before_anything_is_shown_to_a_peer() {
    let authority = authority("one");
    let mut first = identity(&params(CLIENT), &authority, &authority);
    let second = identity(&params(CLIENT), &authority, &authority);
    first.key = second.key;
    let fault = first.judge(Usage::Client, at(NOW)).expect_err("another key");
    assert_eq!((fault.part(), &fault), (Part::Key, &Fault::OtherKey));
    first.key = PrivatePkcs8KeyDer::from(vec![1, 2, 3]).into();
    assert!(matches!(first.judge(Usage::Client, at(NOW)), Err(Fault::Key(_))));
}

#[test]
fn files_that_hold_something_else_are_told_apart() {
    let authority = authority("one");
    let good = identity(&params(CLIENT), &authority, &authority);
    let judge = |identity: &Identity| identity.judge(Usage::Client, at(NOW)).expect_err("wrong");
    assert_eq!(judge(&Identity { chain: vec![], ..good.clone() }), Fault::Empty);
    let rubbish = CertificateDer::from(vec![1, 2, 3]);
    assert_eq!(judge(&Identity { chain: vec![rubbish.clone()], ..good.clone() }), Fault::Malformed);
    assert_eq!(judge(&Identity { authorities: vec![], ..good.clone() }), Fault::Authority);
    assert_eq!(judge(&Identity { authorities: vec![rubbish], ..good.clone() }), Fault::Authority);
    let chain = vec![authority.der().clone()];
    assert_eq!(judge(&Identity { chain, ..good }), Fault::IsAuthority);
}

#[test]
fn an_intermediate_authority_leads_to_the_trusted_one_while_its_own_time_lasts() {
    let root = authority("root");
    let mut middle = authority_params("middle");
    middle.not_after = time(60);
    let middle =
        CertifiedIssuer::signed_by(middle, KeyPair::generate().expect("a key"), &root).expect("signed");
    let mut identity = identity(&params(CLIENT), &middle, &root);
    assert_eq!(identity.judge(Usage::Client, at(NOW)), Err(Fault::OtherAuthority), "the middle is missing");
    identity.chain.push(middle.der().clone());
    assert_eq!(identity.judge(Usage::Client, at(NOW)), Ok(()));
    assert_eq!(identity.expiry(), Some(NOW as i64 + 60));
    let expired = identity.judge(Usage::Client, at(NOW + 61)).expect_err("expired").to_string();
    assert!(expired.contains("(CN=middle)"), "{expired}");
}

#[test]
fn every_fault_is_one_sentence_with_a_remedy() {
    let text = String::from("x");
    for fault in [
        Fault::Empty,
        Fault::Malformed,
        Fault::Expired { subject: String::new(), at: text.clone() },
        Fault::NotYetValid { subject: String::new(), at: text.clone() },
        Fault::IsAuthority,
        Fault::Key(text.clone()),
        Fault::OtherKey,
        Fault::Usage { needed: "clientAuth", found: text.clone() },
        Fault::OtherAuthority,
        Fault::Authority,
        Fault::Other(text),
    ] {
        let sentence = fault.to_string();
        assert!(sentence.contains(": ") && !sentence.contains('\n'), "{sentence}");
    }
}
