use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::*;

/// A clock that moves only when somebody sleeps.
#[derive(Debug)]
struct Still {
    now: Mutex<SystemTime>,
    slept: Mutex<Vec<Duration>>,
}

impl Clock for Still {
    fn now(&self) -> SystemTime {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, time: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        *self.now.lock().unwrap() += time;
        self.slept.lock().unwrap().push(time);
        Box::pin(std::future::ready(()))
    }
}

/// What a server does with a connection.
#[derive(Clone)]
enum Act {
    /// Answers with this, and closes.
    Say(String),
    /// Reads the request, and closes.
    Close,
    /// Reads the request, and says nothing.
    Hang,
}

/// Answers one connection after the other as told, and notes what was asked.
struct Server {
    url: Url,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (acts, notes) = (Arc::new(Mutex::new(acts.into_iter().collect::<VecDeque<_>>())), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let act = acts.lock().unwrap().pop_front().unwrap_or_else(|| say("500 Nothing more to say", "", ""));
                tokio::spawn(serve(stream, act, notes.clone()));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, act: Act, asked: Arc<Mutex<Vec<String>>>) {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while !is_whole(&request) {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    }
    asked.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
    match act {
        Act::Say(text) => drop(stream.write_all(text.as_bytes()).await),
        Act::Close => {}
        Act::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn say(status: &str, headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Say(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"))
}

struct Bench {
    server: Server,
    clock: Arc<Still>,
    client: Client,
}

impl Bench {
    async fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::with(acts, |_| {}).await
    }

    async fn with(acts: impl IntoIterator<Item = Act>, change: impl FnOnce(&mut Settings)) -> Self {
        let server = Server::start(acts).await;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let clock = Arc::new(Still { now: Mutex::new(now), slept: Mutex::default() });
        let mut settings = Settings::new(server.url.clone());
        settings.clock = clock.clone();
        settings.timeout = Duration::from_millis(300);
        change(&mut settings);
        let client = Client::new(settings).unwrap();
        Self { server, clock, client }
    }

    fn call(&self, method: Method, path: &str) -> Call {
        let token = SecretString::from("s3cr3t-token");
        Call::new(method, self.server.url.join(path).unwrap()).secret(AUTHORIZATION, "Bearer ", &token)
    }

    async fn get(&self, path: &str) -> Result<Reply, Error> {
        self.client.send(&self.call(Method::GET, path)).await
    }

    async fn post(&self) -> Result<Reply, Error> {
        self.client.send(&self.call(Method::POST, "/x").json(&1)).await
    }

    fn slept(&self) -> Vec<u64> {
        self.clock.slept.lock().unwrap().iter().map(Duration::as_secs).collect()
    }
}

fn ok() -> Act {
    say("200 OK", "", "{}")
}

#[tokio::test]
async fn faults_that_pass_are_waited_out_where_a_repetition_is_harmless() {
    let faults = [say("502 Bad Gateway", "", "<html>"), Act::Close, Act::Hang, say("500 Oops", "", "")];
    for method in [Method::GET, Method::PATCH, Method::PUT, Method::DELETE] {
        let bench = Bench::new(faults.clone().into_iter().chain([ok()])).await;
        assert_eq!(bench.client.send(&bench.call(method, "/x")).await.unwrap().body, "{}");
        let slept = bench.slept();
        assert_eq!((bench.server.asked().len(), slept.len()), (5, 4));
        // Doubling, and a jitter of at most as much again.
        assert!(slept.iter().zip([1, 2, 4, 8]).all(|(slept, least)| (least..=2 * least).contains(slept)), "{slept:?}");
    }
}

#[tokio::test]
async fn a_post_is_not_repeated_when_it_may_be_done() {
    for fault in [say("502 Bad Gateway", "", ""), Act::Close, Act::Hang] {
        let bench = Bench::new([fault, ok()]).await;
        let error = bench.post().await.unwrap_err();
        assert!(error.is_transient() && error.may_be_done(), "{error}");
        assert_eq!(bench.server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_post_is_repeated_when_it_was_refused() {
    let bench = Bench::new([say("429 Too Many Requests", "retry-after: 7\r\n", ""), ok()]).await;
    bench.post().await.unwrap();
    assert_eq!((bench.server.asked().len(), bench.slept()), (2, vec![8]));
}

#[tokio::test]
async fn a_post_without_a_connection_is_repeated() {
    let bench = Bench::new([]).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let call = Call::new(Method::POST, Url::parse(&format!("http://{nobody}/")).unwrap());
    let error = bench.client.send(&call).await.unwrap_err();
    assert_eq!((error.kind, error.may_be_done(), bench.slept().len()), (Kind::Unreachable, false, 5));
}

#[tokio::test]
async fn what_may_be_there_is_looked_for_before_it_is_made_again() {
    let bench = Bench::new([say("502 Bad Gateway", "", ""), ok(), ok()]).await;
    let looks = Mutex::new(VecDeque::from([None, Some("found")]));
    let look = || std::future::ready(Ok(looks.lock().unwrap().pop_front().unwrap()));
    let make = || async { bench.post().await.map(|_| "made") };
    assert_eq!(bench.client.create(look, make).await.unwrap(), "found");
    assert_eq!(bench.server.asked().len(), 1);

    let bench = Bench::new([say("502 Bad Gateway", "", ""), ok()]).await;
    let make = || async { bench.post().await.map(|_| "made") };
    assert_eq!(bench.client.create(|| std::future::ready(Ok(None)), make).await.unwrap(), "made");
    assert_eq!(bench.server.asked().len(), 2);
}

#[tokio::test]
async fn the_primary_limit_ends_when_it_says() {
    let headers = "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 1800000120\r\n";
    let bench = Bench::new([say("403 Forbidden", headers, ""), ok()]).await;
    bench.get("/x").await.unwrap();
    assert_eq!(bench.slept(), [121]);
}

#[tokio::test]
async fn a_secondary_limit_is_waited_for_a_minute_then_longer() {
    let limited = say("403 Forbidden", "", r#"{"message":"You have exceeded a secondary rate limit."}"#);
    let bench = Bench::new([limited.clone(), limited.clone(), limited, ok()]).await;
    bench.get("/x").await.unwrap();
    assert_eq!(bench.slept(), [60, 120, 240]);
}

#[tokio::test]
async fn a_lack_of_rights_is_no_limit() {
    let headers = "x-ratelimit-remaining: 4999\r\nx-ratelimit-reset: 1800000120\r\nx-github-request-id: A:B:C\r\n";
    let body = r#"{"message":"Resource not accessible by integration","errors":[{"code":"x"}]}"#;
    let bench = Bench::new([say("403 Forbidden", headers, body)]).await;
    let error = bench.get("/x?token=hush").await.unwrap_err();
    assert!(error.kind == Kind::Forbidden && !error.is_transient());
    let host = bench.server.url.as_str().trim_end_matches('/').to_owned();
    let text = "403 Forbidden: Resource not accessible by integration: [{\"code\":\"x\"}] (request A:B:C)";
    assert_eq!(error.to_string(), format!("GET {host}/x: {text}"));
}

#[tokio::test]
async fn a_wait_beyond_the_patience_fails_at_once_and_nothing_more_is_sent() {
    let bench = Bench::new([say("429 Too Many Requests", "retry-after: 3600\r\n", ""), ok()]).await;
    let error = bench.get("/x").await.unwrap_err();
    assert_eq!(error.wait(bench.clock.now()).unwrap().as_secs(), 3601);
    // The gate is closed for others, too; other identities go through.
    assert!(matches!(bench.get("/y").await.unwrap_err().kind, Kind::RateLimited { .. }));
    assert_eq!((bench.server.asked().len(), bench.slept().len()), (1, 0));
    bench.client.for_another().send(&bench.call(Method::GET, "/y")).await.unwrap();
}

#[tokio::test]
async fn errors_and_requests_tell_no_secret() {
    let bench = Bench::with([Act::Close, say("401 Unauthorized", "", "")], |it| it.attempts = 1).await;
    let call = bench.call(Method::GET, "/logs?sig=s3cr3t-signature");
    for error in [bench.client.send(&call).await.unwrap_err(), bench.client.send(&call).await.unwrap_err()] {
        let texts = format!("{error} {error:?} {:?}", call.headers);
        assert!(!texts.contains("s3cr3t"), "{texts}");
    }
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let first = say("200 OK", "etag: \"abc\"\r\n", "[1,2]");
    let bench = Bench::new([first, say("304 Not Modified", "", ""), say("200 OK", "etag: \"def\"\r\n", "[3]")]).await;
    for expected in ["[1,2]", "[1,2]", "[3]"] {
        assert_eq!(bench.get("/x").await.unwrap().body, expected);
    }
    let asked = bench.server.asked();
    assert!(!asked[0].contains("if-none-match") && asked[1].contains("if-none-match: \"abc\""), "{asked:?}");
    // Another token may see another answer.
    let other = bench.call(Method::GET, "/x").secret(AUTHORIZATION, "Bearer ", &SecretString::from("other"));
    let _ = bench.client.send(&other).await;
    assert!(!bench.server.asked()[3].contains("if-none-match"));
}

#[tokio::test]
async fn content_is_made_no_faster_than_allowed() {
    let pace = Pace { per_minute: 3, per_hour: 5 };
    let bench = Bench::with((0..7).map(|_| ok()), |settings| {
        (settings.pace, settings.patience) = (Some(pace), Duration::from_secs(7200));
    })
    .await;
    for _ in 0..6 {
        bench.post().await.unwrap();
    }
    bench.get("/reading/is/free").await.unwrap();
    assert_eq!(bench.slept(), [60, 3540]);
}

#[tokio::test]
async fn redirects_within_a_host_keep_the_token() {
    let bench = Bench::new([say("301 Moved Permanently", "location: /repositories/1\r\n", ""), ok()]).await;
    bench.get("/repos/old/name").await.unwrap();
    let asked = bench.server.asked();
    assert!(asked[1].starts_with("GET /repositories/1 ") && asked[1].contains("Bearer s3cr3t-token"), "{asked:?}");
}

#[tokio::test]
async fn redirects_elsewhere_lose_the_token() {
    let storage = Server::start([say("200 OK", "content-type: text/plain\r\n", "the log")]).await;
    let location = format!("location: {}log?sig=1\r\n", storage.url);
    let bench = Bench::new([say("302 Found", &location, ""), say("302 Found", &location, "")]).await;
    let mut download = bench.client.download(&bench.call(Method::GET, "/logs"), 100).await.unwrap();
    let mut text = String::new();
    download.file.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), download.length, download.truncated), ("the log", 7, false));
    assert!(bench.server.asked()[0].contains("s3cr3t-token"));
    assert!(!storage.asked()[0].contains("s3cr3t-token") && storage.asked()[0].starts_with("GET /log?sig=1"));
    // A request that is no download is not led there at all.
    assert_eq!(bench.get("/logs").await.unwrap().status, 302);
    assert_eq!(storage.asked().len(), 1);
}

#[tokio::test]
async fn redirects_do_not_lead_into_the_inner_network() {
    for target in [
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:192.168.0.1]/",
        "https://0xa.1/",
        "http://example.com/",
        "ftp://127.0.0.1/",
        "https://user@example.com/",
        "https://localhost/",
    ] {
        let bench = Bench::with([say("302 Found", &format!("location: {target}\r\n"), "")], |it| it.attempts = 1).await;
        let error = bench.client.download(&bench.call(Method::GET, "/logs"), 100).await.unwrap_err();
        let refused = error.kind == Kind::Redirect || error.message.contains("no public address");
        assert!(refused, "{target}: {error}");
    }
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let bench = Bench::new((0..20).map(|_| say("302 Found", "location: /again\r\n", ""))).await;
    assert_eq!(bench.get("/x").await.unwrap_err().kind, Kind::Redirect);
    assert_eq!(bench.client.download(&bench.call(Method::GET, "/x"), 1).await.unwrap_err().kind, Kind::Redirect);
    assert_eq!(bench.server.asked().len(), 12);
}

#[tokio::test]
async fn downloads_that_break_off_begin_anew() {
    let cut = Act::Say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345".to_owned());
    let chunked = Act::Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n".to_owned());
    let bench = Bench::new([cut, chunked, say("200 OK", "", "1234567890")]).await;
    let mut download = bench.client.download(&bench.call(Method::GET, "/log"), 100).await.unwrap();
    let mut text = String::new();
    download.file.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), bench.server.asked().len()), ("1234567890", 3));
}

