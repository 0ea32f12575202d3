//! Addresses and Message-IDs that are safe to write into a header.
//!
//! What a stranger wrote is checked once, here. A value of these types holds no control character, no line end, and is no
//! longer than the RFCs allow, so whoever composes a mail from it need not ask again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of the part before the `@` (RFC 5321 section 4.5.3.1.1).
const LOCAL_MAX: usize = 64;
/// Bytes of a domain (RFC 5321 section 4.5.3.1.2).
const DOMAIN_MAX: usize = 255;
/// Bytes of an address: a path is 256 with its angle brackets (RFC 5321 section 4.5.3.1.3).
const ADDRESS_MAX: usize = 254;
/// Bytes of one label of a domain (RFC 1035 section 2.3.4).
const LABEL_MAX: usize = 63;
/// Characters of a display name; our own limit, longer ones are cut.
const NAME_MAX: usize = 128;
/// Bytes of a Message-ID without its brackets: public-inbox takes no longer ones (`public-inbox-mda(1)`).
const ID_MAX: usize = 244;

/// Why a text is no address or no Message-ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not `local@domain` in ASCII, or longer than RFC 5321 allows.
    #[error("{0:?} is no mail address; write it as name@domain")]
    Address(String),
    /// Empty, too long, or with characters that no Message-ID has.
    #[error("{0:?} is no Message-ID; write it as <left@right>")]
    MessageId(String),
}

impl Invalid {
    fn address(text: &str) -> Self {
        Self::Address(text.chars().take(80).collect())
    }

    fn message_id(text: &str) -> Self {
        Self::MessageId(text.chars().take(80).collect())
    }
}

/// `local@domain` in ASCII: a dot-atom (RFC 5322 section 3.2.3) and a host name (RFC 1123 section 2.1).
///
/// Quoted local parts, address literals and internationalised addresses (RFC 6531) are refused: they are next to unknown on
/// patch lists, and each is a way to smuggle syntax. The domain is held in lower case, the local part as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

