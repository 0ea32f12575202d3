use super::super::testing;
use super::*;

#[track_caller]
fn check(log: &str, expect: &[&str]) {
    testing::check(&mut Ld::default(), log, expect);
}

#[test]
fn undefined_reference_new_and_old() {
    check(
        "/usr/bin/ld: lib/term.o: in function `start':\nterm.c:(.text+0x13): undefined reference to `tgetstr'\n/usr/bin/ld: term.c:(.text+0x1f): undefined reference to `tgetnum'",
        &[
            "error lib/term.c: undefined reference to 'tgetstr' fn=start obj=lib/term.o",
            "error lib/term.c: undefined reference to 'tgetnum' fn=start obj=lib/term.o",
        ],
    );
    check(
        "term.o: In function `start':\n/src/term.c:14: undefined reference to `tgetstr'\ncollect2: ld returned 1 exit status",
        &[
            "error /src/term.c:14: undefined reference to 'tgetstr' fn=start obj=term.o",
            "error ld returned 1 exit status",
        ],
    );
    check(
        "/usr/bin/ld: term.o:term.c:(.text+0x490): more undefined references to `tgetstr' follow",
        &["error term.c: undefined reference to 'tgetstr' obj=term.o"],
    );
    check(
        "lib/x.a(term.o)(.text+0x12): undefined reference to `f'",
        &["error undefined reference to 'f' obj=lib/x.a(term.o)"],
    );
    check("/usr/bin/ld: libq.so: undefined reference to `f@V1'", &["error undefined reference to 'f@V1' obj=libq.so"]);
    check(
        "C:/msys64/mingw64/bin/../lib/gcc/x86_64-w64-mingw32/13.1.0/../../../../x86_64-w64-mingw32/bin/ld.exe: C:\\q\\a.o:a.c:(.text+0x5): undefined reference to `f'",
        &["error C:\\q\\a.c: undefined reference to 'f' obj=C:\\q\\a.o"],
    );
    check(
        "ld: CMakeFiles/app.dir/src/main.cpp.o: in function `Ring::start(int)':\nmain.cpp:(.text+0x1): undefined reference to `Ring::stop() const'",
        &[
            "error src/main.cpp: undefined reference to 'Ring::stop() const' fn=Ring::start(int) obj=CMakeFiles/app.dir/src/main.cpp.o",
        ],
    );
}

#[test]
fn more_references_belong_to_the_first() {
    check(
        "ld: a.o: in function `f':\na.c:(.text+0x1): undefined reference to `g'\nld: a.o:a.c:(.text+0x9): more undefined references to `g' follow",
        &["error a.c: undefined reference to 'g' fn=f obj=a.o"],
    );
}

#[test]
fn interleaved_links() {
    check(
        "ld: lib/a.o: in function `f':\nld: bin/b.o: in function `g':\na.c:(.text+0x1): undefined reference to `x'\nb.c:(.text+0x1): undefined reference to `y'",
        &[
            "error lib/a.c: undefined reference to 'x' fn=f obj=lib/a.o",
            "error bin/b.c: undefined reference to 'y' fn=g obj=bin/b.o",
        ],
    );
}

#[test]
fn multiple_definition() {
    check(
        "aarch64-linux-gnu-ld: drivers/q/b.o: in function `f':\nb.c:(.text+0x12f0): multiple definition of `f'; drivers/q/a.o:a.c:(.text+0x66c4): first defined here",
        &[
            "error drivers/q/b.c: multiple definition of 'f' fn=f obj=drivers/q/b.o,drivers/q/a.o | drivers/q/a.c: first defined here",
        ],
    );
    check(
        "/usr/bin/ld: b.o:(.bss+0x0): multiple definition of `x'; a.o:(.bss+0x0): first defined here",
        &["error multiple definition of 'x' obj=b.o,a.o | first defined here"],
    );
    check(
        "b.o: In function `f':\nb.c:(.text+0x0): multiple definition of `f'\na.o:a.c:(.text+0x0): first defined here",
        &["error b.c: multiple definition of 'f' fn=f obj=b.o,a.o | a.c: first defined here"],
    );
    check(
        "drivers/q/b.o: in function 'f': b.c:(.text+0x12f0): multiple definition of 'f'; drivers/q/a.o:a.c:(.text+0x66c4): first defined here",
        &[
            "error drivers/q/b.c: multiple definition of 'f' fn=f obj=drivers/q/b.o,drivers/q/a.o | drivers/q/a.c: first defined here",
        ],
    );
}

