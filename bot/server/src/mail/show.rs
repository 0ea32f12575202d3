//! What would go out.

use std::io::{self, Write};

use triage_store::{Outgoing, Timestamp};

use crate::args::MailArgs;
use crate::config::MailConfig;
use crate::error::Error;

/// Prints mails as a mailbox (mboxrd) that mail readers open, and says what would happen to them.
pub fn replies(replies: &[Outgoing], config: &MailConfig, args: &MailArgs, now: Timestamp) -> Result<(), Error> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for reply in replies {
        writeln!(out, "From {} Thu Jan  1 00:00:00 1970", config.identity.bounces)?;
        for line in reply.content.lines() {
            let quoted = line.trim_start_matches('>').starts_with("From ");
            writeln!(out, "{}{line}", if quoted { ">" } else { "" })?;
        }
        writeln!(out)?;
    }
    out.flush()?;
    let why = if args.dry_run { "--dry-run was given" } else { "'mail.send' is not set in the configuration" };
    let mut err = io::stderr();
    for reply in replies {
        let wait = reply.next_attempt_at.filter(|at| *at > now).map(|at| at.since(now).as_secs() / 60);
        let when = wait.map(|minutes| format!(", in {minutes} min")).unwrap_or_default();
        writeln!(err, "triage-bot: would go to {}{when}", reply.recipients.join(", "))?;
    }
    writeln!(err, "triage-bot: {}; nothing was sent or recorded ({why})", mails(replies.len()))?;
    Ok(())
}

fn mails(count: usize) -> String {
    if count == 1 { "1 mail".to_owned() } else { format!("{count} mails") }
}
