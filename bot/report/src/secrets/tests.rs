use super::*;
use crate::fixture;

/// A body of a token that no maker gave out.
const BODY: &str = "Q7xTz2LmP0aVb9RkYc4WnJ5dHs8GfE1uKo3i";

fn check(text: &str, expected: &str) {
    assert_eq!(mask(text), expected, "{text}");
    assert_eq!(mask(expected), expected, "masked twice");
}

#[test]
fn tokens_by_their_form() {
    for prefix in
        ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "glrt-", "glcbt-64_", "npm_", "xoxb-"]
    {
        check(&format!("fatal: {prefix}{BODY}, bad"), "fatal: [masked], bad");
        check(&format!("X={prefix}{BODY}"), "X=[masked]");
        // Names that only look alike.
        let name = format!("my_{prefix}x {prefix}short");
        check(&name, &name);
    }
    check("AKIAQ3EXAMPL7Z2WXYAB failed", "[masked] failed");
    check("key ASIAQ3ZZMPL7Z2WXYABC.", "key [masked].");
    check("XAKIAQ3ZZMPL7Z2WXYABC AKIAQ3", "XAKIAQ3ZZMPL7Z2WXYABC AKIAQ3");
    check(&format!("AIza{}", &BODY[..35]), "[masked]");
    check(&format!("pypi-AgEIcHlwaS5vcmc{BODY}{BODY}"), "[masked]");
    check("hooks.slack.com/services/T0123ABCD/B0123ABCD/abcdefgh12345678abcdefgh", "hooks.slack.com/services/[masked]");
    check("ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    check(&format!("with {jwt}."), "with [masked].");
    check("eyJhbGci.eyJ.x", "eyJhbGci.eyJ.x");
}

#[test]
fn private_keys_over_several_lines() {
    let body = "MIIEowIBAAKCAQEAx3Z\nq7xTz2LmP0aVb9RkYc4WnJ5dHs8GfE1uKo3i\nabc=\n";
    for label in ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
        check(&format!("a\n-----BEGIN {label}-----\n{body}-----END {label}-----\nb"), "a\n[masked]\nb");
        check(&format!("a -----BEGIN {label}-----\n{body}"), "a [masked]");
        check(&format!("tail:\n{body}-----END {label}-----\nb"), "tail:\n[masked]\nb");
    }
    check(r#""key": "-----BEGIN PRIVATE KEY-----\nMIIEow\n-----END PRIVATE KEY-----\n","#, r#""key": "[masked]\n","#);
    let public = format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n");
    check(&public, &public);
}

