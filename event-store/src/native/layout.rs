//! How a type's values lie in a column of a Native block, so that the column's end can be found. Pure.
//!
//! Each line was tried on 26.7.3 (`tests/it/native_revisions.rs`). A type that is not here is not guessed at: the states of
//! aggregate functions, for one, have lengths that only their functions know.

use super::cursor::Cursor;

/// Types within types, at most.
const DEPTH: usize = 100;

/// The type of the values of a Dynamic that have none of its own.
const SHARED: &str = "SharedVariant";

/// How values lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// So many bytes each.
    Fixed(usize),
    /// A length and bytes each.
    Text,
    /// A byte each, then the values.
    Nullable(Box<Layout>),
    /// An end each, then the values.
    Array(Box<Layout>),
    /// The values of each element.
    Tuple(Vec<Layout>),
    /// The distinct values, then an index each.
    LowCardinality(Box<Layout>),
    /// Which of these each value is, then the values of each.
    Variant(Vec<Layout>),
    /// A Variant whose types stand in the block.
    Dynamic,
    /// The values of typed paths, of paths that stand in the block, and a map for the others.
    Json(Vec<Layout>),
}

impl Layout {
    /// The layout of a type by its name; nothing when it is not known.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::within(name.trim(), DEPTH)
    }

    fn within(name: &str, depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let (family, arguments) = match name.split_once('(') {
            Some((family, rest)) => (family, arguments(rest.strip_suffix(')')?)?),
            None => (name, Vec::new()),
        };
        let number = |at: usize| arguments.get(at)?.parse::<usize>().ok();
        let inner = |name: &str| Self::within(name, depth).map(Box::new);
        let all = |names: &[&str]| {
            names.iter().map(|name| Self::within(unnamed(name), depth)).collect::<Option<Vec<_>>>()
        };
        Some(match family {
            "UInt8" | "Int8" | "Bool" | "Enum8" | "Nothing" => Self::Fixed(1),
            "UInt16" | "Int16" | "Enum16" | "Date" | "BFloat16" => Self::Fixed(2),
            "UInt32" | "Int32" | "Float32" | "Date32" | "DateTime" | "Time" | "IPv4" | "Decimal32" => {
                Self::Fixed(4)
            }
            "UInt64" | "Int64" | "Float64" | "DateTime64" | "Time64" | "Decimal64" => Self::Fixed(8),
            "UInt128" | "Int128" | "UUID" | "IPv6" | "Decimal128" => Self::Fixed(16),
            "UInt256" | "Int256" | "Decimal256" => Self::Fixed(32),
            "Decimal" => Self::Fixed(match number(0)? {
                ..=9 => 4,
                10..=18 => 8,
                19..=38 => 16,
                _ => 32,
            }),
            "FixedString" => Self::Fixed(number(0)?),
            "String" => Self::Text,
            interval if interval.starts_with("Interval") => Self::Fixed(8),
            "Nullable" => Self::Nullable(inner(arguments.first()?)?),
            "Array" => Self::Array(inner(arguments.first()?)?),
            "LowCardinality" => match *inner(arguments.first()?)? {
                Self::Nullable(inner) => Self::LowCardinality(inner),
                plain => Self::LowCardinality(Box::new(plain)),
            },
            "SimpleAggregateFunction" => *inner(arguments.get(1)?)?,
            "Tuple" => Self::Tuple(all(&arguments)?),
            "Nested" | "Map" => Self::Array(Box::new(Self::Tuple(all(&arguments)?))),
            "Variant" => Self::Variant(all(&arguments)?),
            "Dynamic" => Self::Dynamic,
            "JSON" => Self::Json(Self::typed_paths(&arguments, depth)?),
            "Point" => Self::Tuple(vec![Self::Fixed(8), Self::Fixed(8)]),
            "Ring" | "LineString" => Self::Array(inner("Point")?),
            "Polygon" | "MultiLineString" => Self::Array(inner("Ring")?),
            "MultiPolygon" => Self::Array(inner("Polygon")?),
            "Geometry" => Self::Variant(all(&[
                "LineString",
                "MultiLineString",
                "MultiPolygon",
                "Point",
                "Polygon",
                "Ring",
            ])?),
            _ => return None,
        })
    }

    /// The paths of a JSON type that have types of their own, in their order in the data.
    fn typed_paths(arguments: &[&str], depth: usize) -> Option<Vec<Self>> {
        let mut paths = Vec::new();
        for argument in arguments {
            let ends_name = argument.find([' ', '=', '`'])?;
            if argument[ends_name..].starts_with('=') || argument[..ends_name].eq_ignore_ascii_case("SKIP") {
                continue;
            }
            let kind = unnamed(argument);
            let path = argument[..argument.len() - kind.len()].trim().replace('`', "");
            paths.push((path, Self::within(kind, depth)?));
        }
        paths.sort_by(|one, other| one.0.cmp(&other.0));
        Some(paths.into_iter().map(|(_, layout)| layout).collect())
    }

    /// Skips what stands before all data of the column, and learns from it what the type does not say.
    pub(super) fn skip_prefix(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        match self {
            Self::Fixed(_) | Self::Text => Some(()),
            Self::Nullable(inner) | Self::Array(inner) => inner.skip_prefix(cursor),
            Self::Tuple(elements) => elements.iter_mut().try_for_each(|element| element.skip_prefix(cursor)),
            Self::LowCardinality(_) => cursor.skip(1, 8),
            Self::Variant(variants) => {
                // Other ways to write the discriminators are for files.
                (cursor.u64()? == 0).then_some(())?;
                variants.iter_mut().try_for_each(|variant| variant.skip_prefix(cursor))
            }
            Self::Dynamic => {
                // The first version repeats the number of types.
                match cursor.u64()? {
                    1 => drop(cursor.varint()?),
                    2 => {}
                    _ => return None,
                }
                let mut names = vec![SHARED];
                for _ in 0..cursor.varint()? {
                    names.push(cursor.text()?);
                }
                names.sort_unstable();
                let layouts = names.iter().map(|name| match *name {
                    SHARED => Some(Self::Text),
                    name => Self::of(name),
                });
                *self = Self::Variant(layouts.collect::<Option<_>>()?);
                self.skip_prefix(cursor)
            }
            Self::Json(paths) => {
                match cursor.u64()? {
                    0 => drop(cursor.varint()?),
                    2 => {}
                    _ => return None,
                }
                let found = cursor.varint()?;
                for _ in 0..found {
                    cursor.skip_string()?;
                }
                let mut elements = std::mem::take(paths);
                elements.iter_mut().try_for_each(|element| element.skip_prefix(cursor))?;
                for _ in 0..found {
                    let mut element = Self::Dynamic;
                    element.skip_prefix(cursor)?;
                    elements.push(element);
                }
                let pair = Self::Tuple(vec![Self::Text, Self::Text]);
                elements.push(Self::Array(Box::new(pair)));
                *self = Self::Tuple(elements);
                Some(())
            }
        }
    }

    /// Skips the data of so many rows.
    pub(super) fn skip_data(&self, cursor: &mut Cursor<'_>, rows: usize) -> Option<()> {
        if rows == 0 {
            return Some(());
        }
        match self {
            Self::Fixed(width) => cursor.skip(rows, *width),
            Self::Text => (0..rows).try_for_each(|_| cursor.skip_string()),
            Self::Nullable(inner) => {
                cursor.skip(rows, 1)?;
                inner.skip_data(cursor, rows)
            }
            Self::Array(inner) => {
                cursor.skip(rows - 1, 8)?;
                let end = usize::try_from(cursor.u64()?).ok()?;
                inner.skip_data(cursor, end)
            }
            Self::Tuple(elements) if elements.is_empty() => cursor.skip(rows, 1),
            Self::Tuple(elements) => elements.iter().try_for_each(|element| element.skip_data(cursor, rows)),
            Self::LowCardinality(inner) => {
                let width = 1 << (cursor.u64()? & 3);
                let distinct = usize::try_from(cursor.u64()?).ok()?;
                inner.skip_data(cursor, distinct)?;
                (cursor.u64()? == rows as u64).then_some(())?;
                cursor.skip(rows, width)
            }
            Self::Variant(variants) => {
                let mut counts = [0_usize; 256];
                cursor.take(rows)?.iter().for_each(|which| counts[usize::from(*which)] += 1);
                variants.iter().zip(counts).try_for_each(|(variant, count)| variant.skip_data(cursor, count))
            }
            // The prefix has made something else of them.
            Self::Dynamic | Self::Json(_) => None,
        }
    }
}

