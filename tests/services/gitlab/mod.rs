//! A small GitLab: projects, pipelines, jobs, merge requests and their comments, with the rules that matter to who writes there.
//!
//! There is no GitLab to be installed. This one is held to be like it by two clients that were not written for it (see
//! `tests/gitlab.rs`), and its answers have the fields of the API's description. What it does on purpose as the real one does:
//! statuses 201 and 204, errors of the three forms, 20 things a page, discussions that hold all notes, positions that must lie
//! in the diff, commands (`/close`) in comments that are carried out, statuses that pile up.

mod api;
mod form;
mod state;

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

pub use state::{Job, MergeRequest, Note, Pipeline, State, Status, sha};

/// The numbers of what is there at the beginning.
pub const PROJECT: u64 = 12;
/// `PROJECT` by its path.
pub const PATH: &str = "group/sub/valve";
/// The merge request.
pub const MR: u64 = 3;
/// A project access token, with the role Developer.
pub const BOT_TOKEN: &str = "glpat-bot";
/// A person's token.
pub const ANN_TOKEN: &str = "glpat-ann";
/// A job's token.
pub const JOB_TOKEN: &str = "glcbt-job";
/// An application's token, of the bot.
pub const OAUTH_TOKEN: &str = "oauth-bot";
/// The number of the bot's account, and of Ann's, who is Maintainer; Bob is Reporter.
pub const BOT: u64 = 5;
/// Ann.
pub const ANN: u64 = 2;
/// Bob.
pub const BOB: u64 = 3;

/// What a runner of GitLab 18 prints around a build that fails.
pub const TRACE: &str = "\u{1b}[0KRunning with gitlab-runner 18.6.0 (0a1b2c3d)\u{1b}[0;m\n\
section_start:1790000000:prepare_executor\r\u{1b}[0K\u{1b}[0K\u{1b}[36;1mPreparing the \"shell\" executor\u{1b}[0;m\u{1b}[0;m\n\
section_end:1790000001:prepare_executor\r\u{1b}[0Ksection_start:1790000001:step_script[collapsed=true]\r\u{1b}[0KExecuting\n\
\u{1b}[32;1m$ curl --header \"TOKEN: [MASKED]\" https://example.org/[MASKED]/key\u{1b}[0;m\n\
\u{1b}[32;1m$ make\u{1b}[0;m\n\
gcc -c -o valve.o src/valve.c\n\
src/valve.c:4:1: error: unknown type name 'imt'\n\
    4 | imt opne(void);\n\
      | ^~~\n\
[MASKED]/build/seat.c:7:9: error: unknown type name 'seat_t'\n\
make: *** [Makefile:3: valve.o] Error 1\n\
section_end:1790000002:step_script\r\u{1b}[0K\u{1b}[31;1mERROR: Job failed: exit code 1\n\u{1b}[0;m";

/// The file `src/valve.c` in the diff of the merge request.
pub const DIFF: &str = "@@ -1,4 +1,6 @@\n #include \"valve.h\"\n+#include \"seat.h\"\n \n-int open(void);\n+imt opne(void);\n+int clos(void);\n int seat(void);\n";

/// A server that runs until it is dropped.
pub struct Fake {
    /// Its address, with a path in front as many self-managed servers have: `http://127.0.0.1:1234/gitlab`.
    pub url: String,
    /// Its port.
    pub port: u16,
    state: Arc<Mutex<State>>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Fake {
    /// Starts one with a merge request.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        listener.set_nonblocking(true).expect("sockets need not block");
        let port = listener.local_addr().expect("a listener has an address").port();
        let url = format!("http://127.0.0.1:{port}/gitlab");
        let state = Arc::new(Mutex::new(State::new(&url)));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let app = api::router(Arc::clone(&state));
        // A thread of its own: tests wait for it from within a runtime of theirs.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let served = async { axum::serve(listener, app).await };
                tokio::select! {
                    result = served => result.expect("the fake serves"),
                    _ = stopped => {}
                }
            });
        });
        Self { url, port, state, _stop: stop }
    }

    /// What it holds.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