#[test]
fn gold() {
    check(
        "a.o:a.c:function main: error: undefined reference to 'foo'\n/src/a.c:2: error: undefined reference to 'foo'\n/usr/bin/ld.gold: error: b.o: multiple definition of 'x'\n/usr/bin/ld.gold: a.o: previous definition here\n/usr/bin/ld.gold: error: cannot find -lring",
        &[
            "error a.c: undefined reference to 'foo' fn=main obj=a.o",
            "error /src/a.c:2: undefined reference to 'foo'",
            "error multiple definition of 'x' obj=b.o,a.o | previous definition here",
            "error cannot find -lring",
        ],
    );
}

#[test]
fn lld_undefined() {
    check(
        "ld.lld: error: undefined symbol: ring_start\n>>> referenced by q.c:7 (/src/lib/q.c:7)\n>>>               lib/q.o:(main)\n>>> referenced by r.c\n>>>               lib/r.o:(.text+0x4) in archive x.a\n>>> referenced 2 more times\n>>> did you mean: ring_stop\n>>> defined in: lib/ring.o",
        &[
            "error /src/lib/q.c:7: undefined symbol: ring_start fn=main obj=lib/q.o,lib/r.o,lib/ring.o | /src/lib/q.c:7: referenced by lib/q.o:(main) | lib/r.c: referenced by lib/r.o:(.text+0x4) | referenced 2 more times | did you mean: ring_stop | defined in lib/ring.o",
        ],
    );
    check(
        "ld.lld-19: error: undefined symbol: ring_start\n>>> referenced by q.c\n>>>               drivers/q/q.o:(ring_probe)",
        &[
            "error drivers/q/q.c: undefined symbol: ring_start fn=ring_probe obj=drivers/q/q.o | drivers/q/q.c: referenced by drivers/q/q.o:(ring_probe)",
        ],
    );
    check("wasm-ld: error: q.o: undefined symbol: ring_start", &["error undefined symbol: ring_start obj=q.o"]);
    check(
        "mold: error: undefined symbol: ring_start\n>>> referenced by q.o:(.text)",
        &["error undefined symbol: ring_start obj=q.o | referenced by q.o:(.text)"],
    );
}

#[test]
fn lld_duplicate() {
    check(
        "ld.lld: error: duplicate symbol: ring\n>>> defined at a.c\n>>>            mm/a.o:(ring) in archive vmlinux.a\n>>> defined at b.c\n>>>            mm/b.o:(.bss+0x0) in archive vmlinux.a",
        &[
            "error mm/a.c: duplicate symbol: ring obj=mm/a.o,mm/b.o | mm/a.c: defined in mm/a.o:(ring) | mm/b.c: defined in mm/b.o:(.bss+0x0)",
        ],
    );
    check("mold: error: duplicate symbol: a.o: b.o: ring", &["error duplicate symbol: ring obj=a.o,b.o"]);
}

#[test]
fn libraries_and_files() {
    check(
        "/usr/bin/ld: cannot find -lring: No such file or directory",
        &["error cannot find -lring: No such file or directory"],
    );
    check("ld.lld: error: unable to find library -lring", &["error unable to find library -lring"]);
    check(
        "/usr/bin/ld: skipping incompatible /usr/lib/libring.so when searching for -lring",
        &["warning skipping incompatible /usr/lib/libring.so when searching for -lring"],
    );
    check("mold: fatal: library not found: ring", &["fatal library not found: ring"]);
    check(
        "/usr/bin/ld: a.o: undefined reference to symbol 'pow@@GLIBC_2.2.5'\n/usr/bin/ld: /lib/x86_64-linux-gnu/libm.so.6: error adding symbols: DSO missing from command line\ncollect2: error: ld returned 1 exit status",
        &[
            "error undefined reference to symbol 'pow@@GLIBC_2.2.5' obj=a.o,/lib/x86_64-linux-gnu/libm.so.6 | error adding symbols: DSO missing from command line",
            "error ld returned 1 exit status",
        ],
    );
    check("ring.o: file not recognized: file truncated", &["error file not recognized: file truncated obj=ring.o"]);
}

