use std::fs::File;
use std::io::{Read, Seek, Write};

use triage_causes::matrix::axes::Axes;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::models::Job;
use super::*;

fn job(name: &str) -> Job {
    serde_json::from_value(serde_json::json!({ "id": 1, "name": name })).unwrap()
}

fn archive(files: &[(&str, &str)]) -> File {
    let mut zip = ZipWriter::new(tempfile::tempfile().unwrap());
    for (name, text) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let mut file = zip.finish().unwrap();
    file.rewind().unwrap();
    file
}

/// The log of each job in an archive.
async fn logs(files: &[(&str, &str)], jobs: &[&str], limit: u64) -> Vec<Option<(String, bool)>> {
    let mut archive = Archive::open(archive(files)).await.unwrap();
    let jobs: Vec<Job> = jobs.iter().map(|name| job(name)).collect();
    let mut logs = Vec::new();
    for job in &jobs {
        logs.push(match archive.log(&job.name, &jobs, limit).await {
            Some(Content::Log { mut file, length, truncated }) => {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text.len() as u64, length);
                Some((text, truncated))
            }
            _ => None,
        });
    }
    logs
}

fn whole(text: &str) -> Option<(String, bool)> {
    Some((text.to_owned(), false))
}

#[tokio::test]
async fn jobs_are_found_in_archives_of_all_years() {
    let job = ["checks / build (Arm64, Release)"];
    // 2025 and later, before, and with steps alone.
    for name in ["15_checks _ build (Arm64, Release).txt", "0_checks  build (Arm64, Release).txt"] {
        assert_eq!(logs(&[(name, "log")], &job, 99).await, [whole("log")]);
    }
    let folder = "checks  build (Arm64, Release)";
    let (second, tenth) = (format!("{folder}/2_make.txt"), format!("{folder}/10_Post.txt"));
    let files = [(tenth.as_str(), "post"), (second.as_str(), "make\n"), ("other/1_x.txt", "x")];
    assert_eq!(logs(&files, &job, 99).await, [whole("make\npost")]);
}

#[tokio::test]
async fn names_that_were_cut_are_found_when_only_one_fits() {
    let long = "windows11 driver verifier (Arm64, Release) component test";
    let file = ("0_windows11 driver verifier (Arm64, Release)  com.txt", "log");
    assert_eq!(logs(&[file], &[long], 99).await, [whole("log")]);
    let other = "windows11 driver verifier (Arm64, Release) community test";
    assert_eq!(logs(&[file], &[long, other], 99).await, [None, None]);
}

#[tokio::test]
async fn names_within_names_are_told_apart() {
    let files = [("0_DX.txt", "dx"), ("1_X.txt", "x")];
    assert_eq!(logs(&files, &["X", "DX"], 99).await, [whole("x"), whole("dx")]);
    // Two jobs of one name: the archive does not tell which is which.
    assert_eq!(logs(&[("0_X.txt", "x"), ("1_X.txt", "y")], &["X", "X"], 99).await, [None, None]);
}

#[tokio::test]
async fn a_log_in_an_archive_has_a_limit() {
    assert_eq!(logs(&[("0_X.txt", "12345")], &["X"], 3).await, [Some(("123".to_owned(), true))]);
    assert_eq!(logs(&[("0_X.txt", "12345")], &["X"], 5).await, [whole("12345")]);
}

#[tokio::test]
async fn an_archive_that_is_cut_is_none() {
    let file = archive(&[("0_X.txt", "12345")]);
    file.set_len(file.metadata().unwrap().len() - 10).unwrap();
    assert!(Archive::open(file).await.is_err());
}

#[test]
fn the_name_of_a_job_tells_its_axes() {
    let told = |name| axes(name);
    let expected = |pairs: &[(&str, &str)]| -> Axes {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let name = "build (ubuntu-24.04, clang-19, arm64, Debug)";
    let pairs =
        [("arch", "arm64"), ("toolchain", "clang"), ("version", "19"), ("os", "ubuntu-24.04"), ("matrix-4", "Debug")];
    assert_eq!(told(name), expected(&pairs));
    assert_eq!(told("checks / kernel (allmodconfig)"), expected(&[("config", "allmodconfig")]));
    assert_eq!(told("lint"), expected(&[]));
}
