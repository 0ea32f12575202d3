//! Causes by words: symbols, files, classes, trees.
//!
//! Each word of a cause is a row, in the order of the causes' birth. So the newest causes with a word are
//! read from an index without a sort, and a cause with several words is looked up by all of them. What was
//! typed may be the beginning of a word; the words that begin so come from a list of their own.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use crate::database::{Error, Transaction, on, storable};

/// Words of a cause.
const WORDS: usize = 60;
/// Bytes of a word.
const WORD: usize = 120;
/// Words that are typed at once; others are left out.
const TYPED: usize = 6;
/// Words that begin as what was typed.
const BEGINNINGS: i64 = 20;
/// Causes of a word that are counted to find the rarest one.
const COUNTED: i64 = 2000;

/// Where a page of causes ends: the time in milliseconds and the fingerprint of its last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Milliseconds since 1970.
    pub at: i64,
    /// The fingerprint, or another key, of the last row.
    pub key: String,
}

impl Cursor {
    /// Before the newest.
    pub fn start() -> Self {
        Self { at: i64::MAX, key: String::new() }
    }
}

impl Transaction {
    /// Adds words to a cause, up to the limit.
    pub(crate) async fn record_words(&mut self, fingerprint: &str, words: &[String]) -> Result<(), Error> {
        let words: BTreeSet<String> = words.iter().map(|word| folded(word)).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Ok(());
        }
        on!(self, at => {
            let known: Vec<(String,)> = sqlx::query_as("SELECT word FROM cause_words WHERE fingerprint = $1")
                .bind(fingerprint).fetch_all(&mut *at).await?;
            let left = WORDS.saturating_sub(known.len());
            let known: BTreeSet<String> = known.into_iter().map(|row| row.0).collect();
            for word in words.difference(&known).take(left) {
                sqlx::query("INSERT INTO words (word) VALUES ($1) ON CONFLICT DO NOTHING")
                    .bind(word).execute(&mut *at).await?;
                sqlx::query(
                    "INSERT INTO cause_words (word, first_seen_at, fingerprint) \
                     SELECT $1, first_seen_at, fingerprint FROM causes WHERE fingerprint = $2 ON CONFLICT DO NOTHING",
                )
                .bind(word).bind(fingerprint).execute(&mut *at).await?;
            }
        });
        Ok(())
    }

    /// The causes that have all words of a text, or words that begin so, the newest first: up to
    /// `limit` after `from`, with when they were seen first.
    pub async fn search(&mut self, text: &str, from: &Cursor, limit: usize) -> Result<Vec<(String, i64)>, Error> {
        let mut typed: Vec<String> = text.split_whitespace().map(folded).filter(|word| !word.is_empty()).collect();
        typed.sort();
        typed.dedup();
        typed.truncate(TYPED);
        // The sets of words of which a cause must have one each, the rarest set first.
        let mut sets = Vec::new();
        for word in &typed {
            let words = self.words_from(word).await?;
            if words.is_empty() {
                return Ok(Vec::new());
            }
            sets.push((self.frequency(&words).await?, words));
        }
        sets.sort();
        let Some(((_, first), others)) = sets.split_first() else { return Ok(Vec::new()) };
        let mut found = BTreeSet::new();
        for word in first {
            found.extend(self.with_word(word, others, from, limit).await?.into_iter().map(|(id, at)| (at, id)));
        }
        Ok(found.into_iter().rev().take(limit).map(|(at, id)| (id, at)).collect())
    }

    /// The word itself when there is one, else those that begin with it.
    async fn words_from(&mut self, typed: &str) -> Result<Vec<String>, Error> {
        // No text in UTF-8 has this character at the end of a word that was typed.
        let end = format!("{typed}\u{10ffff}");
        let rows: Vec<(String,)> = on!(self, at => sqlx::query_as(
                "SELECT word FROM words WHERE word >= $1 AND word < $2 ORDER BY word LIMIT $3",
            )
            .bind(typed).bind(end).bind(BEGINNINGS).fetch_all(at).await?);
        let words: Vec<String> = rows.into_iter().map(|row| row.0).collect();
        Ok(if words.first().is_some_and(|word| word == typed) { vec![typed.to_owned()] } else { words })
    }

    async fn frequency(&mut self, words: &[String]) -> Result<i64, Error> {
        let mut sum = 0;
        for word in words {
            let (count,): (i64,) = on!(self, at => sqlx::query_as(
                    "SELECT COUNT(*) FROM (SELECT 1 FROM cause_words WHERE word = $1 LIMIT $2) AS counted",
                )
                .bind(word).bind(COUNTED).fetch_one(at).await?);
            sum += count;
        }
        Ok(sum)
    }

    async fn with_word(
        &mut self,
        word: &str,
        others: &[(i64, Vec<String>)],
        from: &Cursor,
        limit: usize,
    ) -> Result<Vec<(String, i64)>, Error> {
        let mut sql = "SELECT a.fingerprint, a.first_seen_at FROM cause_words AS a WHERE a.word = $1 \
                       AND (a.first_seen_at, a.fingerprint) < ($2, $3)"
            .to_owned();
        let mut number = 4;
        for (_, words) in others {
            let places: Vec<String> = words.iter().zip(number..).map(|(_, place)| format!("${place}")).collect();
            number += words.len();
            sql += &format!(
                " AND EXISTS (SELECT 1 FROM cause_words AS b WHERE b.word IN ({}) \
                 AND b.first_seen_at = a.first_seen_at AND b.fingerprint = a.fingerprint)",
                places.join(", ")
            );
        }
        sql += &format!(" ORDER BY a.first_seen_at DESC, a.fingerprint DESC LIMIT ${number}");
        on!(self, at => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(word).bind(from.at).bind(&from.key);
            for word in others.iter().flat_map(|(_, words)| words) {
                query = query.bind(word);
            }
            Ok(query.bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(at).await?)
        })
    }
}

/// As words are kept and looked for.
fn folded(word: &str) -> String {
    let word = word.trim_matches(|c: char| matches!(c, '\'' | '"' | '`' | ',' | ';' | '(' | ')' | '<' | '>'));
    storable(&word.to_lowercase(), WORD)
}
