//! Whole lines, frames in frames, and what must hold for any bytes.

use proptest::prelude::*;

use super::Frames;

/// Strips the lines of one log.
fn strip_all(lines: &[&str]) -> Vec<String> {
    let mut frames = Frames::new();
    let mut scratch = Vec::new();
    lines.iter().map(|line| String::from_utf8_lossy(frames.strip(line.as_bytes(), &mut scratch)).into_owned()).collect()
}

fn strip(line: &str) -> String {
    strip_all(&[line]).remove(0)
}

const MESSAGE: &str =
    "net/vx/port.c:118:9: error: implicit declaration of function 'vx_flush' [-Wimplicit-function-declaration]";

/// What stands before a line, one of each form.
const HEADS: &[&str] = &[
    "\u{feff}",
    "2026-08-20T10:11:12.1234567Z ",
    "\u{feff}2026-08-20T10:11:12.1234567Z ",
    "build\tRun make\t2026-08-20T10:11:12.1234567Z ",
    "build / x (gcc, 12)\tUNKNOWN STEP\t\u{feff}2026-08-20T10:11:12.1234567Z ",
    "2026-08-20T10:11:12.1234567Z ##[error]",
    "2026-08-20T10:11:12.1234567Z ##[warning]",
    "##[group]",
    "::error file=net/vx/port.c,line=118,col=9::",
    "[build/gcc]   | ",
    "[build/gcc]   ❗  ::error file=a.c::",
    "2026-08-20T10:11:12.123456Z 01O ",
    "2026-08-20T10:11:12.123456Z 01E ",
    "2026-08-20T10:11:12.123456Z 00O+",
    "section_start:1790000000:build_script\r\x1b[0K",
    "2026-08-20T10:11:12.1Z 00O section_end:1790000000:a\r\x1b[0K2026-08-20T10:11:12.2Z 00O+\x1b[0K",
    "travis_time:start:1a2b3c4d\r\x1b[0K",
    "[2026-08-20T10:11:12.345Z] ",
    "10:11:12 ",
    "10:11:12  ",
    "[10:11:12] ",
    "00:01:23.456 ",
    "[Pipeline] ",
    "[10:11:12]W:\t [Step 1/3] ",
    "Aug 20 10:11:12 host prog[12]: ",
    "2026-08-20T10:11:12.123456+02:00 host make[12]: ",
    "2026-08-20T10:11:12+0200 host kernel: ",
    "[   12.345678] ",
    "<3>[   12.345678] ",
    "[  28s] ",
    "| ",
    "ERROR: foo-1.0-r0 do_compile: ",
    "DEBUG: ",
    "#12 34.56 ",
    "service_1  | ",
    "linux-6.6> ",
    "Step #1 - \"build\": ",
    "2026-08-20T10:11:12.123456789Z stderr F ",
    "2026-08-20 10:11:12.123 | ",
    "2026-08-20 10:11:12.123456 | ubuntu-jammy | ",
    "2026-08-20 10:11:12,123 INFO ",
    "2026-08-20 10:11:12,123 - build - INFO - ",
    "[task 2026-08-20T10:11:12.345Z] 10:11:12     INFO -  ",
    "1790000000.123456 ",
    "> ",
    ">> ",
    "> > ",
    ">",
    "\x1b_bk;t=1790000000123\x07",
    "\x1b[01m\x1b[K",
    "\x1b]0;make\x07",
    " 12%\r",
];

#[test]
fn every_frame_alone_and_quoted() {
    for head in HEADS {
        for outer in ["", "> ", "> > ", ">> ", "\x1b[1m", "[10:11:12] "] {
            for tail in ["", "\r", "\r\r", "\x1b[0m", "\x1b[m\x1b[K\r"] {
                let line = format!("{outer}{head}{MESSAGE}{tail}");
                assert_eq!(strip(&line), MESSAGE, "{line:?}");
            }
        }
    }
}

#[test]
fn frames_in_frames() {
    for outer in HEADS {
        for inner in HEADS {
            // These are taken off only directly before a message.
            if outer.contains("##[error]") || outer.starts_with("DEBUG") || outer.starts_with("ERROR") {
                continue;
            }
            // A log has one kind of time of day.
            let clock = |head: &str| head.get(2..3) == Some(":");
            if clock(outer) && clock(inner) {
                continue;
            }
            let line = format!("{outer}{inner}{MESSAGE}");
            assert_eq!(strip(&line), MESSAGE, "{line:?}");
        }
    }
}

#[test]
fn no_prefix_of_a_frame_panics() {
    let mut scratch = Vec::new();
    for head in HEADS {
        let line = format!("{head}{MESSAGE}");
        for end in 0..=line.len() {
            let raw = &line.as_bytes()[..end];
            assert!(Frames::new().strip(raw, &mut scratch).len() <= raw.len());
        }
    }
}

