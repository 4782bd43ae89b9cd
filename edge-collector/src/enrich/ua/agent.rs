//! What a user agent is made into. Values only; parses nothing.

/// What is known of a visitor's program and device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    /// desktop, mobile or tablet.
    pub device_type: DeviceType,
    /// "Apple", "Samsung", …; empty when unknown.
    pub device_brand: String,
    /// "iPhone", "SM-S901B"; empty when unknown.
    pub device_model: String,
    /// "Windows", "macOS", "iOS", "Android", "Linux", …
    pub os: String,
    /// As far as it is told.
    pub os_version: String,
    /// "Chrome", "Safari", …
    pub browser: String,
    /// As far as it is told.
    pub browser_version: String,
    /// What kind of visitor it is.
    pub kind: Kind,
}

/// The classes of the table's `device_type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceType {
    /// A computer, and whatever is nothing else: televisions and consoles among them.
    #[default]
    Desktop,
    /// A phone.
    Mobile,
    /// A tablet.
    Tablet,
}

impl DeviceType {
    /// As the table holds it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
        }
    }
}

/// Who stands behind a user agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// A person, as far as the user agent tells.
    #[default]
    Person,
    /// A crawler, a monitor, a headless browser.
    Bot,
    /// A program that sends requests, such as curl.
    Tool,
}
