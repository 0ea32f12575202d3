//! Logs to causes: each test is a log and the causes that it must give, one a line.
//!
//! `check` writes a cause as `class symbol place +consequences`; what a cause does not have is left
//! out.

use triage_causes::report::{Cause, Report};
use triage_causes::{Analyzer, Options};
use triage_rules::RuleBook;

fn report_with(logs: &[&str], options: Options) -> Report {
    let book = RuleBook::embedded();
    let mut analyzer = Analyzer::new(&book, options);
    for (number, log) in logs.iter().enumerate() {
        analyzer.begin(&number.to_string());
        let summary = triage_log::read_log(&mut log.as_bytes(), &mut |diagnostic| analyzer.diagnostic(diagnostic));
        analyzer.end(&summary.expect("memory can be read"));
    }
    analyzer.finish()
}

fn report(log: &str) -> Report {
    report_with(&[log], Options::default())
}

fn line(cause: &Cause) -> String {
    let mut text = cause.class.clone();
    if let Some(symbol) = cause.symbols.first() {
        text += &format!(" {}", cause.symbols.get(1).map_or(symbol.clone(), |_| cause.symbols.join(",")));
    }
    if let Some(place) = &cause.location {
        text += &format!(" {}", place.file);
        if let Some(line) = place.line {
            text += &format!(":{line}");
        }
    }
    if cause.counts.consequences > 0 {
        text += &format!(" +{}", cause.counts.consequences);
    }
    text
}