#[test]
fn text_of_tools_stays() {
    for line in [
        "   10 |  flush();",
        "      |  ^~~",
        "  417 |     int left;",
        "  +++ |+#include <stdio.h>",
        "  --> rust/vx/port.rs:12:9",
        "   |",
        "92 |         port.flush();",
        "132 | __packed",
        "| ^",
        "| ~~~~~~",
        "| vx_close",
        "| Reported-by: kernel test robot <lkp@intel.com>",
        "[12/340] Building CXX object main.cpp.o",
        "[ 12%] Building C object main.c.o",
        "[100%] Built target x",
        "ERROR: modpost: \"clk_x\" [drivers/x.ko] undefined!",
        "ERROR: /src/BUILD:3:10: Compiling a.cc failed: (Exit 1): gcc failed",
        "ERROR: Task (/src/x.bb:do_compile) failed with exit code '1'",
        "DEBUG: Executing shell function do_compile",
        "Error: a.dts:12.3-4 syntax error",
        "##[error]Process completed with exit code 2.",
        "##[error]The operation was canceled.",
        "#define FOO 12",
        "#include <x.h>",
        "# 12 \"a.c\"",
        "<stdin>:1515:2: warning: #warning syscall x not implemented",
        "C:\\src\\a.c:3:5: error: x at 2026-08-20T10:11:12Z",
        "a.c:3:5: error: built at 10:11:12 > x",
        "12:34: error: x",
        "make[2]: *** [Makefile:12: a.o] Error 1",
        "ld.lld: error: undefined symbol: foo",
        ">>> referenced by port.c:7 (/src/port.c:7)",
        ">>>               port.o:(vx_open)",
        ">>> defined in a.o",
        ">>> busybox 1.36.1 Building",
        "Step 3/12 : RUN make",
        "include/vx/port.h | 3 +++",
        "D>",
        "::std::vector<int> x;",
        "\tint x;\t/* y */",
        "section .text overlaps",
        "travis_wait 30 make",
        "- {foo}",
        "{\"version\": 1}",
        "",
        " ",
    ] {
        assert_eq!(strip(line), line);
        assert_eq!(strip(&format!("> {line}")), line);
        assert_eq!(strip(&format!("2026-08-20T10:11:12.1234567Z {line}")), line);
        assert_eq!(strip(&format!("build\tRun make\t2026-08-20T10:11:12.1234567Z {line}")), line);
        assert_eq!(strip(&format!("2026-08-20T10:11:12.123456Z 01O {line}\r")), line);
    }
}

#[test]
fn a_line_without_frame_is_not_copied() {
    let mut frames = Frames::new();
    for line in [MESSAGE, "  CC      a.o", "\tint x;", "", "In file included from a.h:3,"] {
        let mut scratch = Vec::new();
        let text = frames.strip(line.as_bytes(), &mut scratch);
        assert_eq!(text.as_ptr(), line.as_ptr());
        assert_eq!(scratch.capacity(), 0);
    }
    let line = "> 2026-08-20T10:11:12Z x\r";
    let mut scratch = Vec::new();
    let text = frames.strip(line.as_bytes(), &mut scratch);
    assert_eq!((text, text.as_ptr()), (b"x".as_slice(), line[23..].as_ptr()));
    assert_eq!(scratch.capacity(), 0);
}

#[test]
fn progress_shows_its_last_part() {
    assert_eq!(strip("abc\rdef"), "def");
    assert_eq!(strip("abc\rdef\r"), "def");
    assert_eq!(strip("abc\r   \r"), "abc");
    assert_eq!(strip("\r\r"), "");
    assert_eq!(strip("10%\x1b[2K\x1b[Gdone"), "done");
    assert_eq!(strip("last line without feedsection_end:1790000000:build\r\x1b[0K"), "last line without feed");
    assert_eq!(strip("last linetravis_time:end:18fc:start=1,finish=2,duration=1\r\x1b[0K"), "last line");
    assert_eq!(strip("section_end:1790000000:build\r\x1b[0K"), "");
    assert_eq!(strip("2026-08-20T10:11:12.1Z 00O Hello \r2026-08-20T10:11:12.2Z 00O world"), "world");
}

#[test]
fn a_time_has_one_or_two_blanks_behind_it() {
    let jenkins = [
        "10:11:12  Started by user x",
        "10:11:12    CC      a.o",
        "10:11:12     10 |  x",
        "10:11:12  a.c:3: x",
        "10:11:12  ",
        "10:11:12",
    ];
    assert_eq!(strip_all(&jenkins), ["Started by user x", "  CC      a.o", "   10 |  x", "a.c:3: x", "", ""]);
    let others = ["10:11:12 x", "10:11:12   CC      a.o", "10:11:12    10 |  x", "10:11:12  y"];
    assert_eq!(strip_all(&others), ["x", "  CC      a.o", "   10 |  x", " y"]);
}