/// The arguments of a type, by its commas; nothing when its parentheses or quotes do not match.
fn arguments(text: &str) -> Option<Vec<&str>> {
    let (mut found, mut from, mut depth) = (Vec::new(), 0, 0_usize);
    let mut quote = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            _ if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), byte) if byte == open => quote = None,
            (None, b'\'' | b'`' | b'"') => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.checked_sub(1)?,
            (None, b',') if depth == 0 => {
                found.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    let last = text[from..].trim();
    if !last.is_empty() {
        found.push(last);
    }
    (depth == 0 && quote.is_none()).then_some(found)
}

/// The type of an element, without the name before it.
fn unnamed(element: &str) -> &str {
    let end = match element.strip_prefix('`') {
        Some(quoted) => {
            // A quote within the name is escaped.
            let mut escaped = false;
            let close = quoted.bytes().position(|byte| {
                let closes = byte == b'`' && !escaped;
                escaped = byte == b'\\' && !escaped;
                closes
            });
            close.map_or(element.len(), |close| close + 2)
        }
        None => element.find([' ', '(', '`']).unwrap_or(element.len()),
    };
    match element[end..].strip_prefix(' ') {
        Some(kind) => kind.trim_start(),
        // A path of several names: `a`.`b` Type, a.`b` Type.
        None if element[end..].starts_with(['.', '`']) => unnamed(element[end..].trim_start_matches('.')),
        None => element,
    }
}

