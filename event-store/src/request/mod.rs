//! What a request asks, from its URL, headers and form fields. Pure.
//!
//! Everything in the URL that has no meaning of its own is a setting, as ClickHouse has it.

mod external;
mod multipart;

pub use external::ExternalTable;
pub use multipart::{Field, boundary, fields};

use crate::engine::{Exception, Parameter, code};
use crate::statement::quote;
use http::HeaderMap;

/// One request, parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The statement, or its beginning, from the URL or a form field.
    pub query: Option<String>,
    /// The database to run it in.
    pub database: Option<String>,
    /// The format of a result whose statement names none.
    pub format: Option<String>,
    /// The id that the caller gave it.
    pub query_id: Option<String>,
    /// `param_NAME` values, as they came.
    pub parameters: Vec<Parameter>,
    /// Settings of this request only.
    pub settings: Vec<(String, String)>,
    /// The body consists of ClickHouse's compressed blocks.
    pub decompress: bool,
    /// The answer shall.
    pub compress: bool,
    /// The answer may be encoded as the client accepts it. ClickHouse's default since 25.11.
    pub encode: bool,
    /// The statement shall end although nobody waits for it any more.
    pub outlives_client: bool,
    /// The answer shall begin when the statement has ended.
    pub whole: bool,
    /// The statement shall change nothing.
    pub readonly: bool,
    /// The caller names a session. None is kept: what needs one is refused.
    pub session: bool,
    /// That session shall exist already.
    pub session_check: bool,
    /// The revision of the native protocol whose Native format the caller reads; 0 is the format of files.
    pub client_protocol_version: u64,
    /// Tables that live for this request, from the form.
    pub external_tables: Vec<ExternalTable>,
    /// User and password in the URL.
    pub credentials: GivenCredentials,
}

/// A user and password as given, checked by [`crate::credentials`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GivenCredentials {
    /// The user's name.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
}

impl std::fmt::Debug for GivenCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GivenCredentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Request {
    /// Reads the URL's query string and the `X-ClickHouse-*` headers that are no credentials.
    pub fn parse(url_query: Option<&str>, headers: &HeaderMap) -> Result<Self, Exception> {
        let mut request = Self { encode: true, ..Self::default() };
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        request.database = header("x-clickhouse-database");
        request.format = header("x-clickhouse-format");
        for (name, value) in url::form_urlencoded::parse(url_query.unwrap_or_default().as_bytes()) {
            request.take(&name, value.into_owned())?;
        }
        if request.session && request.session_check {
            let message = "Session not found: sessions are not kept here";
            return Err(Exception::new(code::SESSION_NOT_FOUND, "SESSION_NOT_FOUND", message));
        }
        Ok(request)
    }

