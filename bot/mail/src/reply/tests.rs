use triage_causes::report::{Cause, Report, State};

use super::facts::{Certainty, of_report, tellable};
use super::*;
use crate::message::{Address, Mailbox, Message, MessageId};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn identity() -> Identity {
    Identity {
        from: Mailbox::new(Some("triage bot"), address("triage@bot.example.org")),
        bounces: address("bounces@bot.example.org"),
        id_domain: "bot.example.org".into(),
    }
}

fn body(report: &Report, template: &str, change: impl FnOnce(&mut Facts)) -> String {
    let causes = tellable(report);
    let mut facts = of_report(report, &causes, fixture::blame(Certainty::Likely));
    facts.name = "Alice".into();
    facts.base = "v6.8-rc1".into();
    facts.reported_by = "triage bot <triage@bot.example.org>".into();
    facts.closes = format!("https://lore.example.org/r/triage.{}@bot.example.org", "0".repeat(40));
    change(&mut facts);
    guard::guard(&Templates::load(None).unwrap().render(template, &facts).unwrap())
}

fn mail(parent: &Message, body: &str) -> Mail {
    let lists = [address("linux-valves@lists.example.org")];
    let recipients = Recipients::of(parent, &lists, &[], &People::default(), &|_| false).unwrap();
    let id = MessageId::parse("triage.0@bot.example.org").unwrap();
    write(&identity(), &Parent::of(parent).unwrap(), &recipients, id, body, 1_795_687_200).unwrap()
}

/// What must be true of every body.
fn assert_form(text: &str) {
    let mut diff = false;
    for line in text.lines() {
        diff = (diff && !line.is_empty()) || line.starts_with("--- ");
        let source = line.contains(" | ") || line.starts_with("reproduce: ") || line.starts_with("           ");
        let piped = line.starts_with("| ");
        assert!(diff || source || piped || line.chars().count() <= 72, "{line}");
        assert!(diff || line == "-- " || line == line.trim_end(), "{line:?}");
        assert!(!line.starts_with("From ") && !line.starts_with("#triage"), "{line}");
        assert!(diff || !guard::is_trailer(line), "{line}");
    }
    assert!(!text.contains("\n\n\n"), "{text}");
}

#[test]
fn one_build_with_a_verified_fix() {
    let text = body(&fixture::report(vec![fixture::cause()]), "report", |_| {});
    assert_form(&text);
    insta::assert_snapshot!("one_build", text);
}

#[test]
fn several_builds_and_causes() {
    let new = Cause { state: Some(State::New), ..fixture::cause() };
    let mut report = fixture::matrix(vec![new, fixture::second(), fixture::infrastructure()]);
    report.causes[0].proved = Some(fixture::proved());
    let text = body(&report, "report", |facts| {
        facts.blame = fixture::blame(Certainty::Proved);
        facts.logs = "https://ci.example.org/builds/17".into();
        facts.baseline = "v6.8-rc1".into();
    });
    assert_form(&text);
    assert!(!text.contains("memory"), "the machine's faults are not told");
    insta::assert_snapshot!("several_builds", text);
}

#[test]
fn many_causes_and_a_summary() {
    let causes = (0..30).map(|number| Cause {
        title: format!("'pump_{number}' is used but not declared, and its name is as long as names of functions are"),
        fixes: vec![],
        ..fixture::second()
    });
    let report = fixture::report(causes.collect());
    let text = body(&report, "summary", |facts| facts.earlier = 2);
    assert_form(&text);
    insta::assert_snapshot!("many_causes", text);
}

#[test]
fn an_answer_to_commands() {
    let report = fixture::report(vec![fixture::cause()]);
    let text = body(&report, "answer", |facts| {
        facts.answers = vec![
            "explain: see below".into(),
            "stop me: I write to you no more. Who runs me can take that back; tell them if it was a slip".into(),
        ];
        facts.reported_by = String::new();
    });
    assert_form(&text);
    insta::assert_snapshot!("answer", text);
}

#[test]
fn a_mail_in_full() {
    let text = body(&fixture::report(vec![fixture::cause()]), "report", |_| {});
    let mail = mail(&fixture::patch(), &text);
    assert!(mail.content.contains("Content-Transfer-Encoding: 7bit"));
    assert_eq!(mail.recipients, [address("alice@example.org"), address("linux-valves@lists.example.org")]);
    assert!(mail.content.is_ascii());
    assert_eq!(mail.content.matches('\n').count(), mail.content.matches("\r\n").count());
    insta::assert_snapshot!("in_full", mail.content.replace('\r', ""));

    let read = Message::parse(mail.content.as_bytes());
    assert_eq!(read.text, text);
    assert_eq!(read.parent().unwrap().as_str(), "20261126.1-alice@example.org");
    let references: Vec<&str> = read.references.iter().map(MessageId::as_str).collect();
    assert_eq!(references, ["20261126.0-alice@example.org", "20261126.1-alice@example.org"]);
    assert!(read.text.contains(fixture::PATCH));
}

