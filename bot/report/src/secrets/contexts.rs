//! Secrets that are told by what stands before them.

use std::ops::Range;

use super::Secret;

/// Words that announce a secret.
pub struct Context {
    /// The words, in any case.
    pub literal: &'static str,
    /// How what comes behind them is read.
    read: fn(&[u8], Range<usize>) -> Option<Secret>,
}

const fn context(literal: &'static str, read: fn(&[u8], Range<usize>) -> Option<Secret>) -> Context {
    Context { literal, read }
}

/// All contexts.
pub const ALL: &[Context] = &[
    context("-----begin ", private_key),
    context("-----end ", end_of_key),
    context("://", address),
    context("authorization", authorization),
    context("bearer ", bearer),
    context("private-token", header),
    context("job-token", header),
    context("deploy-token", header),
    context("x-auth-token", header),
    context("x-api-key", header),
    context("curl ", curl),
    context("password", password),
    context("passwd", password),
    context("passphrase", password),
    context("secret", assignment),
    context("token", assignment),
    context("api_key", assignment),
    context("api-key", assignment),
    context("apikey", assignment),
    context("access_key", assignment),
    context("access-key", assignment),
    context("accesskey", assignment),
    context("accountkey", assignment),
    context("auth_key", assignment),
    context("credential", assignment),
    context("x-amz-signature", assignment),
    context("_authtoken", assignment),
    context("?sig=", signature),
    context("&sig=", signature),
];

impl Context {
    /// The secret behind the literal that stands at `hit`.
    pub fn at(&self, text: &[u8], hit: Range<usize>) -> Option<Secret> {
        (self.read)(text, hit)
    }
}

/// So much of a value is looked at; a secret may be longer.
const VALUE_MAX: usize = 1024;

/// What ends a value, beside blanks.
const ENDS: &[u8] = b"\"'`,;";

/// A block of PEM (RFC 7468) with a private key, to its end or that of the text.
fn private_key(text: &[u8], hit: Range<usize>) -> Option<Secret> {
    let label = &text[hit.end..text.len().min(hit.end + 40)];
    let label = &label[..find(label, b"-----")?];
    find(label, b"PRIVATE KEY")?;
    let from = hit.end + label.len() + 5;
    let end = match find(&text[from..], b"-----END ") {
        Some(at) => {
            let behind = from + at + 9;
            let tail = &text[behind..text.len().min(behind + 45)];
            find(tail, b"-----").map_or(behind, |at| behind + at + 5)
        }
        None => text.len(),
    };
    Some(Secret { range: hit.start..end, kind: "private key" })
}

/// The end of a block whose beginning is not there: the lines of base64 above it are the key.
fn end_of_key(text: &[u8], hit: Range<usize>) -> Option<Secret> {
    let label = &text[hit.end..text.len().min(hit.end + 40)];
    let label = &label[..find(label, b"-----")?];
    find(label, b"PRIVATE KEY")?;
    let is_key = |line: &[u8]| {
        let line = line.trim_ascii();
        line.len() >= 16 && line.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b))
    };
    let mut start = hit.start;
    // The first line above may be short.
    let mut first = true;
    while let Some(above) = text[..start].strip_suffix(b"\n") {
        let line = above.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let is_last =
            first && above[line..].trim_ascii().iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b));
        if !is_last && !is_key(&above[line..]) {
            break;
        }
        (start, first) = (line, false);
    }
    Some(Secret { range: start..hit.end + label.len() + 5, kind: "private key" })
}

/// The password of `scheme://user:password@host` (RFC 3986), or a token in the place of the user.
fn address(text: &[u8], hit: Range<usize>) -> Option<Secret> {
    let rest = &text[hit.end..text.len().min(hit.end + 1024)];
    let authority = rest.iter().take_while(|b| b.is_ascii_graphic() && !b"/?#\"'<>`\\".contains(b)).count();
    let at = rest[..authority].iter().rposition(|&b| b == b'@')?;
    let user = &rest[..at];
    let kind = "password in an address";
    let start = match user.iter().position(|&b| b == b':') {
        Some(colon) => hit.end + colon + 1,
        None if user.len() >= 20 && is_random(user) => hit.end,
        None => return None,
    };
    let range = start..hit.end + at;
    (!is_placeholder(&text[range.clone()])).then_some(Secret { range, kind })
}

