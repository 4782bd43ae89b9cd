//! The closed sets of words that the tables' CHECK constraints name, each once. Pure.

use super::Invalid;

macro_rules! vocabulary {
    ($(#[$about:meta])* $name:ident, $what:literal, { $($(#[$each:meta])* $word:ident => $text:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$each])* #[serde(rename = $text)] $word,)*
        }

        impl $name {
            /// The word as it is stored.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)*
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                match text {
                    $($text => Ok(Self::$word),)*
                    _ => Err(Invalid::Word { text: text.to_owned(), what: $what, words: &[$($text),*] }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.as_str())
            }
        }
    };
}

vocabulary! {
    /// What central does with a website's events.
    Status, "a website's status", {
        /// Takes them.
        Active => "active",
        /// Refuses them until it is active again.
        Paused => "paused",
        /// Does not know it any more. Its tracking id stays taken.
        Deleted => "deleted",
    }
}

vocabulary! {
    /// Whether a person may sign in.
    UserStatus, "a user's status", {
        /// May.
        Active => "active",
        /// May not until active again.
        Suspended => "suspended",
        /// Is gone; the address stays taken, for what was done in its name.
        Deleted => "deleted",
    }
}

vocabulary! {
    /// What a person may do with a website; each may what the next one may.
    Role, "a role", {
        /// Everything; there is exactly one.
        Owner => "owner",
        /// Grant and revoke permissions.
        Admin => "admin",
        /// Change goals, funnels and custom fields.
        Editor => "editor",
        /// Look.
        Viewer => "viewer",
    }
}

vocabulary! {
    /// How a pattern is compared with a text.
    MatchType, "a match type", {
        /// Is the same, byte for byte.
        Equals => "equals",
        /// Is how it begins.
        BeginsWith => "begins_with",
        /// Is found in it, in the syntax of Rust's `regex`.
        Regex => "regex",
    }
}

vocabulary! {
    /// What a goal looks at.
    GoalType, "a goal's type", {
        /// The path of a page.
        Destination => "destination",
        /// How long the session lasted, seconds.
        Duration => "duration",
        /// How many pages it saw.
        PagesPerSession => "pages_per_session",
        /// The action of an event.
        Event => "event",
    }
}

vocabulary! {
    /// How long a custom dimension holds.
    Scope, "a scope", {
        /// For one event.
        Hit => "hit",
        /// For the rest of the session.
        Session => "session",
        /// For all of the visitor's sessions.
        User => "user",
    }
}

vocabulary! {
    /// What a custom metric counts.
    MetricType, "a metric's type", {
        /// Things.
        Integer => "integer",
        /// Money, in the website's currency.
        Currency => "currency",
        /// Seconds.
        Time => "time",
    }
}
