//! How much a statement of a caller without the password may give the engine to think about before it reads anything. Pure.
//!
//! Neither a deadline nor a KILL is looked at while a statement is analysed and planned, and that takes more than twice the time for
//! each further level of some subqueries, and the cube of the tables that are joined. The engine bounds levels and nodes
//! (see `crate::layout`), not tables.

use crate::statement::{Kind, Token};

/// Tables that may be joined in one statement: 64 take 0.7 s to plan, 200 more than 10 s.
const JOINED: usize = 64;

/// Words after which a comma is none of FROM any more.
const AFTER_FROM: [&str; 13] = [
    "WHERE", "PREWHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "SETTINGS", "FORMAT", "UNION",
    "SELECT", "WINDOW", "QUALIFY",
];

/// Whether a statement joins more tables than may be: by JOIN, or by commas after FROM.
pub(super) fn joins_too_many(text: &[u8], tokens: &[Token]) -> bool {
    // For each bracket that is open, whether what stands in it now are the tables of a FROM.
    let mut in_from = vec![false];
    let mut joined = 0;
    for token in tokens {
        match token.kind {
            Kind::Symbol => match text[token.start] {
                b'(' | b'[' | b'{' => in_from.push(false),
                b')' | b']' | b'}' if in_from.len() > 1 => {
                    in_from.pop();
                }
                b',' if in_from.last() == Some(&true) => joined += 1,
                _ => {}
            },
            Kind::Word if token.is_word(text, "JOIN") => joined += 1,
            Kind::Word => {
                if let Some(in_from) = in_from.last_mut() {
                    if token.is_word(text, "FROM") {
                        *in_from = true;
                    } else if AFTER_FROM.iter().any(|word| token.is_word(text, word)) {
                        *in_from = false;
                    }
                }
            }
            _ => {}
        }
    }
    joined > JOINED
}

/// Whether a statement has another explained in a way that checks no grants: as text or as a tree, with the columns of tables that
/// the caller may not see.
pub(super) fn explains_unchecked(text: &[u8], tokens: &[Token]) -> bool {
    tokens.windows(2).any(|two| {
        two[0].is_word(text, "EXPLAIN")
            && ["QUERY", "SYNTAX", "AST", "TABLE", "CURRENT"].iter().any(|kind| two[1].is_word(text, kind))
    })
}

#[cfg(test)]
mod what_a_statement_costs {
    use super::*;
    use crate::statement::clear_tokens;

    fn too_many(sql: &str) -> bool {
        joins_too_many(sql.as_bytes(), &clear_tokens(sql.as_bytes()).expect("clear"))
    }

    #[test]
    fn of_joins_is_bounded_however_they_are_written() {
        let commas = |tables: usize| format!("SELECT a, b FROM {} WHERE 1", vec!["t"; tables].join(", "));
        assert!(!too_many(&commas(60)) && too_many(&commas(70)));
        assert!(too_many(&format!("SELECT * FROM (SELECT 1 FROM t {})", "JOIN t USING a ".repeat(70))));
        assert!(too_many(&format!("{} SELECT 1", "WITH x AS (SELECT 1 FROM t, t) ".repeat(70))));
        // What are no tables.
        let list = vec!["1"; 500].join(", ");
        assert!(!too_many(&format!(
            "SELECT {list} FROM t WHERE a IN ({list}) GROUP BY {list} ORDER BY {list}"
        )));
        assert!(!too_many(&format!("SELECT * FROM f({list}) LIMIT 1, 2")));
    }

    #[test]
    fn of_an_explanation_checks_grants() {
        let unchecked =
            |sql: &str| explains_unchecked(sql.as_bytes(), &clear_tokens(sql.as_bytes()).expect("clear"));
        for sql in [
            "EXPLAIN QUERY TREE SELECT 1",
            "SELECT * FROM (explain /* */ syntax SELECT 1)",
            "EXPLAIN AST SELECT 1",
        ] {
            assert!(unchecked(sql), "{sql}");
        }
        for sql in
            ["EXPLAIN SELECT 1", "EXPLAIN PLAN actions = 1 SELECT 1", "EXPLAIN PIPELINE SELECT 1", "SELECT 1"]
        {
            assert!(!unchecked(sql), "{sql}");
        }
    }
}