#[test]
fn other_alphabets_travel_unchanged() {
    let patch = fixture::PATCH.replace("struct pump", "struct pömp");
    let mut cause = fixture::cause();
    cause.fixes[0].patch = Some(patch.clone());
    let text = body(&fixture::report(vec![cause]), "report", |facts| facts.name = "Zoë".into());
    let mut parent = fixture::patch();
    parent.subject = "[PATCH] ventil: größer".into();
    let mail = mail(&parent, &text);
    assert!(mail.content.contains("Content-Transfer-Encoding: 8bit"), "{}", mail.content);
    assert!(mail.content.replace("\r\n", "\n").contains(&patch));
    let read = Message::parse(mail.content.as_bytes());
    assert_eq!(read.subject, "Re: [PATCH] ventil: größer");
    assert_eq!(read.text, text);
}

#[test]
fn subjects_begin_with_re() {
    for (subject, expected) in [
        ("[PATCH] x", "Re: [PATCH] x"),
        ("Re: [PATCH] x", "Re: [PATCH] x"),
        ("RE: re:Re: [PATCH] x", "Re: [PATCH] x"),
        ("", "Re: your mail"),
        ("é", "Re: é"),
    ] {
        let parent = Message { subject: subject.into(), ..fixture::patch() };
        let read = Message::parse(mail(&parent, "x\n").content.as_bytes());
        assert_eq!(read.subject, expected);
    }
}

#[test]
fn long_threads_keep_their_root_and_parent() {
    let mut parent = fixture::patch();
    parent.references = (0..99).map(|number| MessageId::parse(&format!("{number}@example.org")).unwrap()).collect();
    let read = Message::parse(mail(&parent, "x\n").content.as_bytes());
    assert_eq!(read.references.len(), 20);
    assert_eq!(read.references[0].as_str(), "0@example.org");
    assert_eq!(read.references[19].as_str(), "20261126.1-alice@example.org");
}

const HOSTILE: &str = "x\r\nBcc: evil@example.net\r\n\r\n#triage stop\nFrom root\nReported-by: E <e@example.net>\n\
                       \u{1b}[2J\u{202e}\u{0}--boundary\nContent-Type: text/html\n.\r\nQUIT\n-- \n";

fn hostile() -> Cause {
    let mut cause = fixture::cause();
    for text in [&mut cause.rule, &mut cause.class, &mut cause.title, &mut cause.message, &mut cause.explanation] {
        *text = HOSTILE.into();
    }
    cause.fingerprint = HOSTILE.into();
    cause.location.as_mut().unwrap().file = HOSTILE.into();
    cause.function = Some(HOSTILE.into());
    cause.symbols = vec![HOSTILE.into()];
    cause.includes[0].file = HOSTILE.into();
    cause.notes[0].message = format!("in expansion of macro '{HOSTILE}'");
    cause.snippet.as_mut().unwrap().text = HOSTILE.into();
    cause.fixes[0].title = HOSTILE.into();
    cause.fixes[0].patch = Some(format!("{}{HOSTILE}", fixture::PATCH));
    cause.attribution.statement = HOSTILE.into();
    cause.guards = vec![HOSTILE.into()];
    cause.maintainers = vec![HOSTILE.into()];
    cause
}

#[test]
fn hostile_text_stays_text() {
    let mut report = fixture::matrix(vec![hostile(), Cause { location: None, ..hostile() }]);
    for build in &mut report.builds {
        build.axes = [("arch".to_owned(), HOSTILE.to_owned()), ("config".to_owned(), HOSTILE.to_owned())].into();
    }
    for template in ["report", "summary", "answer"] {
        let text = body(&report, template, |facts| facts.answers = vec!["x".into()]);
        assert!(!text.chars().any(|c| c != '\n' && triage_report::safe::is_hidden(c)), "{text}");
        for line in text.lines() {
            assert!(!line.starts_with("From ") && !line.starts_with("#triage"), "{line}");
            assert!(!guard::is_trailer(line), "{line}");
        }
        let mut parent = fixture::patch();
        parent.subject = HOSTILE.into();
        parent.from = Some(Mailbox::new(Some(HOSTILE), address("alice@example.org")));
        let mail = mail(&parent, &text);
        let read = Message::parse(mail.content.as_bytes());
        let names: Vec<&str> = read.headers.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names.len(), 14, "{names:?}");
        assert!(read.header("Bcc").is_none() && read.parts.is_empty(), "{names:?}");
        assert_eq!(mail.recipients, [address("alice@example.org"), address("linux-valves@lists.example.org")]);
        assert_eq!(read.text, text);
    }
}

#[test]
fn an_operators_templates() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("footer.j2");
    let load = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Templates::load(Some(folder.path()))
    };
    let report = fixture::report(vec![fixture::cause()]);
    let facts = of_report(&report, &tellable(&report), fixture::blame(Certainty::Likely));
    let text = load("-- \nours\n").unwrap().render("report", &facts).unwrap();
    assert!(text.ends_with("\n-- \nours\n"), "{text}");

    let error = load("\n{% if %}").unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:2: syntax error", file.display())), "{error}");
    let error = load("{{ nonsense }}").unwrap().render("report", &facts).unwrap_err().to_string();
    assert!(error.contains("footer.j2:1: "), "{error}");
    let error = load("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}").unwrap();
    assert!(error.render("report", &facts).is_err(), "a loop ends");
    std::fs::rename(&file, folder.path().join("other.j2")).unwrap();
    let error = Templates::load(Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("there is no template of that name; known are report.j2"), "{error}");
}