/// `Authorization: Bearer …` (RFC 9110), also of proxies.
fn authorization(text: &[u8], hit: Range<usize>) -> Option<Secret> {
    let (mut value, _) = value(text, hit.end, ENDS)?;
    let scheme = text[value.clone()].to_ascii_lowercase();
    let schemes: [&[u8]; 7] = [b"basic", b"bearer", b"digest", b"negotiate", b"token", b"apikey", b"aws4-hmac-sha256"];
    if schemes.contains(&scheme.as_slice()) {
        let from = value.end + text[value.end..].iter().take(8).take_while(|b| b.is_ascii_whitespace()).count();
        value = run(text, from, b"\"'`");
    } else if value.len() < 16 || !is_random(&text[value.clone()]) {
        return None;
    }
    secret(text, value, 6, "authorization header")
}

/// A bearer token without its header (RFC 6750).
fn bearer(text: &[u8], hit: Range<usize>) -> Option<Secret> {
    let value = run(text, hit.end, b"\"'`,;");
    let is_secret = value.len() >= 16 && is_random(&text[value.clone()]);
    is_secret.then_some(())?;
    secret(text, value, 16, "authorization header")
}

/// `PRIVATE-TOKEN: …`.
fn header(text: &[u8], hit: Range<usize>) -> Option<Secret> {
    let (value, _) = value(text, hit.end, ENDS)?;
    (!is_wordy(&text[value.clone()])).then_some(())?;
    secret(text, value, 8, "authorization header")
}

/// `curl -u user:password`.
fn curl(text: &[u8], hit: Range<usize>) -> Option<Secret> {
    let rest = &text[hit.end..text.len().min(hit.end + VALUE_MAX)];
    let line = &rest[..rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len())];
    let from = [&b"-u "[..], b"--user ", b"--user=", b"-U ", b"--proxy-user "].iter().find_map(|option| {
        let at = find(line, option)?;
        (at == 0 || line[at - 1] == b' ').then_some(hit.end + at + option.len())
    })?;
    let from = from + usize::from(text.get(from).is_some_and(|b| b"\"'".contains(b)));
    let user = run(text, from, b"\"'`:");
    (text.get(user.end) == Some(&b':')).then_some(())?;
    secret(text, run(text, user.end + 1, b"\"'`"), 3, "password")
}

/// `PASSWORD=…`: what is no plain word need not look random.
fn password(text: &[u8], hit: Range<usize>) -> Option<Secret> {
    let (value, is_tight) = value(text, behind_name(text, hit.end), ENDS)?;
    let body = &text[value.clone()];
    let is_plain = body.iter().all(|b| b.is_ascii_alphabetic() || b"_./-".contains(b)) || is_number(body);
    let is_bare = behind_name(text, hit.end) == hit.end || text[hit.end] == b'"' || text[hit.end] == b'\'';
    let is_secret = (is_tight && is_bare && !is_plain) || is_secret_value(body);
    is_secret.then_some(())?;
    secret(text, value, 6, "password")
}

/// `TOKEN=…` with a value that looks random.
fn assignment(text: &[u8], hit: Range<usize>) -> Option<Secret> {
    let (value, _) = value(text, behind_name(text, hit.end), b"\"'`,;=")?;
    is_secret_value(&text[value.clone()]).then_some(())?;
    secret(text, value, 12, "secret in an assignment")
}

/// The signature of an address of Azure's storage.
fn signature(text: &[u8], hit: Range<usize>) -> Option<Secret> {
    secret(text, run(text, hit.end, b"&\"'`"), 20, "signed address")
}

fn secret(text: &[u8], range: Range<usize>, min: usize, kind: &'static str) -> Option<Secret> {
    if range.len() < min || is_placeholder(&text[range.clone()]) {
        return None;
    }
    // What was not looked at, or stands behind a `=`, belongs to it.
    let is_cut = range.len() == VALUE_MAX || text.get(range.end) == Some(&b'=');
    let rest =
        text[range.end..].iter().take_while(|b| is_cut && b.is_ascii_graphic() && !b"\"'`,;".contains(b)).count();
    Some(Secret { range: range.start..range.end + rest, kind })
}

/// The end of a name of which a part is at `from`: `_VALUE` of `TOKEN_VALUE`.
fn behind_name(text: &[u8], from: usize) -> usize {
    let rest = &text[from..text.len().min(from + 24)];
    from + rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_-".contains(b)).count()
}

