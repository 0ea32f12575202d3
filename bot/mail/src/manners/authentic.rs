//! Whether a mail is from whom it says, as our own mail server found (RFC 8601).
//!
//! Anyone can write any `From`. The server that took the mail checks DKIM and DMARC and writes down
//! what came of it, in `Authentication-Results` under its own name; it takes such headers off that
//! came from outside under that name (section 5), so those with it can be believed.

use crate::message::Message;

/// True when the server `authserv` found that the domain of `From` stands behind the mail: DMARC
/// passes, or DKIM by that domain or one above it.
pub fn is_from_sender(message: &Message, authserv: &str) -> bool {
    let Some(from) = &message.from else { return false };
    let domain = from.address().as_str().rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    let Some(domain) = domain else { return false };
    message.headers_named("Authentication-Results").any(|value| {
        let value = without_comments(value).to_ascii_lowercase();
        let mut parts = value.split(';');
        // The name may have a version behind it.
        let name = parts.next().and_then(|name| name.split_whitespace().next());
        name.is_some_and(|name| name.eq_ignore_ascii_case(authserv)) && parts.any(|part| vouches(part, &domain))
    })
}

/// `dkim=pass header.d=example.org`, `dmarc=pass header.from=example.org`.
fn vouches(part: &str, domain: &str) -> bool {
    let mut words = part.split_whitespace();
    let property = match words.next() {
        Some("dkim=pass") => "header.d=",
        Some("dmarc=pass") => "header.from=",
        _ => return false,
    };
    let signer = words.find_map(|word| word.strip_prefix(property)).map(|signer| signer.trim_matches('"'));
    signer.is_some_and(|signer| {
        // A signature of a top-level domain vouches for nobody.
        let above = domain.strip_suffix(signer).is_some_and(|rest| rest.ends_with('.')) && signer.contains('.');
        signer == domain || above
    })
}

/// The value without what stands in parentheses, which anyone may have influenced.
fn without_comments(value: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            other if depth == 0 => out.push(other),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proved(results: &str) -> bool {
        let text = format!("From: Alice <alice@dev.example.org>\nAuthentication-Results: {results}\n\nx\n");
        is_from_sender(&Message::parse(text.as_bytes()), "mx.example.net")
    }

    #[test]
    fn what_proves_a_sender() {
        assert!(proved("mx.example.net; dkim=pass header.d=dev.example.org header.s=x"));
        assert!(proved("MX.example.net 1; spf=fail smtp.mailfrom=x; dkim=pass (good) header.d=example.org"));
        assert!(proved("mx.example.net;\n\tdmarc=pass (p=none) header.from=dev.example.org"));
    }

    #[test]
    fn what_does_not() {
        for results in [
            "mx.example.net; none",
            "mx.evil.net; dkim=pass header.d=dev.example.org",
            "mx.example.net; dkim=fail header.d=dev.example.org",
            "mx.example.net; dkim=pass header.d=evil.org",
            "mx.example.net; dkim=pass header.d=org",
            "mx.example.net; dkim=pass header.d=ev.example.org",
            "mx.example.net; spf=pass smtp.mailfrom=alice@dev.example.org",
            "mx.example.net; dkim=none (dkim=pass header.d=dev.example.org)",
            "evil.net (mx.example.net); dkim=pass header.d=dev.example.org",
            "mx.example.net; dkim=fail reason=\"x; dkim=passed header.d=dev.example.org\"",
            "",
        ] {
            assert!(!proved(results), "{results}");
        }
        assert!(!is_from_sender(&Message::parse(b"From: a@b.c\n\nx\n"), "mx.example.net"));
    }
}
