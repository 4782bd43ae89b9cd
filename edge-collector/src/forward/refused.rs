//! What a connection to central ended by, where a certificate was the fault: in one sentence that says whose, why, and what to do. Pure.

use footfall_daemon::certificate::reason::Reason;
use quinn::{ConnectionError, TransportErrorCode};

use crate::config::Central;

/// The sentence, if a certificate was the fault.
pub(super) fn sentence(error: &ConnectionError, central: &Central) -> Option<String> {
    match error {
        // What this end found.
        ConnectionError::TransportError(found) => {
            let reason = Reason::of_alert(alert(found.code)?, &found.reason)?;
            Some(of_central(reason, central))
        }
        // What the other end found.
        ConnectionError::ConnectionClosed(told) => {
            let detail = String::from_utf8_lossy(&told.reason);
            Some(of_edge(Reason::of_alert(alert(told.error_code)?, &detail)?, central))
        }
        _ => None,
    }
}

/// The TLS alert in a QUIC error code: RFC 9001, 4.8.
fn alert(code: TransportErrorCode) -> Option<u8> {
    let code = u64::from(code);
    if (0x100..0x200).contains(&code) { u8::try_from(code & 0xff).ok() } else { None }
}

fn of_central(reason: Reason, central: &Central) -> String {
    let remedy = match reason {
        Reason::Expired => "give central a new one as `relay.certificate`".to_owned(),
        Reason::NotYetValid => "set the clocks of both machines".to_owned(),
        Reason::UnknownAuthority => format!(
            "name the authority that it comes from as this edge's `central.ca`, which is {}",
            central.ca.display()
        ),
        Reason::WrongUse => {
            "give central one with the extended key usage serverAuth as `relay.certificate`".to_owned()
        }
        Reason::WrongName => format!(
            "name it as this edge's `central.server_name`, which is {}, or give central a certificate of that name",
            central.server_name
        ),
        Reason::Missing | Reason::Unnamed | Reason::Other => {
            "look at central's `relay.certificate`".to_owned()
        }
    };
    format!("this edge refused central's certificate, as {}: {remedy}", reason.clause())
}

fn of_edge(reason: Reason, central: &Central) -> String {
    let remedy = match reason {
        Reason::Missing => "name it as `central.certificate`",
        Reason::Expired => "give this edge a new one",
        Reason::NotYetValid => "set the clocks of both machines, or wait",
        Reason::UnknownAuthority => "have it issued by the authority that central's `relay.ca` names",
        Reason::WrongUse => "have one issued with the extended key usage clientAuth",
        Reason::Unnamed => "have one issued whose common name is this edge's id",
        Reason::WrongName | Reason::Other => "look at what central's /readyz says about it",
    };
    let path = central.certificate.display();
    format!("central refused this edge's certificate {path}, as {}: {remedy}", reason.clause())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quinn::ConnectionClose;

    fn central() -> Central {
        Central {
            address: "127.0.0.1:4433".into(),
            server_name: "central.example".into(),
            certificate: "/c/edge.pem".into(),
            key: "/c/edge.key".into(),
            ca: "/c/ca.pem".into(),
            certificate_ca: None,
        }
    }

    fn found(alert: u8, detail: &str) -> ConnectionError {
        let mut error = ConnectionError::TransportError(TransportErrorCode::crypto(alert).into());
        if let ConnectionError::TransportError(error) = &mut error {
            detail.clone_into(&mut error.reason);
        }
        error
    }

    fn told(alert: u8, detail: &'static str) -> ConnectionError {
        let error_code = TransportErrorCode::crypto(alert);
        ConnectionError::ConnectionClosed(ConnectionClose {
            error_code,
            frame_type: None,
            reason: detail.into(),
        })
    }

    #[test]
    fn it_says_whose_certificate_why_and_what_to_do() {
        for (error, parts) in [
            (
                found(45, "expired"),
                ["refused central's certificate", "it has expired", "`relay.certificate`"],
            ),
            (found(48, ""), ["refused central's certificate", "another authority", "/c/ca.pem"]),
            (
                found(42, "certificate not valid for name"),
                ["refused central's", "another name", "central.example"],
            ),
            (found(43, ""), ["refused central's certificate", "another use", "serverAuth"]),
            (
                told(45, ""),
                ["central refused this edge's certificate /c/edge.pem", "it has expired", "a new one"],
            ),
            (
                told(45, "certificate not valid yet"),
                ["central refused this edge's", "not valid yet", "clocks"],
            ),
            (told(48, ""), ["central refused this edge's", "another authority", "`relay.ca`"]),
            (told(43, ""), ["central refused this edge's", "another use", "clientAuth"]),
            (told(116, ""), ["central refused this edge's", "it was not shown", "`central.certificate`"]),
        ] {
            let sentence = sentence(&error, &central()).expect("a certificate's fault");
            assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
            assert!(!sentence.contains('\n'));
        }
    }

    #[test]
    fn what_no_certificate_is_the_fault_of_is_not_told_as_one() {
        for error in [
            found(120, "no protocol"),
            told(40, ""),
            ConnectionError::TimedOut,
            ConnectionError::Reset,
            ConnectionError::TransportError(TransportErrorCode::PROTOCOL_VIOLATION.into()),
        ] {
            assert_eq!(sentence(&error, &central()), None, "{error:?}");
        }
    }
}