#[test]
fn bars_of_bitbake() {
    let log = [
        "| static int x;",
        "ERROR: Logfile of failure stored in: /tmp/log.do_compile.12",
        "Log data follows:",
        "| static int x;",
        "| DEBUG: Executing shell function do_compile",
        "| a.c: In function 'f':",
        "|    10 |  flush();",
        "|       |  ^~~",
        "|",
        "ERROR: Task (x.bb:do_compile) failed with exit code '1'",
        "| ^",
    ];
    let text = [
        "| static int x;",
        "ERROR: Logfile of failure stored in: /tmp/log.do_compile.12",
        "Log data follows:",
        "static int x;",
        "DEBUG: Executing shell function do_compile",
        "a.c: In function 'f':",
        "   10 |  flush();",
        "      |  ^~~",
        "",
        "ERROR: Task (x.bb:do_compile) failed with exit code '1'",
        "| ^",
    ];
    assert_eq!(strip_all(&log), text);
}

#[test]
fn hunks_of_old_diffs_are_no_quotes() {
    let log = ["12c12", "< foo", "---", "> bar", "done", "> bar"];
    assert_eq!(strip_all(&log), ["12c12", "< foo", "---", "> bar", "done", "bar"]);
    let log = ["> 3a4", "> > bar", "> text", "> > bar"];
    assert_eq!(strip_all(&log), ["3a4", "> bar", "text", "bar"]);
}

#[test]
fn the_summary_of_a_container_build() {
    let log =
        ["0.123 x", "#12 0.123   CC      a.o", "------", " > [build 3/4] RUN make:", "0.123 x", "0.456    10 | y"];
    assert_eq!(strip_all(&log), ["0.123 x", "  CC      a.o", "------", " > [build 3/4] RUN make:", "x", "   10 | y"]);
}

#[test]
fn reports_of_the_kernel_test_robot() {
    let log = [
        ">> drivers/a.c:1:2: error: call to undeclared function 'f'",
        "   drivers/a.c:9:2: note: x",
        ">> ld.lld: error: undefined symbol: f",
        "   >>> referenced by a.c:1",
        ">> >>> defined in b.o",
        "   vim +/f +12 drivers/a.c",
    ];
    let text = [
        "drivers/a.c:1:2: error: call to undeclared function 'f'",
        "   drivers/a.c:9:2: note: x",
        "ld.lld: error: undefined symbol: f",
        "   >>> referenced by a.c:1",
        ">>> defined in b.o",
        "   vim +/f +12 drivers/a.c",
    ];
    assert_eq!(strip_all(&log), text);
}

#[test]
fn records_are_read() {
    assert_eq!(
        strip(r#"- {"dt": "2026-08-20T10:11:12.1", "lvl": "target", "msg": "[   12.345678] \u001b[1mx\u001b[0m\r"}"#),
        "x"
    );
    assert_eq!(strip("{\"log\":\"a\\r\\n\",\"stream\":\"stdout\",\"time\":\"2026-08-20T10:11:12Z\"}\r"), "a");
}

#[test]
fn long_lines_take_linear_time() {
    let mut scratch = Vec::new();
    for part in [
        "> ",
        ">",
        "| ",
        "\r",
        "a\r",
        "\x1b[",
        "\x1b]8;",
        "x\x08",
        "[a/b]   | ",
        "10:11:12 ",
        "\t",
        "a\t",
        ":",
        "::error ",
        "section_end:1:a\r",
        "#1 1.1 ",
        "ERROR: ",
        "DEBUG: ERROR: ",
    ] {
        let raw = part.repeat(2_000_000 / part.len());
        assert!(Frames::new().strip(raw.as_bytes(), &mut scratch).len() <= raw.len());
    }
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(HEADS).prop_map(|head| head.as_bytes().to_vec()),
        2 => Just(MESSAGE.as_bytes().to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..6),
        2 => "[ -~\t\r\u{1b}\u{8}]{0,8}".prop_map(String::into_bytes),
        1 => prop::sample::select(vec!["\r", "\x1b[", "\x1b]", "|", ">>> ", "[", "]", " ", "12c12", ": "]).prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_harmless(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
        let mut frames = Frames::new();
        let mut scratch = Vec::new();
        for line in &lines {
            prop_assert!(frames.strip(line, &mut scratch).len() <= line.len());
        }
    }

    #[test]
    fn any_pieces_are_harmless_and_nothing_is_left(lines in prop::collection::vec(pieces(), 0..8)) {
        let mut frames = Frames::new();
        let mut scratch = Vec::new();
        for line in &lines {
            let line: Vec<u8> = line.iter().copied().filter(|&byte| byte != b'\n').collect();
            let once = frames.strip(&line, &mut scratch).to_vec();
            prop_assert!(once.len() <= line.len());
            prop_assert!(!once.iter().any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f));
        }
    }

    #[test]
    fn stripping_twice_changes_nothing(line in pieces()) {
        // A record's text is a log line of its own, and only lines with carriage returns have fold
        // lines behind the text.
        let line: Vec<u8> = line.into_iter().filter(|byte| !b"{\r\n".contains(byte)).collect();
        let mut scratch = Vec::new();
        let once = Frames::new().strip(&line, &mut scratch).to_vec();
        let twice = Frames::new().strip(&once, &mut scratch).to_vec();
        prop_assert_eq!(once, twice);
    }
}