#[test]
fn secrets_by_what_stands_before_them() {
    check("https://bob:hunter2@git.example.com/r.git", "https://bob:[masked]@git.example.com/r.git");
    check("git clone https://x-access-token:abc@h/x", "git clone https://x-access-token:[masked]@h/x");
    check("https://Q7xTz2LmP0aVb9RkYc4W@h/x", "https://[masked]@h/x");
    check("ssh://git@example.com:22/x https://h/a@b:c", "ssh://git@example.com:22/x https://h/a@b:c");
    check("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [masked]");
    check("> authorization: bearer abcdef123", "> authorization: bearer [masked]");
    check("-H 'Proxy-Authorization: Basic dXNlcjpw' x", "-H 'Proxy-Authorization: Basic [masked]' x");
    check(&format!("Bearer {BODY} of news"), "Bearer [masked] of news");
    check("PRIVATE-TOKEN: zQ4rTy7uIo9p", "PRIVATE-TOKEN: [masked]");
    check("curl -s -u bob:s3cret https://h", "curl -s -u bob:[masked] https://h");
    check("DB_PASSWORD=hunter2! make", "DB_PASSWORD=[masked] make");
    check("PASSWORD=a1=b2=c3 make", "PASSWORD=[masked] make");
    check("mysql --password=hunter2 x", "mysql --password=[masked] x");
    check("mysql --password hunter2 x", "mysql --password [masked] x");
    check(r#"{"password": "tr0ub4dor&3", "a": 1}"#, r#"{"password": "[masked]", "a": 1}"#);
    check(&format!("AWS_SECRET_ACCESS_KEY={BODY}/+zz"), "AWS_SECRET_ACCESS_KEY=[masked]");
    check(&format!("api_key: \"{BODY}\""), "api_key: \"[masked]\"");
    check(&format!("//registry.npmjs.org/:_authToken={BODY}"), "//registry.npmjs.org/:_authToken=[masked]");
    check(&format!("AccountKey={BODY}==;EndpointSuffix=x"), "AccountKey=[masked];EndpointSuffix=x");
    check("https://h/x?se=2&sig=aBcD3fGh1jKl%2Bmn0pQrS%3D&x", "https://h/x?se=2&sig=[masked]&x");
}

#[test]
fn what_is_no_secret() {
    for text in [
        "a.c:3:5: error: 'password' undeclared (first use in this function)",
        "int token = next_token(lexer);",
        "token=next_token2",
        "syntax error near unexpected token `}'",
        "error: expected unqualified-id before numeric constant token: 0x1234abcd5678",
        "CONFIG_MODULE_SIG_KEY=\"certs/signing_key.pem\"",
        "make PASSWORD=$SECRET TOKEN=${{ secrets.GITHUB_TOKEN }}",
        "password=*** password=[masked] secret=<redacted-123456>",
        "ssl_password_size=128 secret_len = 65536u",
        "if (token == TPM2_RH_NULL123456)",
        "key->token = kzalloc(sizeof(*token), GFP_KERNEL);",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "https://lore.kernel.org/r/20261126100000.12345-1-a@b.c",
        "http://user@example.com/",
        "-----BEGIN PUBLIC KEY-----",
        "basic block, bearer of bad news",
        "/usr/bin/ld: libsecret-1.so: undefined reference to 'g_token_new'",
        "tokenize.c:12: secret_storage::token::value",
        "curl -s https://example.com/a:b",
    ] {
        check(text, text);
    }
}

#[test]
fn a_whole_report() {
    let secret = format!("ghp_{BODY}");
    let mut report = fixture::mixed();
    let clean = Masked::of(report.clone());
    assert_eq!(*clean, report);
    assert_eq!(clean.found().count(), 0);
    // Every text, whatever its name.
    texts::visit(&mut report, &mut |text| text.push_str(&format!(" {secret}")));
    let times = serde_json::to_string(&report).unwrap().matches(&secret).count() as u64;
    let masked = Masked::of(report);
    let json = serde_json::to_string(&*masked).unwrap();
    assert!(!json.contains(BODY), "{json}");
    assert_eq!(masked.patch, None);
    assert!(masked.causes.iter().flat_map(|cause| &cause.fixes).all(|fix| fix.patch.is_none()));
    // The combined patch is not counted: it is the first fix's once more.
    assert_eq!(masked.found().collect::<Vec<_>>(), [("GitHub token", times - 1)]);
}

#[test]
fn time_is_linear() {
    for part in [
        "token=",
        "://",
        "eyJ.",
        "ghs_.",
        "password:",
        "-----BEGIN ",
        "-----END RSA PRIVATE KEY-----\n",
        "a:b@",
        "curl ",
    ] {
        let text = part.repeat(400_000 / part.len());
        let start = std::time::Instant::now();
        let _ = mask(&text);
        assert!(start.elapsed().as_secs() < 5, "{part} took {:?}", start.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn any_text(text in "(\\PC|[\\n\"'=: ]|password|token|://|@|-----BEGIN RSA PRIVATE KEY-----|-----END |eyJ|ghp_|curl -u ){0,30}") {
        let once = mask(&text).into_owned();
        // What was masked announces nothing new.
        mask(&once);
    }
}
