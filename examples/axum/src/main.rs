//! A service for one bloc: `monobloc-axum BLOC [ADDRESS [GRACE_SECONDS]]`.

mod routes;

use monobloc::{Engine, LoadOptions};
use std::error::Error;
use std::future::Future;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(bloc) = arguments.next() else {
        eprintln!("usage: monobloc-axum BLOC [ADDRESS [GRACE_SECONDS]]");
        return ExitCode::from(2);
    };
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let grace = arguments.next().unwrap_or_else(|| "20".to_owned());
    match run(&bloc, &address, &grace) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("monobloc-axum: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(bloc: &str, address: &str, grace: &str) -> Result<(), Box<dyn Error>> {
    let seconds =
        grace.parse().map_err(|_| format!("GRACE_SECONDS is {grace:?}; expected a whole number"))?;
    let engine = Arc::new(Engine::load(bloc, &LoadOptions::default())?);
    let runtime = Runtime::new()?;
    let served = runtime.block_on(serve(engine, address, Duration::from_secs(seconds)));
    // A prediction that outlasts the grace does not hold up the end of the process.
    runtime.shutdown_background();
    Ok(served?)
}

/// Serves until SIGTERM or SIGINT; requests that are in flight then have `grace` to end in.
async fn serve(engine: Arc<Engine>, address: &str, grace: Duration) -> io::Result<()> {
    let (asked, asked_long_ago) = (asked_to_end()?, asked_to_end()?);
    let listener = TcpListener::bind(address).await?;
    println!("listening at http://{}", listener.local_addr()?);
    let server = axum::serve(listener, routes::of(engine)).with_graceful_shutdown(asked);
    tokio::select! {
        ended = server.into_future() => ended,
        () = async { asked_long_ago.await; tokio::time::sleep(grace).await } => {
            eprintln!("monobloc-axum: requests were still in flight after {grace:?}");
            Ok(())
        }
    }
}

/// Is ready when a signal has come that asks the process to end. Signals are caught from the call on.
fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
