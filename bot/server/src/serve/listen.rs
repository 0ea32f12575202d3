//! Takes connections, and ends them when the program is to end.
//!
//! `axum::serve` waits for ever for the head of a request; here a connection that says nothing is closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::Service as _;

/// How long the head of a request may take, and a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);
/// How long to wait when there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Waits until the program is to end.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without a sender nobody can say so any more: the runtime ends.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Serves until `stop` is true, then ends what was begun, for at most `patience`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: usize,
    mut stop: watch::Receiver<bool>,
    patience: Duration,
) {
    let slots = Arc::new(Semaphore::new(connections));
    let mut service = router.into_make_service_with_connect_info::<SocketAddr>();
    // All connections hold a part of it: when the last ends, it is closed.
    let (alive, ended) = watch::channel(());
    loop {
        let slot = tokio::select! {
            () = stopped(&mut stop) => break,
            slot = Arc::clone(&slots).acquire_owned() => slot,
        };
        let (stream, peer) = tokio::select! {
            () = stopped(&mut stop) => break,
            taken = listener.accept() => match taken {
                Ok(taken) => taken,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be taken");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
        };
        let _ = stream.set_nodelay(true);
        let Ok(service) = service.call(peer).await;
        let (mut stop, ended) = (stop.clone(), ended.clone());
        tokio::spawn(async move {
            let (_slot, _ended) = (slot, ended);
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
            let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
            let mut connection = std::pin::pin!(connection);
            let done = tokio::select! {
                done = connection.as_mut() => done,
                () = stopped(&mut stop) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = done {
                tracing::debug!(%peer, %error, "a connection broke");
            }
        });
    }
    drop((listener, ended));
    if tokio::time::timeout(patience, alive.closed()).await.is_err() {
        tracing::warn!("requests were cut off: they took longer than the program had time to stop");
    }
}
