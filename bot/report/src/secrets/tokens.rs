//! Tokens that are told by their own form: a prefix that their maker gave them so that scanners find them.

use super::Secret;

/// A form of tokens.
pub struct Token {
    /// What it begins with, or holds near its front; upper and lower case as it is printed.
    pub literal: &'static str,
    /// What it is, for people.
    kind: &'static str,
    /// What comes behind the literal.
    body: Body,
    /// How long that is, in bytes.
    length: (usize, usize),
}

/// Which characters a token is made of.
#[derive(Clone, Copy)]
enum Body {
    /// Letters and digits.
    Plain,
    /// With `_` and `-`.
    Words,
    /// With `.`, too.
    Dotted,
    /// Base 32 in upper case.
    Upper,
    /// Hexadecimal digits.
    Hex,
    /// Plain, but the length must be met and both digits and letters of both cases be there: for short prefixes.
    Mixed,
    /// Three or five parts of base64url between dots.
    Jwt,
    /// Three or more parts between slashes.
    Path,
}

const fn token(literal: &'static str, kind: &'static str, body: Body, min: usize, max: usize) -> Token {
    Token { literal, kind, body, length: (min, max) }
}

const GITHUB: &str = "GitHub token";
const GITLAB: &str = "GitLab token";
const AWS: &str = "AWS access key";
const SLACK: &str = "Slack token";
const GOOGLE: &str = "Google key";

/// All forms. From what their makers say of them: docs.github.com, "About authentication"; docs.gitlab.com,
/// "Token overview"; AWS's IAM guide, "Unique identifiers"; RFC 7519; api.slack.com, "Token types"; the others'
/// announcements of their prefixes.
pub const ALL: &[Token] = &[
    token("ghp_", GITHUB, Body::Plain, 30, 255),
    token("gho_", GITHUB, Body::Plain, 30, 255),
    token("ghu_", GITHUB, Body::Plain, 30, 255),
    // Tokens of installations are becoming JWTs behind the prefix.
    token("ghs_", GITHUB, Body::Dotted, 30, 4096),
    token("ghr_", GITHUB, Body::Plain, 30, 255),
    token("github_pat_", GITHUB, Body::Words, 22, 255),
    token("glpat-", GITLAB, Body::Dotted, 20, 300),
    token("glrt-", GITLAB, Body::Dotted, 20, 300),
    token("glrtr-", GITLAB, Body::Dotted, 20, 300),
    token("glcbt-", GITLAB, Body::Dotted, 20, 4096),
    token("gldt-", GITLAB, Body::Dotted, 20, 300),
    token("glptt-", GITLAB, Body::Dotted, 20, 300),
    token("glft-", GITLAB, Body::Dotted, 20, 300),
    token("glimt-", GITLAB, Body::Dotted, 20, 300),
    token("glagent-", GITLAB, Body::Dotted, 20, 300),
    token("gloas-", GITLAB, Body::Dotted, 20, 300),
    token("glsoat-", GITLAB, Body::Dotted, 20, 300),
    token("glffct-", GITLAB, Body::Dotted, 20, 300),
    token("glwt-", GITLAB, Body::Dotted, 20, 300),
    token("GR1348941", GITLAB, Body::Words, 20, 40),
    token("AKIA", AWS, Body::Upper, 16, 16),
    token("ASIA", AWS, Body::Upper, 16, 16),
    token("xoxa-", SLACK, Body::Words, 20, 300),
    token("xoxb-", SLACK, Body::Words, 20, 300),
    token("xoxp-", SLACK, Body::Words, 20, 300),
    token("xoxr-", SLACK, Body::Words, 20, 300),
    token("xoxs-", SLACK, Body::Words, 20, 300),
    token("xoxe.", SLACK, Body::Dotted, 20, 400),
    token("xapp-", SLACK, Body::Words, 20, 300),
    token("hooks.slack.com/services/", "Slack webhook", Body::Path, 30, 120),
    token("discord.com/api/webhooks/", "Discord webhook", Body::Path, 40, 160),
    token("AIza", GOOGLE, Body::Words, 35, 35),
    token("GOCSPX-", GOOGLE, Body::Words, 24, 40),
    token("ya29.", GOOGLE, Body::Dotted, 20, 1024),
    token("npm_", "npm token", Body::Plain, 36, 36),
    token("pypi-AgE", "PyPI token", Body::Words, 40, 400),
    token("cio", "crates.io token", Body::Mixed, 32, 32),
    token("rubygems_", "RubyGems key", Body::Hex, 48, 48),
    token("dckr_pat_", "Docker token", Body::Words, 20, 60),
    token("dckr_oat_", "Docker token", Body::Words, 20, 60),
    token("hf_", "Hugging Face token", Body::Mixed, 34, 40),
    token("sk-ant-", "API key", Body::Words, 20, 300),
    token("sk-proj-", "API key", Body::Words, 20, 300),
    token("sk_live_", "Stripe key", Body::Plain, 16, 250),
    token("rk_live_", "Stripe key", Body::Plain, 16, 250),
    token("SG.", "SendGrid key", Body::Dotted, 60, 80),
    token("hvs.", "Vault token", Body::Words, 24, 300),
    token("hvb.", "Vault token", Body::Words, 24, 400),
    token("dop_v1_", "DigitalOcean token", Body::Hex, 64, 64),
    token("dapi", "Databricks token", Body::Hex, 32, 32),
    token("ATATT3", "Atlassian token", Body::Words, 40, 400),
    token("ATCTT3", "Atlassian token", Body::Words, 40, 400),
    token("glsa_", "Grafana token", Body::Words, 32, 60),
    token("AGE-SECRET-KEY-1", "age key", Body::Upper, 50, 64),
    token("8Q~", "Azure secret", Body::Dotted, 28, 40),
    token("eyJ", "JSON web token", Body::Jwt, 20, 8192),
];