#[track_caller]
fn check(log: &str, expected: &[&str]) {
    let report = report(log);
    let found: Vec<String> = report.causes.iter().map(line).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn same_fingerprint(a: &str, b: &str) {
    let (a, b) = (report(a), report(b));
    assert_eq!((a.causes.len(), b.causes.len()), (1, 1));
    assert_eq!(a.causes[0].fingerprint, b.causes[0].fingerprint);
}

#[test]
fn a_log_without_failure_has_no_cause() {
    check("", &[]);
    check("  CC      lib/error: handling.o\nmake[1]: [Makefile:4: opt] Error 1 (ignored)\n", &[]);
    check("a.c:1:2: warning: unused variable 'x' [-Wunused-variable]\n", &[]);
}

#[test]
fn a_failure_that_make_ignores_is_none() {
    let one = "/bin/sh: 1: ranlibx: not found\nmake[1]: [Makefile:35: lib.a] Error 127 (ignored)\n";
    check(one, &[]);
    // Far from the end of a log too.
    check(&format!("{one}{}", "  CC      a/plain/object/file.o\n".repeat(80_000)), &[]);
}

#[test]
fn make_and_the_driver_only_echo() {
    check(
        "a.c:3:5: error: 'x' undeclared (first use in this function)\nmake: *** [Makefile:2: a.o] Error 1\n",
        &["undeclared-identifier x a.c:3 +1"],
    );
    check(
        "/usr/bin/ld: u.o: in function `main':\n/src/u.c:1: undefined reference to `foo'\ncollect2: error: ld returned 1 exit status\n",
        &["undefined-reference foo /src/u.c:1 +1"],
    );
}

#[test]
fn the_echo_is_the_cause_when_nothing_else_is_known() {
    check(
        "make: *** [Makefile:2: docs] Error 3\nmake: *** [Makefile:9: all] Error 2\n",
        &["command-failed docs Makefile:2 +1"],
    );
}

#[test]
fn repetitions_are_counted_not_repeated() {
    let one = "In file included from a%.c:1:\n./q.h:7:3: error: implicit declaration of function 'q_lock' [-Werror=implicit-function-declaration]\n";
    let log: String = (0..300).map(|n| one.replace('%', &n.to_string())).collect();
    let report = report(&log);
    assert_eq!(report.causes.len(), 1);
    assert_eq!((report.causes[0].counts.findings, report.causes[0].counts.files), (300, 300));
    assert_eq!(report.causes[0].location.as_ref().map(|l| l.file.as_str()), Some("q.h"));
    assert_eq!(report.causes[0].diagnosis.as_deref(), Some("missing-include-cascade"));
}

#[test]
fn one_type_that_is_missing_takes_its_users_along() {
    check(
        "t.c:1:12: error: unknown type name 'tank_t'\n    1 | struct s { tank_t a; };\n      |            ^~~~~~\n\
         t.c:2:32: error: request for member 'x' in something not a structure or union\n\
         t.c:4:1: error: unknown type name 'tank_t'\n    4 | tank_t h(void){ tank_t z; return z; }\n\
         t.c:4:34: error: use of undeclared identifier 'z'\n\
         t.c:9:29: error: 'struct s' has no member named 'lost'\n",
        &["unknown-type tank_t t.c:1 +2", "no-member lost t.c:9"],
    );
}

#[test]
fn two_slips_stay_two_and_three_names_are_one_include() {
    let missing = |name: &str, line: u32| {
        format!(
            "d.c:{line}:2: error: implicit declaration of function '{name}' [-Werror=implicit-function-declaration]\n"
        )
    };
    let (a, b, c) = (missing("tank_fill", 3), missing("valve_open", 5), missing("pipe_sink", 8));
    check(&format!("{a}{b}"), &["implicit-declaration tank_fill d.c:3", "implicit-declaration valve_open d.c:5"]);
    check(&format!("{a}{b}{c}"), &["implicit-declaration tank_fill,valve_open,pipe_sink d.c:3"]);
}

#[test]
fn names_of_one_family_or_one_header_are_one_include() {
    check(
        "d.c:3:2: error: implicit declaration of function 'tank_fill'\nd.c:5:2: error: 'TANK_MAX' undeclared (first use in this function)\n",
        &["implicit-declaration tank_fill,TANK_MAX d.c:3"],
    );
    check(
        "u.c:3:2: error: implicit declaration of function 'close'\nv.c:5:2: error: implicit declaration of function 'read'\n",
        &["implicit-declaration close,read u.c:3"],
    );
}

#[test]
fn independent_causes_under_keep_going_stay_apart() {
    check(
        "a/foo.c:10:2: error: implicit declaration of function 'bar' [-Wimplicit-function-declaration]\n\
         make[3]: *** [scripts/Makefile.build:287: a/foo.o] Error 1\n\
         b/baz.c:77:15: error: 'struct pump' has no member named 'lenn'\n\
         make[3]: *** [scripts/Makefile.build:287: b/baz.o] Error 1\n",
        &["implicit-declaration bar a/foo.c:10 +2", "no-member lenn b/baz.c:77"],
    );
}

#[test]
fn an_untyped_definition_is_no_consequence_of_a_missing_header() {
    let missing: String = ["random", "getpid", "write", "read"]
        .iter()
        .enumerate()
        .map(|(n, name)| {
            format!("a.c:{}:3: error: call to undeclared function '{name}'; ISO C99 and later do not support implicit function declarations [-Wimplicit-function-declaration]\n", n + 20)
        })
        .collect();
    let untyped = "a.c:10:1: error: type specifier missing, defaults to 'int'; ISO C99 and later do not support implicit int [-Wimplicit-int]\n";
    let found = |head: &str| report(&format!("{missing}{untyped}   10 | {head}\n      | ^\n")).causes.len();
    assert_eq!(found("main (argc, argv)"), 2);
    assert_eq!(found("MODULE_TANK(\"a\");"), 1);
}

#[test]
fn a_definition_without_a_type_comes_before_calls_without_a_declaration() {
    let log = "a.c:68:7: error: implicit declaration of function 'random' [-Wimplicit-function-declaration]\n\
               a.c:75:1: error: return type defaults to 'int' [-Wimplicit-int]\n\
               b.c:5:1: error: return type defaults to 'int' [-Wimplicit-int]\n";
    check(log, &["implicit-int a.c:75", "implicit-declaration random a.c:68", "implicit-int b.c:5"]);
}

#[test]
fn a_warning_is_never_the_cause() {
    let log = "f.c:5:7: warning: unused variable 'x' [-Wunused-variable]\nf.c:9:2: error: too few arguments to function 'pump'\n";
    check(log, &["argument-count pump f.c:9"]);
    let with = report_with(&[log], Options { warnings: true });
    assert_eq!(with.warnings.iter().map(line).collect::<Vec<_>>(), ["unused x f.c:5"]);
}

#[test]
fn an_include_stack_below_a_line_of_make_is_read() {
    let report = report(
        "make[2]: Nothing to be done for 'all'.\ncc -c b.c\nIn file included from b.c:68:\n./z.h:29:57: error: unknown type name 'tank_t'\n",
    );
    assert_eq!(report.causes[0].includes.last().map(|l| l.file.as_str()), Some("b.c"));
}

#[test]
fn a_macro_is_located_at_its_use() {
    check(
        "In file included from kernel/pump.c:3:\nkernel/pump.c: In function 'pump_init':\n\
         ./include/linux/pump.h:26:34: error: 'pump_base' undeclared (first use in this function)\n\
         kernel/pump.c:40:9: note: in expansion of macro 'PUMP_BASE'\n",
        &["undeclared-identifier pump_base kernel/pump.c:40"],
    );
}

#[test]
fn a_template_of_a_library_is_located_where_it_is_used() {
    check(
        "In file included from /usr/include/c++/12/vector:64,\n                 from m.cpp:1:\n\
         /usr/include/c++/12/bits/stl_construct.h: In instantiation of 'void std::_Construct(T*)':\n\
         m.cpp:9:28:   required from here\n\
         /usr/include/c++/12/bits/stl_construct.h:119:7: error: use of deleted function 'Tank::Tank(const Tank&)'\n",
        &["access m.cpp:9"],
    );
}

#[test]
fn an_undefined_reference_leads_back_to_its_implicit_declaration() {
    let log = "p.c:9:3: warning: implicit declaration of function 'assert' [-Wimplicit-function-declaration]\n\
               /usr/bin/ld: p.o: in function `f':\np.c:(.text+0x5): undefined reference to `assert'\n";
    let report = report(log);
    assert_eq!(report.causes.iter().map(line).collect::<Vec<_>>(), ["undefined-reference assert p.c:9"]);
    assert_eq!(report.causes[0].diagnosis.as_deref(), Some("missing-include"));
}

#[test]
fn an_attribute_macro_that_became_a_variable() {
    let log = "ld: b.o:(.bss+0x0): multiple definition of `__pump_aligned'; a.o:(.bss+0x0): first defined here\n\
               ld: b.o:(.bss+0x8): multiple definition of `__tank_packed'; a.o:(.bss+0x8): first defined here\n";
    let report = report(log);
    assert_eq!(report.causes.len(), 1);
    assert_eq!(report.causes[0].diagnosis.as_deref(), Some("attr-macro-undefined"));
}

#[test]
fn the_machine_is_told_from_the_code() {
    let report =
        report("  LD      vmlinux.o\nKilled\nmake[2]: *** [scripts/Makefile.vmlinux_o:71: vmlinux.o] Error 137\n");
    assert_eq!(
        report.causes.iter().map(|c| (c.class.as_str(), c.kind)).collect::<Vec<_>>(),
        [("out-of-memory", triage_causes::report::Kind::Infrastructure)]
    );
}

#[test]
fn what_configure_tries_is_no_failure() {
    check("conftest.c:3:10: fatal error: no_such.h: No such file or directory\n", &[]);
}

#[test]
fn fingerprints_are_those_of_the_cause() {
    // gcc and clang
    same_fingerprint(
        "w.c:1:25: error: unused variable 'u' [-Werror=unused-variable]\n",
        "w.c:7:9: error: unused variable 'u' [-Werror,-Wunused-variable]\n",
    );
    same_fingerprint(
        "m.c:4:9: error: 'x' undeclared (first use in this function)\n",
        "m.c:4:9: error: use of undeclared identifier 'x'\n",
    );
    // GNU ld and lld
    same_fingerprint(
        "/usr/bin/ld: u.o: in function `main':\n/src/app/u.c:1: undefined reference to `foo'\n",
        "ld.lld: error: undefined symbol: foo\n>>> referenced by u.c:1 (/other/place/u.c:1)\n>>>               u.o:(main)\n",
    );
    // build directories
    same_fingerprint(
        "/home/a/linux/drivers/q/p.c:3:1: error: unknown type name 'q_t'\n",
        "/ci/build/src/drivers/q/p.c:9:1: error: unknown type name 'q_t'\n",
    );
}

#[test]
fn a_standard_header_is_named_in_user_space_and_not_in_the_kernel() {
    let user = report("src/u.c:2:29: error: implicit declaration of function 'close'; did you mean 'pclose'?\n");
    assert_eq!(user.causes[0].fixes[0].header.as_deref(), Some("unistd.h"));
    let kernel = report(
        "In file included from ./include/linux/kernel.h:5:\nkernel/u.c:2:29: error: implicit declaration of function 'memcpy'\n",
    );
    assert!(kernel.causes[0].fixes.iter().all(|fix| fix.header.as_deref() != Some("string.h")));
}

#[test]
fn one_cause_over_several_builds() {
    let log = "a.c:3:5: error: implicit declaration of function 'bar'\n";
    let report = report_with(&[log, "all is well\n", log], Options::default());
    assert_eq!(report.causes.len(), 1);
    assert_eq!(report.causes[0].builds, ["0", "2"]);
}