#[test]
fn relocations_regions_scripts() {
    check(
        "/usr/bin/ld: a.o: relocation R_X86_64_32S against `.rodata' can not be used when making a PIE object; recompile with -fPIE",
        &[
            "error relocation R_X86_64_32S against '.rodata' can not be used when making a PIE object; recompile with -fPIE obj=a.o",
        ],
    );
    check(
        "a.c:(.text+0x5): relocation truncated to fit: R_X86_64_PC32 against symbol `x' defined in .bss section in b.o",
        &["error a.c: relocation truncated to fit: R_X86_64_PC32 against symbol 'x' defined in .bss section in b.o"],
    );
    check(
        "arm-none-eabi-ld: app.elf section `.text' will not fit in region `FLASH'\narm-none-eabi-ld: region `FLASH' overflowed by 812 bytes",
        &[
            "error app.elf section '.text' will not fit in region 'FLASH'",
            "error region 'FLASH' overflowed by 812 bytes",
        ],
    );
    check("ld:app.lds:3: syntax error", &["error app.lds:3: syntax error"]);
    check(
        "ld: ./arch/q/app.lds:153 cannot move location counter backwards (from 1 to 0)",
        &["error ./arch/q/app.lds:153: cannot move location counter backwards (from 1 to 0)"],
    );
    check(
        "/usr/bin/ld: trap.o: warning: relocation against `names' in read-only section `.text'",
        &["warning relocation against 'names' in read-only section '.text' obj=trap.o"],
    );
    check("/usr/bin/ld: warning: creating DT_TEXTREL in a PIE", &["warning creating DT_TEXTREL in a PIE"]);
    check(
        "`q_exit' referenced in section `.altinstructions' of drivers/q/q.o: defined in discarded section `.exit.text' of drivers/q/q.o",
        &[
            "error 'q_exit' referenced in section '.altinstructions' of drivers/q/q.o: defined in discarded section '.exit.text' of drivers/q/q.o obj=drivers/q/q.o",
        ],
    );
    check(
        "ld.lld: error: lib/q.o:(.text+0x5): relocation R_X86_64_PC32 out of range: 1 is not in [0, 0]; references 'x'\n>>> defined in r.o",
        &[
            "error relocation R_X86_64_PC32 out of range: 1 is not in [0, 0]; references 'x' obj=lib/q.o,r.o | defined in r.o",
        ],
    );
}

#[test]
fn drivers() {
    check(
        "clang-19: error: linker command failed with exit code 1 (use -v to see invocation)",
        &["error linker command failed with exit code 1 (use -v to see invocation)"],
    );
    check("collect2: error: ld returned 1 exit status", &["error ld returned 1 exit status"]);
    check(
        "collect2: fatal error: ld terminated with signal 9 [Killed]",
        &["fatal ld terminated with signal 9 [Killed]"],
    );
}

#[test]
fn apple() {
    check(
        "Undefined symbols for architecture arm64:\n  \"_ring\", referenced from:\n      _main in main.o\nld: symbol(s) not found for architecture arm64",
        &["error undefined symbol: _ring fn=_main obj=main.o", "error symbol(s) not found for architecture arm64"],
    );
}

#[test]
fn near_misses() {
    for log in [
        "    Fix undefined reference to `ring' when CONFIG_RING is off",
        "* lib: undefined reference to `ring'",
        "a.c: In function 'f':",
        "a.c:3:5: error: multiple definition of 'enum e'",
        ">>> import sys",
        "  gcc -o a a.o -Wl,-z,defs  # undefined reference to x",
        "  LD      undefined.o",
        "checking for ld used by gcc... /usr/bin/ld",
        "build: multiple definition of targets",
        "make[1]: *** [Makefile:3: ld] Error 1",
        "ld: ",
        "ld",
        "Use of ld: none",
    ] {
        check(log, &[]);
    }
}

#[test]
fn never_panics() {
    testing::survives(
        || Box::<Ld>::default(),
        "ld: «a.o»: in function `ä':\nä.c:(.text+0x1): undefined reference to ‘ü’\nld.lld: error: undefined symbol: ä\n>>> referenced by ä.c:1 (/ä.c:1)\n>>>    ä.o:(ä)\n:(: multiple definition of 'x'; ): first defined here\n':\n': in function '",
    );
}
