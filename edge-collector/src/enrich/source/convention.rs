//! How hosts are called by custom: the parts of an engine, a service's help and blog, the pages of a mail service, servers
//! of the open social web, a family's name under every suffix. Knows no list.

use std::borrow::Cow;

use footfall_proto::traffic_source::TrafficSource;

use super::sender::Sender;

/// Parts of engines.
const ENGINE_PARTS: &str = "\
    amp blogsearch busca buscador buscar classic clck cse encrypted english find global go html image \
    images imagesearch img int ipv isearch lens lite mobile news noai recherche results safe safesearch \
    scholar search searches start suche touch video videos videosearch wap web ww www";

/// What speaks about a service, and is no part of it.
const OWN_SERVICES: &str = "\
    about blog blogs careers dev developer developers docs engineering help investor investors jobs \
    learn legal newsroom policies press privacy status support transparency";

/// Where mail services show their letters.
const MAIL_HOSTS: &str = "\
    email lightmailer mail mailbusiness mailer mailing mails messagerie messageriepro newsletter owa poczta \
    roundcube webmail webmailer wmail xmail zimbra";

fn is_one_of(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

/// Whether a subdomain of an engine is the engine: countries and languages ("de", "en-us"), servers ("s6-eu4", "www2")
/// and its parts.
pub(super) fn is_engine_part(label: &str) -> bool {
    let word = label.find(|letter: char| letter.is_ascii_digit()).map_or(label, |digit| &label[..digit]);
    let is_part = is_one_of(ENGINE_PARTS, word);
    is_part || word.len() <= 2 || label.split('-').all(|part| part.len() <= 2)
}

/// Whether a subdomain speaks about a service, and is no part of it.
pub(super) fn is_own_service(label: &str) -> bool {
    is_one_of(OWN_SERVICES, label)
}

/// Whether a host, by its first label, is where a site searches.
pub(super) fn is_search(host: &str) -> bool {
    matches!(
        host.split('.').next().unwrap_or_default(),
        "isearch" | "search" | "searches" | "searx" | "searxng" | "suche"
    )
}

/// Whether a host, by its first label, is where a mail service shows its letters.
fn is_mail(host: &str) -> bool {
    let label = host.split('.').next().unwrap_or_default();
    let word = label.find(|letter: char| !letter.is_ascii_alphabetic()).map_or(label, |end| &label[..end]);
    let is_word = is_one_of(MAIL_HOSTS, word);
    is_word || label == "3c" || label.starts_with("3c-")
}

/// The network whose software a server names in its own name.
fn open_network(word: &str) -> Option<&'static str> {
    Some(match word {
        "mastodon" | "masto" | "mstdn" | "toot" => "mastodon",
        "lemmy" => "lemmy",
        "misskey" => "misskey",
        "peertube" => "peertube",
        "pixelfed" => "pixelfed",
        _ => return None,
    })
}

/// Mail services, the shims by which they hide a mailbox from a link's target, servers of the open social web, and
/// the searches of portals.
pub(super) fn by_convention(host: &str) -> Option<Sender<'_>> {
    let own = |class| Some(Sender { class, name: Cow::Borrowed(host) });
    let (front, suffix) = host.rsplit_once('.')?;
    let subdomains = without_public_suffix(host).unwrap_or(front).rsplit_once('.').map(|(below, _)| below);
    if front.starts_with("deref-") || subdomains.is_some_and(is_mail) {
        return own(TrafficSource::Email);
    }
    if front.split('.').any(is_own_service) {
        return None;
    }
    if let Some(name) = front.split(['.', '-']).find_map(open_network) {
        return Some(Sender { class: TrafficSource::Social, name: Cow::Borrowed(name) });
    }
    if subdomains.is_some_and(is_search) {
        return own(TrafficSource::Organic);
    }
    if suffix == "social" { own(TrafficSource::Social) } else { None }
}

/// `search.yahoo` of `search.yahoo.co.jp`: a host without the suffix of a country or of everybody.
pub(super) fn without_public_suffix(host: &str) -> Option<&str> {
    const GENERAL: [&str; 4] = ["co", "com", "net", "org"];
    let (front, suffix) = host.rsplit_once('.')?;
    if suffix.len() != 2 {
        return GENERAL.contains(&suffix).then_some(front);
    }
    match front.rsplit_once('.') {
        Some((name, second)) if GENERAL.contains(&second) => Some(name),
        _ => Some(front),
    }
}