/// The value behind a name: `=`, `:`, `:=` or `=>`, perhaps with quotation marks, as in JSON. Also says whether there is no
/// blank before it, as in a shell.
fn value(text: &[u8], from: usize, ends: &[u8]) -> Option<(Range<usize>, bool)> {
    let quote = |at: usize| text.get(at).filter(|b| b"\"'`".contains(b)).copied();
    let blanks = |at: usize| at + text[at..].iter().take(8).take_while(|b| b" \t".contains(b)).count();
    let mut at = from;
    if text.get(at) == Some(&b'\\') {
        at += 1;
    }
    at += usize::from(quote(at).is_some());
    let before = at;
    at = blanks(at);
    let option = text.get(before) == Some(&b' ') && is_option(text, from);
    let signs = text[at..].iter().take(2).take_while(|b| b"=:>".contains(b)).count();
    // `--password value` has no sign.
    if signs == 0 && !option {
        return None;
    }
    // `==` compares, `::` is a scope.
    if signs == 2 && (text[at] == text[at + 1] || text[at] == b'>') {
        return None;
    }
    let behind = at + signs;
    at = blanks(behind);
    let is_tight = (before + signs == at && signs > 0) || quote(at).is_some() || option;
    if text.get(at) == Some(&b'\\') {
        at += 1;
    }
    let range = match quote(at) {
        Some(mark) => {
            let rest = &text[at + 1..text.len().min(at + 1 + VALUE_MAX)];
            let end = rest.iter().position(|&b| b == mark || b == b'\n' || b == b'\\')?;
            at + 1..at + 1 + end
        }
        None => run(text, at, ends),
    };
    Some((range, is_tight))
}

/// True when the name that ends at `end` begins as an option does: `--db-password`.
fn is_option(text: &[u8], end: usize) -> bool {
    let before = &text[end.saturating_sub(48)..end];
    let name = before.iter().rev().take_while(|b| b.is_ascii_alphanumeric() || b"_-".contains(b)).count();
    before[before.len() - name..].starts_with(b"--")
}

/// What stands from there on up to a blank or one of `ends`.
fn run(text: &[u8], from: usize, ends: &[u8]) -> Range<usize> {
    let rest = &text[from.min(text.len())..text.len().min(from + VALUE_MAX)];
    // A `=` that fills base 64 up ends nothing.
    let is_end = |at: usize| match rest[at] {
        b'=' => ends.contains(&b'=') && rest.get(at + 1).is_some_and(u8::is_ascii_alphanumeric),
        b => ends.contains(&b) || b == b' ' || b.is_ascii_control(),
    };
    from..from + (0..rest.len()).take_while(|&at| !is_end(at)).count()
}

/// A value that nobody would have as a name: long, no code, no path, no words.
fn is_secret_value(value: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"+/=_.~-".contains(b);
    value.len() >= 12 && value.iter().all(plain) && !is_number(value) && !is_wordy(value) && is_random(value)
}

/// Letters and digits in about the disorder that chance makes.
fn is_random(value: &[u8]) -> bool {
    let mut counts = [0_u32; 256];
    value.iter().for_each(|&b| counts[usize::from(b)] += 1);
    let length = value.len() as f64;
    let parts = counts.iter().filter(|&&n| n > 0).map(|&n| f64::from(n) / length);
    let bits: f64 = parts.map(|share| -share * share.log2()).sum();
    let has = |is: fn(&u8) -> bool| value.iter().any(is);
    bits >= 3.0 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

fn is_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"0x").or_else(|| value.strip_prefix(b"0X"));
    digits.is_some_and(|digits| digits.iter().all(|b| b.is_ascii_hexdigit() || b"uUlL".contains(b)))
        || value.iter().all(|b| b.is_ascii_digit() || b".-+:,".contains(b))
}

/// Words, perhaps numbered, as names and paths are made of: `certs/key_2.pem`, `TPM2_RH_NULL`.
fn is_wordy(value: &[u8]) -> bool {
    let parts = value.split(|b| b"/_.-:,+=~ ".contains(b)).filter(|part| !part.is_empty());
    let is_word = |part: &[u8]| {
        let letters = part.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let digits = part[letters..].iter().take_while(|b| b.is_ascii_digit()).count();
        let rest = &part[letters + digits..];
        let is_short = digits <= 4 && rest.len() <= 8 && rest.iter().all(u8::is_ascii_alphabetic);
        let is_count = letters == 0 && rest.is_empty() && digits <= 8;
        is_count || (rest.is_empty() && digits <= 3) || (is_short && part.len() <= 14)
    };
    let mut parts = parts.peekable();
    parts.peek().is_none() || parts.all(is_word)
}

/// What stands where a secret was, or where one is to be put.
fn is_placeholder(value: &[u8]) -> bool {
    let same = value.iter().all(|b| Some(b) == value.first());
    let stands_for = value.first().is_some_and(|b| b"$%<{[(&*@".contains(b));
    let is_code = value.iter().any(|b| b"(){}[]<>".contains(b)) || find(value, b"->").is_some();
    let words: [&[u8]; 6] = [b"***", b"[masked]", b"...", b"example", b"redacted", b"xxxx"];
    let lower = value[..value.len().min(64)].to_ascii_lowercase();
    value.is_empty() || same || stands_for || is_code || words.iter().any(|word| find(&lower, word).is_some())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, wanted)
}
