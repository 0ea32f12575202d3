use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use tower::ServiceExt;
use triage_store::{LineKind, NewBuild, NewCheckout, NewReply, SeenCause, Store, Transaction};

use super::*;
use crate::config;

/// Text that tries to break out of a page.
const HOSTILE: &str =
    "\u{1b}[2J\u{202e}</title></table><script>alert(1)</script><img src=x onerror=y>\" onload='z' ]]> \0 javascript:x";
/// The same as it is remembered.
const KEPT: &str = "\u{1b}[2J\u{202e}</title></table><script>alert(1)</script><img src=x onerror=y>\" onload='z' ]]> \u{fffd} javascript:x";
const ID: &str = "0123456789abcdef";
const TOKEN: &str = "a-token-that-nobody-guesses";
const READER: &str = "a-token-that-only-reads-things";

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

struct Site {
    router: Router,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("triage.yaml");
        std::fs::write(folder.path().join("admin"), TOKEN).unwrap();
        std::fs::write(folder.path().join("reader"), READER).unwrap();
        let text = format!(
            "server:\n  tokens:\n    - {{name: carol, file: admin, may: [admin]}}\n    - {{name: robin, file: reader, may: [read]}}\n{more}"
        );
        std::fs::write(&path, text).unwrap();
        let config = config::load(&path).unwrap();
        let store = Store::open(folder.path().join("triage.db").to_str().unwrap()).await.unwrap();
        let app = App::fixed(store.clone(), config);
        Self { router: router(&app).with_state(app), store, _folder: folder }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn get_with(&self, path: &str, name: header::HeaderName, value: &str) -> Answer {
        self.send(Request::get(path).header(name, value).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, cookie);
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// The cookie of someone who logs in, and what forms must carry then.
    async fn log_in(&self, token: &str) -> (String, String) {
        let answer = self.post("/login", "", &format!("token={token}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let cookie = answer.header(header::SET_COOKIE);
        assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let page = self.get_with("/", header::COOKIE, &cookie).await.body;
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        (cookie, csrf)
    }
}

async fn fill(store: &Store) {
    let mut at = store.begin().await.unwrap();
    let detail = hostile_cause();
    for (number, (tree, name, kind)) in (0..).zip([
        ("net/next", "main", LineKind::Branch),
        (HOSTILE, HOSTILE, LineKind::Branch),
        (HOSTILE, "", LineKind::Change),
    ]) {
        let checkout = NewCheckout {
            kind,
            tree: tree.into(),
            name: name.into(),
            key: HOSTILE.into(),
            commit: Some(HOSTILE.into()),
            title: Some(HOSTILE.into()),
            url: Some("javascript:alert(1)".into()),
        };
        let checkout = at.record_checkout(&checkout, now()).await.unwrap();
        for (part, status) in [("a", "fail"), ("b", "pass"), ("c", "empty")] {
            let build = NewBuild {
                id: format!("{part}{number}"),
                name: HOSTILE.into(),
                checkout: Some(checkout),
                status: status.into(),
                axes: [("arch", HOSTILE), (HOSTILE, HOSTILE), ("config", part)]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                url: Some("javascript:alert(1)".into()),
                report: Some(format!("{{\"x\": \"{}\"}}", "<script>")),
                ..NewBuild::default()
            };
            at.record_build(&build, now()).await.unwrap();
        }
        record(&mut at, ID, &detail, &format!("a{number}")).await;
    }
    let reply = NewReply {
        key: "key".into(),
        channel: "mail".into(),
        place: HOSTILE.into(),
        thread: HOSTILE.into(),
        version: 1,
        purpose: "report".into(),
        fingerprints: vec![ID.into()],
        recipients: vec![HOSTILE.into()],
        marker: "x@example.org\" onload=\"y".into(),
        content: HOSTILE.into(),
        not_before: now(),
    };
    at.record_reply(&reply, now()).await.unwrap();
    at.judge(ID, &triage_store::Verdict::Fixed(HOSTILE.into()), HOSTILE, now()).await.unwrap();
    at.commit().await.unwrap();
}

/// A cause out of a real log, with hostile text wherever there can be text.
fn hostile_cause() -> String {
    let log = "  CC      a.o\na.c: In function 'f':\na.c:4:9: error: 'valve' undeclared (first use in this function)\n    \
               4 |         valve = 1;\n      |         ^~~~~\nmake: *** [Makefile:9: a.o] Error 1\n";
    let book = triage_rules::RuleBook::embedded();
    let mut analyzer = triage_causes::Analyzer::new(&book, triage_causes::Options::default());
    analyzer.begin("a.log");
    let summary = triage_log::read_log(&mut log.as_bytes(), &mut |diagnostic| analyzer.diagnostic(diagnostic)).unwrap();
    analyzer.end(&summary);
    let mut cause = analyzer.finish().causes.remove(0);
    for text in [
        &mut cause.class,
        &mut cause.rule,
        &mut cause.title,
        &mut cause.message,
        &mut cause.explanation,
        &mut cause.attribution.statement,
    ] {
        HOSTILE.clone_into(text);
    }
    cause.function = Some(HOSTILE.into());
    cause.hint = Some(HOSTILE.into());
    let lists = [&mut cause.symbols, &mut cause.objects, &mut cause.units, &mut cause.guards, &mut cause.maintainers];
    for list in lists {
        *list = vec![HOSTILE.into(); 20];
    }
    cause.snippet.as_mut().unwrap().text = format!("        valve = 1; {HOSTILE}");
    let fix = &mut cause.fixes[0];
    fix.title = HOSTILE.into();
    fix.patch = Some(format!("--- a/x\n+++ b/x\n@@ -1 +1 @@ {HOSTILE}\n-{HOSTILE}\n+{HOSTILE}\n"));
    serde_json::to_string(&cause).unwrap()
}

async fn record(at: &mut Transaction, id: &str, detail: &str, build: &str) {
    let cause = SeenCause {
        fingerprint: id.into(),
        class: HOSTILE.into(),
        title: HOSTILE.into(),
        place: HOSTILE.into(),
        words: vec!["valve".into()],
        detail: Some(detail.to_owned()),
        builds: vec![build.into()],
        ..SeenCause::default()
    };
    at.record_cause(&cause, now()).await.unwrap();
}

/// Every page, with what must stand on it.
fn pages() -> Vec<(String, &'static str)> {
    vec![
        ("/".into(), "Trees"),
        ("/changes".into(), "Changes"),
        (path(Link::Tree("net/next")), "net/next"),
        (path(Link::Tree(KEPT)), "main"),
        (path(Link::Line("net/next", "main")), "Builds"),
        (path(Link::Line(KEPT, KEPT)), "Builds"),
        (path(Link::Line(KEPT, "")), "Builds"),
        (path(Link::State(KEPT, KEPT, KEPT)), "Builds"),
        (format!("{}?list=open", path(Link::Line("net/next", "main"))), "Open causes"),
        (format!("{}?list=fixed", path(Link::Line("net/next", "main"))), "There is none"),
        (format!("{}?list=states", path(Link::Line("net/next", "main"))), "States of"),
        ("/causes".into(), "Newest"),
        ("/causes?state=new".into(), "Newest"),
        ("/causes?state=fixed".into(), "There is none"),
        (format!("/causes?class={}", encoded(KEPT)), "of the class"),
        (path(Link::Cause(ID)), "Told in"),
        (path(Link::Build("a0")), "failed"),
        ("/search?q=valve".into(), "Causes with"),
        (format!("/search?q={}", encoded(KEPT)), "Nothing was found"),
        ("/search".into(), "Search"),
        ("/login".into(), "Token"),
    ]
}

#[tokio::test]
async fn no_text_breaks_out_of_a_page() {
    let site = Site::new("").await;
    fill(&site.store).await;
    for (address, expected) in pages() {
        let answer = site.get(&address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.body);
        assert!(answer.body.contains(expected), "{address}: {}", answer.body);
        for bad in ["<script", "<img", "\u{1b}", "\u{202e}", "\0", "href=\"javascript:", " onload=\"", "style=\""] {
            assert!(!answer.body.contains(bad), "{bad:?} in {address}: {}", answer.body);
        }
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert!(!answer.header("server-timing").is_empty());
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    }
    let report = site.get("/build/a0/report.json").await;
    assert_eq!(report.header(header::CONTENT_TYPE), "application/json");
    assert_eq!(report.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() {
    let site = Site::new("").await;
    fill(&site.store).await;
    for address in [
        "/nowhere",
        "/tree/x",
        "/tree/x/y",
        "/tree/net%2Fnext/main?state=x",
        "/cause/0000000000000000",
        "/cause/%ff",
        "/build/x",
        "/build/%00",
        "/causes?after=1.%00",
        "/search?q=%00",
    ] {
        let answer = site.get(address).await;
        assert!(answer.status.is_client_error(), "{address}: {}", answer.status);
    }
    for cursor in ["x", "1.", ".1", "99999999999999999999.x", "-1.-1"] {
        for address in ["/", "/causes", "/cause/0123456789abcdef", "/search?q=valve"] {
            let joint = if address.contains('?') { '&' } else { '?' };
            let answer = site.get(&format!("{address}{joint}after={cursor}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{address} {cursor}");
        }
    }
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let site = Site::new("").await;
    fill(&site.store).await;
    let first = site.get("/causes").await;
    let tag = first.header(header::ETAG).to_owned();
    assert_eq!(first.header(header::CACHE_CONTROL), "private, no-cache");
    let again = site.get_with("/causes", header::IF_NONE_MATCH, &format!("\"x\", {tag}")).await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(again.header(header::ETAG), tag);
    let other = site.get_with("/causes", header::IF_NONE_MATCH, "W/\"x\"").await;
    assert_eq!((other.status, other.body), (StatusCode::OK, first.body));
    let style = site.get(layout::style_path()).await;
    assert_eq!(style.header(header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    assert_eq!(style.body, layout::STYLE);
}

#[tokio::test]
async fn writing_takes_a_token_and_a_form_of_ours() {
    let site = Site::new("").await;
    fill(&site.store).await;
    let judge = format!("{}/verdict", path(Link::Cause(ID)));
    let refused = |answer: Answer| assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    refused(site.post(&judge, "", "verdict=invalid").await);
    refused(site.post("/outbox/key", "", "do=dismiss").await);
    refused(site.post("/jobs/1", "", "do=dismiss").await);
    refused(site.get("/outbox").await);
    refused(site.post("/login", "", "token=wrong").await);

    let (reader, csrf) = site.log_in(READER).await;
    refused(site.post(&judge, &reader, &format!("verdict=invalid&csrf={csrf}")).await);
    let (cookie, csrf) = site.log_in(TOKEN).await;
    refused(site.post(&judge, &cookie, "verdict=invalid").await);
    refused(site.post(&judge, &cookie, "verdict=invalid&csrf=0").await);
    // A cookie that someone else wrote, one that is over, one of another purpose.
    for forged in [
        format!("{}0", cookie),
        cookie.replace(&hex("carol"), &hex("robin")),
        cookie.replace('.', ".9"),
        format!("triage={}.1.{}", hex("carol"), "0".repeat(64)),
        "triage=".into(),
        "triage=...".into(),
    ] {
        refused(site.post(&judge, &forged, &format!("verdict=invalid&csrf={csrf}")).await);
    }
    let wrong = site.post(&judge, &cookie, &format!("verdict=fix&csrf={csrf}")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = site.post(&judge, &cookie, &format!("verdict=guilty&csrf={csrf}")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = site.post(&judge, &cookie, &format!("verdict=dup&detail=0000000000000001&csrf={csrf}")).await;
    assert_eq!((done.status, done.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/cause/0123456789abcdef"));
    let page = site.get("/cause/0123456789abcdef").await.body;
    assert!(page.contains("carol: it is a duplicate of <a href=\"/cause/0000000000000001\">"), "{page}");
    assert!(!page.contains("<select"), "who did not log in sees no form");

    // With the header there is no cookie that another site could use, and so no form.
    let request = Request::post("/outbox/key")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
    let done = site.send(request.body(Body::from("do=dismiss")).unwrap()).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let outbox = site.get_with("/outbox", header::COOKIE, &cookie).await;
    assert!(outbox.body.contains("dismissed by carol") && !outbox.body.contains("<script"), "{}", outbox.body);
    let again = site.post("/outbox/key", &cookie, &format!("do=requeue&csrf={csrf}")).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
    let unknown = site.post("/outbox/unknown", &cookie, &format!("do=requeue&csrf={csrf}")).await;
    assert_eq!(unknown.status, StatusCode::CONFLICT, "{}", unknown.body);
    let unknown = site.post("/jobs/1", &cookie, &format!("do=requeue&csrf={csrf}")).await;
    assert_eq!(unknown.status, StatusCode::CONFLICT, "{}", unknown.body);
    let mut at = site.store.read().await.unwrap();
    let audit = at.audit_since(Timestamp::from_millis(0), 9).await.unwrap();
    let told: Vec<String> = audit.iter().map(|entry| format!("{} {}", entry.actor, entry.action)).collect();
    assert_eq!(told, ["carol verdict", "carol dismiss", "carol requeue"]);
    drop(at);

    let out = site.post("/logout", &cookie, &format!("csrf={csrf}")).await;
    assert!(out.header(header::SET_COOKIE).starts_with("triage=; Path=/; Max-Age=0"), "{:?}", out.headers);
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn reading_can_take_a_token() {
    let site = Site::new("  open_reading: false\n  url: https://triage.example.org\n").await;
    fill(&site.store).await;
    for address in ["/", "/causes", "/cause/0123456789abcdef", "/build/a0/report.json", "/search?q=valve", "/outbox"] {
        let answer = site.get(address).await;
        assert_eq!((answer.status, answer.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/login"), "{address}");
        assert!(!answer.body.contains("valve"));
    }
    assert_eq!(site.get("/login").await.status, StatusCode::OK);
    assert_eq!(site.get(layout::style_path()).await.status, StatusCode::OK);
    let (cookie, _) = site.log_in(READER).await;
    assert_eq!(site.get_with("/causes", header::COOKIE, &cookie).await.status, StatusCode::OK);
    let bearer = format!("Bearer {READER}");
    assert_eq!(site.get_with("/causes", header::AUTHORIZATION, &bearer).await.status, StatusCode::OK);
    assert_eq!(site.get_with("/causes", header::AUTHORIZATION, "Bearer x").await.status, StatusCode::SEE_OTHER);
    let answer = site.post("/login", "", &format!("token={READER}")).await;
    assert!(answer.header(header::SET_COOKIE).ends_with("; Secure"), "{:?}", answer.headers);
}

#[test]
fn permanent_links() {
    let base = "https://triage.example.org/";
    for (link, expected) in [
        (Link::Cause(ID), "/cause/0123456789abcdef"),
        (Link::Build("a b/c"), "/build/a%20b%2Fc"),
        (Link::Tree("net/next"), "/tree/net%2Fnext"),
        (Link::Line("x", "refs/heads/ä"), "/tree/x/refs%2Fheads%2F%C3%A4"),
        (Link::Line("", ".."), "/tree/~/~2E~2E"),
        (Link::State("x", "", "v2"), "/tree/x/~?state=v2"),
    ] {
        assert_eq!(permalink(base, link), format!("https://triage.example.org{expected}"));
    }
    for name in ["", ".", "..", "a", "~x", "main"] {
        let segment = segment(name);
        assert_eq!(named(&percent_encoding::percent_decode_str(&segment).decode_utf8().unwrap()), name, "{segment}");
    }
}

#[test]
fn small_words() {
    use std::time::Duration;
    for (seconds, expected) in [(0, "now"), (61, "1 min"), (7200, "2 h"), (86_400 * 2, "2 d"), (86_400 * 800, "2 y")] {
        assert_eq!(layout::age(Duration::from_secs(seconds)), expected);
    }
    assert_eq!(layout::grouped(0), "0");
    assert_eq!(layout::grouped(1_234_567), "1,234,567");
    assert_eq!(layout::short("0123456789abcdef0123456789abcdef01234567"), "0123456789ab");
    let bars = spark::bars(&[(100, 4, 1), (129, 1, 0), (1, 9, 9)], 129, "Failed builds", |day| day.2).into_string();
    assert!(bars.contains("aria-label=\"Failed builds: 1 in 30 days, at most 1 on a day\""), "{bars}");
    assert_eq!(bars.matches("<rect").count(), 1);
}