#[cfg(test)]
mod a_layout {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn follows_from_the_name() {
        let fixed = |width| Layout::Fixed(width);
        for (name, layout) in [
            ("DateTime64(3, 'UTC')", fixed(8)),
            ("Enum8('a,)' = 1, '\\'(' = 2)", fixed(1)),
            ("Decimal(38, 4)", fixed(16)),
            ("IntervalDay", fixed(8)),
            ("LowCardinality(Nullable(String))", Layout::LowCardinality(Box::new(Layout::Text))),
            ("SimpleAggregateFunction(groupArrayArray(3), Array(UInt8))", Layout::Array(Box::new(fixed(1)))),
            ("Tuple(a UInt8, `b c` Decimal(9, 2))", Layout::Tuple(vec![fixed(1), fixed(4)])),
            ("Tuple(UInt8, Enum16('x' = 1))", Layout::Tuple(vec![fixed(1), fixed(2)])),
            (
                "JSON(max_dynamic_paths=8, b.c UInt16, a UInt8, SKIP x, SKIP REGEXP 'y')",
                Layout::Json(vec![fixed(1), fixed(2)]),
            ),
        ] {
            assert_eq!(Layout::of(name), Some(layout), "{name}");
        }
    }

    #[test]
    fn is_not_guessed() {
        for name in [
            "",
            "UInt7",
            "AggregateFunction(sum, UInt64)",
            "Array",
            "Array(",
            "Tuple(a",
            "Enum8('a = 1)",
            "FixedString(x)",
        ] {
            assert_eq!(Layout::of(name), None, "{name}");
        }
        let deep = "Array(".repeat(5000) + "UInt8" + &")".repeat(5000);
        assert_eq!(Layout::of(&deep), None);
    }

    proptest! {
        #[test]
        fn is_read_from_any_name(name in "((Array|Tuple|Map|JSON|Variant|UInt8|a|`|'|\\(|\\)|,|=|SKIP|\\.) ?){0,16}") {
            let _ = Layout::of(&name);
        }
    }
}