#[tokio::test]
async fn sizes_have_limits() {
    let large = || say("200 OK", "", &"x".repeat(5000));
    let bench = Bench::with([large(), large()], |settings| settings.reply_max = 1000).await;
    assert_eq!(bench.get("/x").await.unwrap_err().kind, Kind::TooLarge { limit: 1000 });
    let download = bench.client.download(&bench.call(Method::GET, "/x"), 1000).await.unwrap();
    assert_eq!((download.length, download.truncated), (1000, true));
}

#[tokio::test]
async fn pages_are_linked() {
    let link = "link: <http://a/?page=1>; rel=\"prev\", <http://a/?page=3>; rel=\"next\"\r\n";
    let bench = Bench::new([say("200 OK", link, "[]"), ok()]).await;
    assert_eq!(bench.get("/x").await.unwrap().next_page().unwrap().as_str(), "http://a/?page=3");
    assert_eq!(bench.get("/x").await.unwrap().next_page(), None);
}

#[tokio::test]
async fn answers_that_do_not_fit_say_where() {
    let bench = Bench::new([say("200 OK", "", r#"{"user":{"login":7}}"#)]).await;
    #[derive(Debug, serde::Deserialize)]
    struct Comment {
        #[serde(rename = "user")]
        _user: User,
    }
    #[derive(Debug, serde::Deserialize)]
    struct User {
        #[serde(rename = "login")]
        _login: String,
    }
    let error = bench.get("/x").await.unwrap().json::<Comment>().unwrap_err();
    assert!(error.kind == Kind::Malformed && error.message.contains("user.login"), "{error}");
}
