use std::path::Path;

use super::*;

const NEEDED: &str = "mail:\n  from: triage bot <triage@bot.example.org>\n  relay: {host: smtp.example.org}\n  lists:\n    \
                      - address: linux-valves@lists.example.org\n";

fn example() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/triage.example.yaml")).unwrap()
}

fn load_text(text: &str) -> Result<Config, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("triage.yaml");
    fs::write(&path, text).unwrap();
    load(&path).map_err(|error| Error::Config(error.to_string().replace(&format!("{}/", folder.path().display()), "")))
}

fn fault(text: &str) -> String {
    load_text(text).unwrap_err().to_string()
}

#[test]
fn the_example_has_the_defaults() {
    let shown = |text: &str| {
        let path = Path::new("triage.yaml");
        let mut config = format!("{:#?}", parse(path, text).unwrap());
        // Where a value stands is no part of it.
        while let Some(start) = config.find("referenced: ") {
            let end = config[start..].find("value: ").map_or(config.len(), |end| start + end);
            config.replace_range(start..end, "");
        }
        config
    };
    assert_eq!(shown(&example()), shown(NEEDED));
    load_text(&example()).unwrap();
}

#[test]
fn the_example_has_every_key() {
    let schema = serde_json::to_value(schemars::schema_for!(RawConfig)).unwrap();
    let mut keys = Vec::new();
    let parts = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for part in parts {
        keys.extend(part["properties"].as_object().into_iter().flat_map(|map| map.keys().cloned()));
    }
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        let found =
            example().lines().any(|line| line.trim_start_matches([' ', '#', '-']).starts_with(&format!("{key}:")));
        assert!(found, "{key} is missing");
    }
}

#[test]
fn the_schema_is_written_down() {
    let written = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/schema/triage.schema.json"));
    let made = serde_json::to_string_pretty(&schemars::schema_for!(RawConfig)).unwrap();
    assert_eq!(written.unwrap().trim_end(), made, "run `triage-bot schema > config/schema/triage.schema.json`");
}

#[test]
fn the_example_follows_the_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(RawConfig)).unwrap();
    let instance: serde_json::Value = serde_yaml::from_str(&example()).unwrap();
    let errors: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&instance).map(|error| error.to_string()).collect();
    assert_eq!(errors, [] as [String; 0]);
}

#[test]
fn faults_have_their_place() {
    let with = |old: &str, new: &str| fault(&example().replace(old, new));
    let unknown = with("send: false", "sned: false");
    assert!(unknown.contains(":3: unknown field `sned`"), "{unknown}");
    for (old, new, message) in [
        ("triage@bot.example.org", "triage at bot", "is no mail address"),
        ("quiet_hours: null", "quiet_hours: late", "'late' is no time of day: write 22:00-06:30"),
        ("password_env: null", "password_env: TRIAGE_NO_VARIABLE", "variable TRIAGE_NO_VARIABLE is not set"),
    ] {
        let text = example().replace(old, new);
        let (number, line) = (1..).zip(text.lines()).find(|(_, line)| line.contains(new)).unwrap();
        let column = line.find(": ").unwrap() + 3;
        let fault = fault(&text);
        assert!(fault.starts_with(&format!("triage.yaml:{number}:{column}: ")), "{fault}");
        assert!(fault.contains(message), "{fault}");
    }
    let number = (1..).zip(example().lines()).find(|(_, line)| line.contains("host: smtp.example.org")).unwrap().0;
    // A list without an end is noticed where it begins, or on the next line.
    let open = with("host: smtp.example.org", "host: [x");
    let lines = [number, number + 1].map(|number| format!("triage.yaml:{number}:"));
    assert!(lines.iter().any(|line| open.starts_with(line)), "{open}");
    assert!(load_text("").is_ok(), "all has a default");
    assert!(fault("\u{0}").starts_with("triage.yaml:1:"));
    assert!(
        with("git_archives: []", "git_archives: [nowhere]").contains("nowhere: no archive of public-inbox: it needs")
    );
    assert!(with("templates: null", "templates: nowhere").contains("nowhere: No such file"));
}

#[test]
fn secrets_are_read_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("triage.yaml");
    let secret = folder.path().join("secret");
    fs::write(&secret, "pass word\nrest\n").unwrap();
    let write = |security: &str| {
        let text = example()
            .replace("    user: null", "    user: bot")
            .replace("password_file: null", "password_file: secret");
        fs::write(&path, text.replace("security: starttls", security)).unwrap();
    };
    write("security: tls");
    let config = load(&path).unwrap();
    assert_eq!(config.mail.as_ref().unwrap().relay.login, Some(("bot".into(), "pass word".into())));
    assert!(!format!("{config:?}").contains("pass word"));
    write("security: plain");
    assert!(load(&path).unwrap_err().to_string().contains("a password is not sent without TLS"));
    fs::write(&secret, "\n").unwrap();
    write("security: tls");
    let said = |at: usize, error: &Error| {
        let text = error.to_string().replace(&format!("{}/", folder.path().display()), "");
        assert!(text.starts_with(&format!("triage.yaml:{at}:")), "{text}");
        text
    };
    let text = fs::read_to_string(&path).unwrap();
    let line = |what: &str| (1..).zip(text.lines()).find(|(_, line)| line.contains(what)).unwrap().0;
    let empty = load(&path).unwrap_err();
    assert!(said(line("password_file: secret"), &empty).ends_with("secret: the first line is empty"));
    fs::remove_file(&secret).unwrap();
    let missing = load(&path).unwrap_err();
    assert!(said(line("password_file: secret"), &missing).contains("secret: no such file"), "{missing}");
}

/// What is missing in a part is told where the part begins.
#[test]
fn parts_with_faults_have_places() {
    for (text, place, why) in [
        ("github:\n  app_id: 1\n  webhook_secrets: []\n  repositories: [a/b]\n", "2:3", "give either 'key_file'"),
        (
            "github: {app_id: 1, key_file: nowhere, webhook_secrets: [], repositories: [a/b]}\n",
            "1:31",
            "nowhere: no such file",
        ),
        ("\ngitlab:\n  webhook_secrets: [{file: x}]\n  projects: [a/b]\n", "3:3", "'gitlab' needs a secret"),
        ("work:\n  jobs: 0\n", "2:3", "'jobs' must be 1 or more"),
        ("server:\n  limits:\n    requests: 0\n", "3:5", "'requests' must be 1 or more"),
        ("verify:\n  checkouts: x\n  workers: 0\n  trees: []\n", "2:3", "must be 1 or more"),
    ] {
        let fault = fault(text);
        assert!(fault.starts_with(&format!("triage.yaml:{place}: ")) && fault.contains(why), "{fault}");
    }
}
