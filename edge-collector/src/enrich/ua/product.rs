//! The grammar of user agents: products ("Chrome/131.0"), comments in parentheses and their fields, versions. Knows no
//! product by name.

/// The digits and dots that `text` begins with: "120.0.6099" of "120.0.6099 Mobile".
pub(super) fn version(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].trim_matches('.')
}

/// What follows `token` where it stands at the beginning of a word.
pub(super) fn after<'a>(user_agent: &'a str, token: &str) -> Option<&'a str> {
    let begins_word = |at: usize| !user_agent[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
    user_agent
        .match_indices(token)
        .find(|(at, _)| begins_word(*at))
        .map(|(at, token)| &user_agent[at + token.len()..])
}

/// The version that follows `token`, after one separator: "14" of "Android 14", "17.5" of "iOS/17_5".
/// Empty where there is none; nothing where the token does not stand.
pub(super) fn version_after(user_agent: &str, token: &str) -> Option<String> {
    after(user_agent, token).map(leading_version)
}

/// The version that `text` begins with, after spaces or one separator and a "v"; underscores between numbers count as dots.
pub(super) fn leading_version(text: &str) -> String {
    let text = text.trim_start_matches(' ');
    let text = text.strip_prefix(['/', '_', '-', ':', '@']).unwrap_or(text);
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let version = text[..end].trim_matches(['.', '_']);
    super::super::cut(version, 32).replace('_', ".")
}

/// The words of `user_agent`, those that are products with their version.
pub(super) fn words(user_agent: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = user_agent.split([' ', ';', '(', ')', ',', '[', ']']);
    words.map(|word| word.split_once('/').unwrap_or((word, "")))
}

/// The inside of the comment that holds `token`, with the parentheses that the comment itself holds; up to the end where
/// it is never closed. Some leave out all parentheses: the first words then are the comment.
pub(super) fn comment_with<'a>(user_agent: &'a str, token: &str) -> Option<&'a str> {
    let at = user_agent.find(token)?;
    let start = match user_agent[..at].rfind(['(', ')']) {
        None => 0,
        Some(open) if user_agent[open..].starts_with('(') => open + 1,
        Some(_) => return None,
    };
    let mut depth = 0_u32;
    for (index, c) in user_agent[start..].char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(&user_agent[start..start + index]),
            ')' => depth -= 1,
            _ => {}
        }
    }
    Some(&user_agent[start..])
}
