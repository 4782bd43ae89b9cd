//! Whose device a model is. A list of names and a few series; knows no user agents.

/// Makers' names, generated from a package (see `data/README.md`).
const NAMES: &str = include_str!("../../../data/brands.txt");

/// What models of a maker begin with, where it is not the maker's name.
const SERIES: &[(&str, &str)] = &[
    ("SM-", "Samsung"),
    ("GT-", "Samsung"),
    ("SCH-", "Samsung"),
    ("SGH-", "Samsung"),
    ("SPH-", "Samsung"),
    ("SHV-", "Samsung"),
    ("Galaxy", "Samsung"),
    ("Pixel", "Google"),
    ("Nexus", "Google"),
    ("Chromecast", "Google"),
    ("Redmi", "Xiaomi"),
    ("Mi ", "Xiaomi"),
    ("MI ", "Xiaomi"),
    ("Mi-", "Xiaomi"),
    ("MIX ", "Xiaomi"),
    ("HM ", "Xiaomi"),
    ("MiBOX", "Xiaomi"),
    ("MIBOX", "Xiaomi"),
    ("POCO", "Xiaomi"),
    ("moto", "Motorola"),
    ("Moto", "Motorola"),
    ("XT1", "Motorola"),
    ("XT2", "Motorola"),
    ("DROID", "Motorola"),
    ("CPH", "OPPO"),
    ("OPPO", "OPPO"),
    ("RMX", "realme"),
    ("realme", "realme"),
    ("Infinix", "Infinix"),
    ("TECNO", "Tecno"),
    ("itel", "itel"),
    ("LG-", "LG"),
    ("LM-", "LG"),
    ("LGM-", "LG"),
    ("LG", "LG"),
    ("HONOR", "Honor"),
    ("Honor", "Honor"),
    ("MediaPad", "Huawei"),
    ("TA-1", "Nokia"),
    ("Lumia", "Microsoft"),
    ("AFT", "Amazon"),
    ("BRAVIA", "Sony"),
    ("Xperia", "Sony"),
    ("ZenFone", "Asus"),
];

/// As people write them, where the list writes them in another way.
const SPELLED: &[(&str, &str)] = &[
    ("asus", "Asus"),
    ("oppo", "OPPO"),
    ("xiaomi", "Xiaomi"),
    ("nec", "NEC"),
    ("msi", "MSI"),
    ("blu", "BLU"),
    ("oneplus", "OnePlus"),
    ("philips", "Philips"),
];

/// Empty when unknown.
pub(super) fn brand_of(model: &str) -> &'static str {
    if let Some((_, brand)) = SERIES.iter().find(|(series, _)| model.starts_with(series)) {
        return brand;
    }
    if numbered_by_xiaomi(model) {
        return "Xiaomi";
    }
    if is_kindle(model) {
        return "Amazon";
    }
    let word = model.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let same = |name: &str| name.eq_ignore_ascii_case(word);
    SPELLED
        .iter()
        .find_map(|(name, spelled)| same(name).then_some(*spelled))
        .or_else(|| NAMES.lines().find(|name| same(name)))
        .unwrap_or_default()
}

/// Xiaomi numbers its phones by the date: year and month in four digits, at times after an M: "2201117TG", "M2006C3MNG".
fn numbered_by_xiaomi(model: &str) -> bool {
    let number = model.strip_prefix('M').unwrap_or(model).as_bytes();
    let two = |at: usize| match number.get(at..at + 2) {
        Some([tens @ b'0'..=b'9', ones @ b'0'..=b'9']) => (tens - b'0') * 10 + (ones - b'0'),
        _ => 0,
    };
    number.len() >= 8
        && number.iter().all(u8::is_ascii_alphanumeric)
        && (18..40).contains(&two(0))
        && (1..=12).contains(&two(2))
}

/// Amazon's tablets: "KFMAWI". "KF5bless" is a phone of another maker.
pub(super) fn is_kindle(model: &str) -> bool {
    model
        .strip_prefix("KF")
        .is_some_and(|rest| rest.len() >= 2 && rest.bytes().take(3).all(|c| c.is_ascii_uppercase()))
}