impl Token {
    /// The token whose literal stands at `start`.
    pub fn at(&self, text: &[u8], start: usize) -> Option<Secret> {
        // The search takes either case, since what stands before passwords may be written in both.
        let behind = start + self.literal.len();
        if &text[start..behind] != self.literal.as_bytes() {
            return None;
        }
        let start = match self.literal {
            // Three characters stand before this one.
            "8Q~" => start.checked_sub(3).filter(|&at| text[at..start].iter().all(|&b| is_word(b) || b == b'~'))?,
            // Of a webhook only the end is secret.
            _ if matches!(self.body, Body::Path) => behind,
            _ => start,
        };
        let joined = |b: &u8| is_word(*b) || (matches!(self.body, Body::Jwt) && *b == b'.');
        if !matches!(self.body, Body::Path) && start > 0 && text.get(start - 1).is_some_and(joined) {
            return None;
        }
        let (min, max) = self.length;
        let rest = &text[behind..text.len().min(behind + max)];
        let length = rest.iter().take_while(|&&b| self.body.takes(b)).count();
        // What ends a sentence is no part.
        let length = length - rest[..length].iter().rev().take_while(|b| b".-".contains(b)).count();
        let body = &rest[..length];
        let ends = text.get(behind + length).is_none_or(|&b| !b.is_ascii_alphanumeric());
        let is_exact = min == max;
        (length >= min && (ends || !is_exact) && self.body.is_whole(body))
            .then(|| Secret { range: start..behind + length, kind: self.kind })
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_-".contains(&b)
}

impl Body {
    fn takes(self, b: u8) -> bool {
        match self {
            Self::Plain | Self::Mixed => b.is_ascii_alphanumeric(),
            Self::Words => is_word(b),
            Self::Dotted => is_word(b) || b"~.".contains(&b),
            Self::Upper => b.is_ascii_uppercase() || b.is_ascii_digit(),
            Self::Hex => b.is_ascii_hexdigit(),
            Self::Jwt => is_word(b) || b == b'.',
            Self::Path => is_word(b) || b == b'/',
        }
    }

    fn is_whole(self, body: &[u8]) -> bool {
        let any = |is: fn(&u8) -> bool| body.iter().any(is);
        match self {
            Self::Mixed => any(u8::is_ascii_digit) && any(u8::is_ascii_uppercase) && any(u8::is_ascii_lowercase),
            // The header is an object, and so is what is claimed, unless it is encrypted.
            Self::Jwt => {
                let parts: Vec<&[u8]> = body.split(|&b| b == b'.').collect();
                let signed = parts.len() == 3 && parts[1].starts_with(b"eyJ");
                (signed || parts.len() == 5) && parts.iter().filter(|part| part.len() >= 8).count() >= 3
            }
            Self::Path => body.split(|&b| b == b'/').filter(|part| part.len() >= 8).count() >= 2,
            // A run of one character is a placeholder: `ghp_xxxxxxxx`.
            _ => body.iter().any(|b| b != &body[0]),
        }
    }
}
