//! Makes KILL QUERY understand the query ids that clients gave. Pure.
//!
//! The engine gives every statement an id of its own choosing. So where a KILL's condition says `query_id`, it is made to
//! see the caller's id for those statements that have one.

use super::{Kind, Tokens};

/// A statement that runs: the engine's id, and its caller's.
pub type Named = (String, String);

/// Whether the statement is a KILL QUERY whose condition speaks of query ids.
pub fn kills_by_query_id(text: &[u8]) -> bool {
    let mut tokens = Tokens::new(text);
    ["KILL", "QUERY"].iter().all(|word| tokens.next().is_some_and(|token| token.is_word(text, word)))
        && places(text).next().is_some()
}

/// The same statement, in which `query_id` is the caller's id where there is one.
pub fn with_client_query_ids(text: &[u8], named: &[Named]) -> Vec<u8> {
    if named.is_empty() {
        return text.to_vec();
    }
    let list = |pick: fn(&Named) -> &String| {
        let mut list = String::new();
        for pair in named {
            list.push_str(if list.is_empty() { "'" } else { ", '" });
            super::quote(&mut list, pick(pair), '\'');
            list.push('\'');
        }
        list
    };
    let seen =
        format!("transform(query_id, [{}], [{}], query_id)", list(|pair| &pair.0), list(|pair| &pair.1));
    let mut rewritten = Vec::with_capacity(text.len() + seen.len());
    let mut from = 0;
    for (start, end) in places(text) {
        rewritten.extend_from_slice(&text[from..start]);
        rewritten.extend_from_slice(seen.as_bytes());
        from = end;
    }
    rewritten.extend_from_slice(&text[from..]);
    rewritten
}

/// Where the column is named: not in a `{name:Type}`, which is a parameter's.
fn places(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut in_parameter = false;
    Tokens::new(text)
        .filter(move |token| {
            if token.kind == Kind::Symbol {
                in_parameter = token.is_symbol(text, b'{') || (in_parameter && !token.is_symbol(text, b'}'));
            }
            !in_parameter
                && match token.kind {
                    Kind::Word => token.is_word(text, "query_id"),
                    Kind::Quoted => matches!(token.of(text), b"`query_id`" | b"\"query_id\""),
                    _ => false,
                }
        })
        .map(|token| (token.start, token.end))
}

#[cfg(test)]
mod a_kill {
    use super::*;
    use proptest::prelude::*;

    fn rewritten(text: &str) -> String {
        let named = [("e1".to_owned(), "it's".to_owned()), ("e2".to_owned(), "b\\".to_owned())];
        String::from_utf8(with_client_query_ids(text.as_bytes(), &named)).expect("text")
    }

    #[test]
    fn by_id_is_known_from_others() {
        for text in ["KILL QUERY WHERE query_id = 'x'", "kill query where `query_id` IN ('x') sync"] {
            assert!(kills_by_query_id(text.as_bytes()), "{text}");
        }
        for text in [
            "KILL QUERY WHERE user = 'query_id'",
            "KILL MUTATION WHERE mutation_id = 'x'",
            "SELECT query_id FROM system.processes",
            "KILL QUERY WHERE initial_query_id = 'x'",
            "KILL QUERY WHERE user = {query_id:Enum('x' = 1)}",
            "",
        ] {
            assert!(!kills_by_query_id(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn sees_the_ids_that_callers_gave() {
        let seen = r"transform(query_id, ['e1', 'e2'], ['it\'s', 'b\\'], query_id)";
        assert_eq!(
            rewritten("KILL QUERY WHERE query_id = 'query_id' /* query_id */ OR `query_id`='y' ASYNC"),
            format!("KILL QUERY WHERE {seen} = 'query_id' /* query_id */ OR {seen}='y' ASYNC")
        );
        assert_eq!(
            rewritten("KILL QUERY WHERE {query_id:Array(String)} = [query_id]"),
            format!("KILL QUERY WHERE {{query_id:Array(String)}} = [{seen}]")
        );
        assert_eq!(
            with_client_query_ids(b"KILL QUERY WHERE query_id = 'x'", &[]),
            b"KILL QUERY WHERE query_id = 'x'"
        );
    }

    proptest! {
        #[test]
        fn stays_one_statement_whatever_the_ids_are(engine in "[a-z0-9-]{1,10}", callers in any::<String>()) {
            let text = with_client_query_ids(b"KILL QUERY WHERE query_id = {q:String}", &[(engine, callers)]);
            let tokens: Vec<_> = Tokens::new(&text).collect();
            prop_assert_eq!(tokens.iter().filter(|token| token.kind == Kind::Text).count(), 2);
            prop_assert!(tokens.iter().all(|token| token.kind != Kind::Unfinished));
        }
    }
}