impl Address {
    /// Reads an address without name and brackets.
    ///
    /// # Errors
    ///
    /// When the text is anything but an address as described above.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim_matches([' ', '\t']);
        let (local, domain) = text.rsplit_once('@').ok_or_else(|| Invalid::address(text))?;
        if text.len() <= ADDRESS_MAX && is_dot_atom(local) && is_domain(domain) {
            Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
        } else {
            Err(Invalid::address(text))
        }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after the `@`, in lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether two addresses reach the same mailbox as far as anybody cares: letters are compared without their case.
    pub fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

fn is_dot_atom(local: &str) -> bool {
    let atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    local.len() <= LOCAL_MAX && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(atext))
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.len() <= DOMAIN_MAX && domain.split('.').all(label)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Address {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

/// An address and whose it is. The name is one line of at most 128 visible characters; it is not quoted or encoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "RawMailbox")]
pub struct Mailbox {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    address: Address,
}

/// What is stored of a [`Mailbox`], before its name is cleaned again.
#[derive(Deserialize)]
struct RawMailbox {
    #[serde(default)]
    name: Option<String>,
    address: Address,
}

impl From<RawMailbox> for Mailbox {
    fn from(raw: RawMailbox) -> Self {
        Self::new(raw.name.as_deref(), raw.address)
    }
}

impl Mailbox {
    /// Puts a mailbox together. The name loses control and invisible characters and what is beyond 128 characters; an empty
    /// one is none.
    pub fn new(name: Option<&str>, address: Address) -> Self {
        let name = name.map(|name| one_line(name, NAME_MAX)).filter(|name| !name.is_empty());
        Self { name, address }
    }

    /// The display name, decoded and unquoted.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl fmt::Display for Mailbox {
    /// For people. A header needs quoting and encoding on top.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// A Message-ID without its angle brackets: 1 to 244 visible ASCII characters, none of them a bracket.
///
/// RFC 5322 section 3.6.4 asks for `left@right`; some mailers leave the `@` out and are taken, too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

impl MessageId {
    /// Reads a Message-ID, with or without its brackets.
    ///
    /// # Errors
    ///
    /// When the text holds more or other than one Message-ID.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim_matches([' ', '\t']);
        let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'<' && byte != b'>';
        if (1..=ID_MAX).contains(&inner.len()) && inner.bytes().all(visible) {
            Ok(Self(inner.to_owned()))
        } else {
            Err(Invalid::message_id(text))
        }
    }

    /// All Message-IDs between angle brackets in a header value, in order, at most `max`. What stands around them (comments,
    /// phrases of old mailers) is skipped; long ids that were folded lose the blanks within.
    pub fn find_all(value: &str, max: usize) -> Vec<Self> {
        let mut found = Vec::new();
        let mut rest = value;
        while let Some(start) = rest.find('<')
            && found.len() < max
        {
            let Some(end) = rest[start..].find('>') else { break };
            let inner: String = rest[start + 1..start + end].split_ascii_whitespace().collect();
            found.extend(Self::parse(&inner));
            rest = &rest[start + end + 1..];
        }
        found
    }

    /// The id without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    /// With brackets, as headers have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

impl TryFrom<String> for MessageId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

/// Text as one line: control, invisible and direction characters and runs of blanks become one blank, and it ends after
/// `max` characters.
pub fn one_line(text: &str, max: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max));
    let (mut taken, mut blank) = (0, false);
    for character in text.chars() {
        if character.is_whitespace() || is_invisible(character) {
            blank = true;
            continue;
        }
        if blank && taken > 0 {
            line.push(' ');
            taken += 1;
        }
        blank = false;
        if taken >= max {
            break;
        }
        line.push(character);
        taken += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// Controls, and what changes how the text around it is shown (zero width, direction, annotation, tags).
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_addresses_of_developers() {
        for text in ["alice@example.org", "a.b+c_d@mail.EXAMPLE.org", "o'hara@x.y", "root@localhost", "=a/b@x-1.org"] {
            assert!(Address::parse(text).is_ok(), "{text}");
        }
        assert_eq!(Address::parse(" Al@EXAMPLE.org ").unwrap().as_str(), "Al@example.org");
        assert!(Address::parse("AL@example.org").unwrap().is(&Address::parse("al@Example.ORG").unwrap()));
    }

    #[test]
    fn refuses_what_could_break_a_header_or_an_envelope() {
        let long = format!("{}@example.org", "a".repeat(65));
        let labels = format!("a@{}", "abcdefgh.".repeat(40));
        for text in [
            "",
            "alice",
            "@example.org",
            "alice@",
            "a b@example.org",
            "alice@example.org\r\nBcc: x@y.z",
            "alice@example.org\n",
            "alice@@example.org",
            ".a@example.org",
            "a..b@example.org",
            "\"a b\"@example.org",
            "a@[127.0.0.1]",
            "a@-x.org",
            "a@x_.org",
            "a@x..org",
            "<a@x.org>",
            "a,b@x.org",
            "a@x.org,b@x.org",
            "ä@x.org",
            "a@ä.org",
            "a\0@x.org",
            "a@x.org\0",
            "a@x.org;",
            &long,
            &labels,
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_one_visible_line() {
        let address = Address::parse("a@b.c").unwrap();
        let name = |text: &str| Mailbox::new(Some(text), address.clone()).name().map(str::to_owned);
        assert_eq!(name("Zoë\r\nBcc: x@y.z").unwrap(), "Zoë Bcc: x@y.z");
        assert_eq!(name("\u{202e}evil\u{200b}\u{7}  name ").unwrap(), "evil name");
        assert_eq!(name(" \r\n\0 "), None);
        assert_eq!(name(&"x".repeat(1000)).unwrap().len(), NAME_MAX);
    }

    #[test]
    fn message_ids_are_found_and_checked() {
        let found = MessageId::find_all("(Bob) <a@b> <c\r\n d@e>, text <> <f g> <<h> <i@j> <k", 10);
        let found: Vec<_> = found.iter().map(MessageId::as_str).collect();
        assert_eq!(found, ["a@b", "cd@e", "fg", "i@j"]);
        assert_eq!(MessageId::find_all(&"<a@b>".repeat(100), 3).len(), 3);
        for text in ["", "<>", "a b", "<a>b>", "a\n", &"x".repeat(245), "ä@b"] {
            assert!(MessageId::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(MessageId::parse("<a@b>").unwrap().to_string(), "<a@b>");
    }

    #[test]
    fn stored_values_are_checked_again() {
        let stored = r#"{"name":"a\r\nb","address":"A@B.c"}"#;
        assert_eq!(serde_json::from_str::<Mailbox>(stored).unwrap().to_string(), "a b <A@b.c>");
        assert!(serde_json::from_str::<Address>(r#""a\n@b.c""#).is_err());
        assert!(serde_json::from_str::<MessageId>(r#""a\nb""#).is_err());
    }

    proptest! {
        #[test]
        fn nothing_slips_through(text in any::<String>(), max in 0_usize..40) {
            if let Ok(address) = Address::parse(&text) {
                prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(address.as_str().matches('@').count(), 1);
            }
            for id in MessageId::find_all(&text, 5) {
                prop_assert!(MessageId::parse(&id.to_string()).unwrap() == id);
            }
            let line = one_line(&text, max);
            prop_assert!(line.chars().count() <= max.max(1) + 1 && !line.chars().any(char::is_control));
        }
    }
}
