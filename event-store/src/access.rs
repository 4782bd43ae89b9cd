//! Access control: whether a role may run a statement that the engine's parser has classified. Pure.
//!
//! `readonly=1` would not do: in this engine `SET readonly=DEFAULT` lifts it.

use crate::engine::{Class, Classified, Exception, code};
use crate::statement::Shape;

/// The role of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Gave no password: may read.
    Reader,
    /// Gave the user's password: may do what the grants allow.
    Writer,
}

/// Restrictions that the request itself sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restrictions {
    /// It came by GET, which changes nothing.
    pub get: bool,
    /// It asked for `readonly=1` or `2` itself.
    pub readonly: bool,
}

/// Allows or refuses a statement. One that does not parse is allowed: the engine reports the error to a writer, and a reader's is run by
/// the engine's streaming call, which runs nothing but SELECT.
pub fn check(
    role: Role,
    restrictions: Restrictions,
    shape: &Shape,
    found: Classified,
) -> Result<(), Exception> {
    if found.count == 0 && shape.first.is_empty() {
        return Err(Exception::new(code::SYNTAX_ERROR, "SYNTAX_ERROR", "Syntax error: Empty query"));
    }
    if found.count > 1 {
        let message = "Syntax error (Multi-statements are not allowed): send one statement per request";
        return Err(Exception::new(code::SYNTAX_ERROR, "SYNTAX_ERROR", message));
    }
    if shape.writes_file {
        let message = "INTO OUTFILE is not allowed: the result is the answer's body";
        return Err(Exception::new(code::INTO_OUTFILE_NOT_ALLOWED, "INTO_OUTFILE_NOT_ALLOWED", message));
    }
    if shape.reads_file && shape.first == "INSERT" {
        let message = "FROM INFILE is not allowed: send the data as the request's body";
        return Err(Exception::new(code::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", message));
    }
    let reads = match found.class {
        Class::ReadOnly => !shape.explains_change,
        Class::Unknown => true,
        Class::Mutating | Class::MutatingGlobal | Class::Control => false,
    };
    if reads {
        return Ok(());
    }
    match role {
        Role::Reader => Err(Exception::new(
            code::ACCESS_DENIED,
            "ACCESS_DENIED",
            "Not enough privileges: without a password only statements that read are allowed; give the user and password",
        )),
        Role::Writer if restrictions.get => Err(Exception::new(
            code::READONLY,
            "READONLY",
            "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. \
             You should use method POST for modifying queries",
        )),
        Role::Writer if restrictions.readonly => {
            Err(Exception::new(code::READONLY, "READONLY", "Cannot execute query in readonly mode"))
        }
        Role::Writer => Ok(()),
    }
}

#[cfg(test)]
mod a_statement {
    use super::*;
    use crate::statement::shape;

    fn verdict(role: Role, restrictions: Restrictions, sql: &str, class: Class) -> Result<(), i32> {
        check(role, restrictions, &shape(sql.as_bytes()), Classified { count: 1, class })
            .map_err(|exception| exception.code)
    }

    const POST: Restrictions = Restrictions { get: false, readonly: false };

    #[test]
    fn that_reads_needs_no_password() {
        assert_eq!(verdict(Role::Reader, POST, "SELECT 1", Class::ReadOnly), Ok(()));
        assert_eq!(
            verdict(Role::Reader, Restrictions { get: true, readonly: true }, "SHOW TABLES", Class::ReadOnly),
            Ok(())
        );
    }

    #[test]
    fn that_changes_anything_needs_one() {
        for class in [Class::Mutating, Class::MutatingGlobal, Class::Control] {
            assert_eq!(verdict(Role::Reader, POST, "DROP TABLE t", class), Err(497));
            assert_eq!(verdict(Role::Writer, POST, "DROP TABLE t", class), Ok(()));
            assert_eq!(
                verdict(Role::Writer, Restrictions { get: true, readonly: false }, "DROP TABLE t", class),
                Err(164)
            );
            assert_eq!(
                verdict(Role::Writer, Restrictions { get: false, readonly: true }, "DROP TABLE t", class),
                Err(164)
            );
        }
        let explain = "EXPLAIN ANALYZE INSERT INTO t SELECT 1";
        assert_eq!(verdict(Role::Reader, POST, explain, Class::ReadOnly), Err(497));
    }

    #[test]
    fn touches_no_file_beside_the_server() {
        assert_eq!(verdict(Role::Writer, POST, "SELECT 1 INTO OUTFILE 'x'", Class::Control), Err(358));
        assert_eq!(verdict(Role::Writer, POST, "INSERT INTO t FROM INFILE 'x'", Class::Mutating), Err(48));
    }

    #[test]
    fn comes_alone() {
        let two = Classified { count: 2, class: Class::ReadOnly };
        let exception =
            check(Role::Writer, POST, &shape(b"SELECT 1; SELECT 2"), two).expect_err("two statements");
        assert_eq!(exception.code, 62);
        let none = Classified { count: 0, class: Class::Unknown };
        assert_eq!(
            check(Role::Reader, POST, &shape(b" -- x"), none).map_err(|exception| exception.code),
            Err(62)
        );
    }
}
