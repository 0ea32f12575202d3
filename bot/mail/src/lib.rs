//! Mail: patches come in from lists and archives, and answers go out.
//!
//! [`message`] is one mail as plain data. Bytes of strangers are read there, and nowhere else. [`series`] puts patches together
//! and finds the one that a build result is about. [`source`] is where mails come from.

pub mod commands;
pub mod manners;
pub mod message;
pub mod reply;
pub mod send;
pub mod sent;
pub mod series;
pub mod source;

pub use message::{Address, Mailbox, Message, MessageId};