    /// Takes one named value, from the URL or a form.
    pub fn take(&mut self, name: &str, value: String) -> Result<(), Exception> {
        match name {
            "query" => self.query = Some(value),
            "database" => self.database = some(value).or(self.database.take()),
            "default_format" => self.format = some(value).or(self.format.take()),
            "query_id" => self.query_id = some(value),
            "user" => self.credentials.user = Some(value),
            "password" => self.credentials.password = Some(value),
            "compress" => self.compress = is_on(&value),
            "decompress" => self.decompress = is_on(&value),
            "wait_end_of_query" => self.whole = is_on(&value),
            "enable_http_compression" => self.encode = is_on(&value),
            "cancel_http_readonly_queries_on_client_close" => self.outlives_client = !is_on(&value),
            "readonly" => self.readonly = value != "0" && !value.is_empty(),
            "client_protocol_version" => {
                self.client_protocol_version = value.parse().map_err(|_| {
                    let message =
                        format!("Cannot parse client_protocol_version '{}'", value.escape_default());
                    Exception::new(code::CANNOT_PARSE_NUMBER, "CANNOT_PARSE_NUMBER", message)
                })?;
            }
            "session_id" => self.session = !value.is_empty(),
            "session_check" => self.session_check = is_on(&value),
            "session_timeout" if value.parse::<u32>().is_err() => {
                let message = format!("Invalid session timeout: '{}'", value.escape_default());
                return Err(Exception::new(
                    code::INVALID_SESSION_TIMEOUT,
                    "INVALID_SESSION_TIMEOUT",
                    message,
                ));
            }
            // They tune what this server does not do: quotas, spooling, stack traces, sessions' lives.
            "quota_key" | "buffer_size" | "stacktrace" | "close_session" | "session_timeout" => {}
            "role" => {
                return Err(Exception::new(code::UNKNOWN_ROLE, "UNKNOWN_ROLE", "There are no roles here"));
            }
            "dialect" if value != "clickhouse" => {
                let message = "Only ClickHouse's own dialect is spoken here";
                return Err(Exception::new(code::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", message));
            }
            _ => match name.strip_prefix("param_") {
                Some(parameter) if is_name(parameter) => self.parameters.push((parameter.to_owned(), value)),
                None if is_name(name) => self.settings.push((name.to_owned(), value)),
                _ => {
                    let message = format!("Unknown setting '{}'", name.escape_default());
                    return Err(Exception::new(code::UNKNOWN_SETTING, "UNKNOWN_SETTING", message));
                }
            },
        }
        Ok(())
    }

    /// Takes a form: fields are as parameters of the URL are, files are tables.
    pub fn take_form(&mut self, form: Vec<Field>) -> Result<(), Exception> {
        let mut files = Vec::new();
        for Field { name, value, file } in form {
            if file {
                files.push((name, value));
            } else {
                let value =
                    String::from_utf8(value).map_err(|_| multipart::malformed("a field is not UTF-8"))?;
                self.take(&name, value)?;
            }
        }
        if files.is_empty() {
            return Ok(());
        }
        // What describes tables came among the settings, before it was known that there are any.
        let (descriptions, settings) =
            std::mem::take(&mut self.settings).into_iter().partition(|(name, _)| external::describes(name));
        self.settings = settings;
        for (name, data) in files {
            self.external_tables.push(ExternalTable::new(name, data, &descriptions)?);
        }
        Ok(())
    }

    /// The statement that applies the settings, or nothing when there are none.
    pub fn set_statement(settings: &[(String, String)]) -> Option<String> {
        let mut sql = String::new();
        for (name, value) in settings {
            sql.push_str(if sql.is_empty() { "SET " } else { ", " });
            sql.push_str(name);
            sql.push_str(" = '");
            quote(&mut sql, value, '\'');
            sql.push('\'');
        }
        (!sql.is_empty()).then_some(sql)
    }

    /// The statement that makes a database the current one.
    pub fn use_statement(database: &str) -> String {
        let mut sql = String::from("USE `");
        quote(&mut sql, database, '`');
        sql.push('`');
        sql
    }
}

fn some(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

fn is_on(value: &str) -> bool {
    matches!(value, "1" | "true")
}

/// A bare identifier: the only thing that stands unquoted in a statement made here.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod a_request {
    use super::*;
    use crate::statement::{Kind, Tokens};
    use proptest::prelude::*;

    fn parse(query: &str) -> Result<Request, i32> {
        Request::parse(Some(query), &HeaderMap::new()).map_err(|exception| exception.code)
    }

    #[test]
    fn is_read_from_its_url() {
        let request = parse(
            "query=SELECT+1&database=d&default_format=JSON&query_id=q&param_a=x%5Cn&max_threads=2&compress=1&readonly=2",
        )
        .expect("well formed");
        assert_eq!(request.query.as_deref(), Some("SELECT 1"));
        assert_eq!(request.database.as_deref(), Some("d"));
        assert_eq!(request.format.as_deref(), Some("JSON"));
        assert_eq!(request.parameters, [("a".to_owned(), "x\\n".to_owned())]);
        assert_eq!(request.settings, [("max_threads".to_owned(), "2".to_owned())]);
        assert!(request.compress && request.readonly && !request.decompress);
    }

    #[test]
    fn never_sets_what_it_must_not() {
        assert_eq!(parse("readonly=0").expect("taken").settings, []);
        assert_eq!(parse("session_id=x&session_timeout=60&session_check=0").expect("taken").settings, []);
        assert_eq!(parse("role=r"), Err(511));
        assert_eq!(parse("dialect=prql"), Err(48));
        assert_eq!(parse("a%3D1%2C+b=2"), Err(115));
        assert_eq!(parse("param_%27=2"), Err(115));
    }

    #[test]
    fn may_name_a_session_that_need_not_exist() {
        assert!(parse("session_id=x").expect("taken").session);
        assert!(!parse("session_id=").expect("taken").session);
        assert!(!parse("session_check=1").expect("taken").session);
        assert_eq!(parse("session_id=x&session_check=1"), Err(372));
        assert_eq!(parse("session_id=x&session_timeout=soon"), Err(374));
    }

    #[test]
    fn has_tables_from_its_form() {
        let mut request =
            parse("t_structure=a+UInt8&u_types=String&u_format=CSV&max_threads=2").expect("taken");
        let field = |name: &str, value: &[u8], file| Field { name: name.into(), value: value.into(), file };
        let form =
            vec![field("t", b"1\n", true), field("query", b"SELECT 1", false), field("u", b"\xff\n", true)];
        request.take_form(form).expect("well formed");
        assert_eq!(request.query.as_deref(), Some("SELECT 1"));
        assert_eq!(request.settings, [("max_threads".to_owned(), "2".to_owned())]);
        let tables: Vec<_> =
            request.external_tables.iter().map(|table| (table.create(), table.format.as_str())).collect();
        assert_eq!(
            tables,
            [
                ("CREATE TEMPORARY TABLE `t` (a UInt8) ENGINE = Memory".to_owned(), "TabSeparated"),
                ("CREATE TEMPORARY TABLE `u` (_1 String) ENGINE = Memory".to_owned(), "CSV"),
            ]
        );
        assert_eq!(request.take_form(vec![field("query", b"\xff", false)]).map_err(|e| e.code), Err(36));
    }

    #[test]
    fn shows_no_password_when_printed() {
        let shown = format!("{:?}", parse("user=u&password=secret").expect("taken"));
        assert!(shown.contains('u') && !shown.contains("secret"));
    }

    proptest! {
        #[test]
        fn makes_one_set_of_any_values(values in proptest::collection::vec(any::<String>(), 1..4)) {
            let settings: Vec<_> = values.iter().map(|value| ("max_threads".to_owned(), value.clone())).collect();
            let sql = Request::set_statement(&settings).expect("not empty");
            let tokens: Vec<_> = Tokens::new(sql.as_bytes()).collect();
            prop_assert_eq!(tokens.iter().filter(|token| token.kind == Kind::Text).count(), values.len());
            prop_assert!(tokens.iter().all(|token| token.kind != Kind::Unfinished));
        }

        #[test]
        fn makes_one_use_of_any_name(name in any::<String>()) {
            let sql = Request::use_statement(&name);
            prop_assert_eq!(Tokens::new(sql.as_bytes()).count(), 2);
        }

        #[test]
        fn is_read_from_any_url(query in ".{0,200}") {
            let _ = parse(&query);
        }
    }
}
