//! The texts of a log that nobody built: names, command lines and what compilers say.
//!
//! All of it is made up. `$f` stands for a function, `$v` for a variable, `$s` for the tag of a
//! struct, `$m` for a member and `$h` for a header.

/// Folders of the tree that is "built".
pub const FOLDERS: &[&str] = &[
    "drivers/sluice",
    "drivers/net/harbour",
    "drivers/net/harbour/queue",
    "drivers/clk/pendulum",
    "drivers/gpio",
    "drivers/media/lantern",
    "drivers/media/lantern/codec",
    "drivers/usb/ferry/host",
    "drivers/iio/barometer",
    "drivers/gpu/prism/display",
    "drivers/gpu/prism/display/modes/shared",
    "drivers/gpu/prism/memory",
    "fs/orchard",
    "fs/orchard/journal",
    "fs/ledger",
    "net/canal",
    "net/canal/netlink",
    "net/beacon",
    "kernel/roster",
    "kernel/time",
    "kernel/trace",
    "lib",
    "lib/checksum",
    "lib/error-inject",
    "mm",
    "mm/warnings",
    "block",
    "crypto/cipher",
    "security/gate",
    "sound/soc/organ",
    "sound/core/seq",
    "arch/x86/kernel/cpu",
    "arch/x86/mm",
    "tools/probe/util",
];

/// First halves of file names.
pub const STEMS: &[&str] = &[
    "queue",
    "ring",
    "core",
    "main",
    "probe",
    "table",
    "cache",
    "index",
    "timer",
    "clock",
    "reset",
    "power",
    "error",
    "debug",
    "trace",
    "sysfs",
    "ioctl",
    "mmap",
    "event",
    "filter",
    "policy",
    "buffer",
    "signal",
    "channel",
    "device",
    "warning",
    "message",
    "bitmap",
    "hash",
    "tree",
    "stats",
    "config",
    "firmware",
    "transport",
    "regmap",
    "irq-domain",
];

/// Second halves of file names.
pub const ENDS: &[&str] =
    &["", "-ops", "_util", "-main", "_hw", "-v2", "_common", "-legacy", "_dma", "_pm", "-debugfs", "_tx", "_rx", "_of"];

/// Headers that diagnostics point into, or miss.
pub const HEADERS: &[&str] = &[
    "include/linux/sluice.h",
    "include/linux/harbour.h",
    "include/net/canal.h",
    "include/linux/roster.h",
    "include/uapi/linux/lantern.h",
    "drivers/gpu/prism/prism_drv.h",
    "fs/orchard/orchard.h",
    "include/linux/ledger.h",
    "include/linux/gate_hooks.h",
    "include/trace/events/beacon.h",
    "include/linux/bitmap_pool.h",
    "tools/probe/probe.h",
];

/// Verbs, of which functions are made.
pub const VERBS: &[&str] = &[
    "get",
    "put",
    "init",
    "release",
    "enable",
    "disable",
    "submit",
    "flush",
    "register",
    "unregister",
    "read",
    "write",
    "alloc",
    "free",
    "lock",
    "unlock",
    "map",
    "unmap",
    "start",
    "stop",
    "parse",
    "lookup",
    "notify",
    "resume",
];

/// Nouns, of which functions, variables and structs are made.
pub const NOUNS: &[&str] = &[
    "queue",
    "ring",
    "slot",
    "frame",
    "packet",
    "sector",
    "inode",
    "ledger",
    "gate",
    "sluice",
    "beacon",
    "lantern",
    "prism",
    "orchard",
    "roster",
    "channel",
    "descriptor",
    "region",
    "counter",
    "handle",
    "token",
    "window",
    "cursor",
];

/// Members of structs.
pub const MEMBERS: &[&str] =
    &["flags", "refs", "lock", "list_node", "owner", "dma_addr", "len", "nr_pages", "private_data", "ops", "state"];

/// Flags that stand in every long command line of the kernel-like build.
pub const KERNEL_FLAGS: &str = "-nostdinc -I./arch/x86/include -I./arch/x86/include/generated -I./include \
    -I./arch/x86/include/uapi -I./arch/x86/include/generated/uapi -I./include/uapi -I./include/generated/uapi \
    -include ./include/linux/compiler-version.h -include ./include/linux/kconfig.h \
    -include ./include/linux/compiler_types.h -D__KERNEL__ -fmacro-prefix-map=./= -std=gnu11 -fshort-wchar \
    -funsigned-char -fno-common -fno-PIE -fno-strict-aliasing -mno-sse -mno-mmx -mno-sse2 -mno-3dnow -mno-avx -m64 \
    -falign-jumps=1 -falign-loops=1 -mno-80387 -mno-fp-ret-in-387 -mpreferred-stack-boundary=3 -mskip-rax-setup \
    -mtune=generic -mno-red-zone -mcmodel=kernel -fno-asynchronous-unwind-tables -fno-delete-null-pointer-checks -O2 \
    -fstack-protector-strong -fomit-frame-pointer -fno-stack-clash-protection -fstrict-flex-arrays=3 \
    -fno-strict-overflow -fno-stack-check -fconserve-stack -Wall -Wextra -Wundef \
    -Werror=implicit-function-declaration -Werror=implicit-int -Werror=return-type -Werror=strict-prototypes \
    -Wno-format-security -Wno-trigraphs -Wno-frame-address -Wno-address-of-packed-member -Wmissing-declarations \
    -Wmissing-prototypes -Wframe-larger-than=2048 -Wno-main -Wno-pointer-sign -Wvla -Wcast-function-type \
    -Wno-array-bounds -Wno-stringop-overflow -Wno-alloc-size-larger-than -Wimplicit-fallthrough=5 \
    -Werror=date-time -Werror=incompatible-pointer-types -Werror=designated-init -Wenum-conversion \
    -Wno-unused-but-set-variable -Wno-unused-const-variable -Wno-missing-field-initializers -g";

/// Flag sets of the user-space-like build.
pub const USER_FLAGS: &[&str] = &[
    "-O2 -g -Wall -Iinclude",
    "-DHAVE_CONFIG_H -I. -I.. -I../include -Wall -Wextra -O2 -g -pthread",
    "-std=gnu99 -fPIC -fvisibility=hidden -Wstrict-prototypes -Wshadow -Werror -D_GNU_SOURCE -O1",
    "-Wbad-function-cast -Wdeclaration-after-statement -Wformat-y2k -Winit-self -Wnested-externs -Wno-system-headers",
];

/// What stands before the object of a short line.
pub const SHORT_VERBS: &[&str] = &[
    "  CC      ",
    "  CC      ",
    "  CC      ",
    "  CC      ",
    "  CC      ",
    "  CC [M]  ",
    "  CC [M]  ",
    "  CC [M]  ",
    "  AR      ",
    "  LD [M]  ",
    "  AS      ",
    "  HDRTEST ",
];

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// `warning:`
    Warning,
    /// `error:`
    Error,
    /// `fatal error:`
    Fatal,
}

/// One thing that a compiler says.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    /// How bad it is.
    pub severity: Severity,
    /// The text.
    pub message: &'static str,
    /// The suffix in brackets, without them; may be empty.
    pub option: &'static str,
    /// The line of source.
    pub code: &'static str,
    /// The part of the line that is marked.
    pub mark: &'static str,
    /// The text of the note that follows; may be empty.
    pub note: &'static str,
}

const fn warning(message: &'static str, option: &'static str, code: &'static str, mark: &'static str) -> Wording {
    Wording { severity: Severity::Warning, message, option, code, mark, note: "" }
}

const fn error(
    message: &'static str,
    option: &'static str,
    code: &'static str,
    mark: &'static str,
    note: &'static str,
) -> Wording {
    Wording { severity: Severity::Error, message, option, code, mark, note }
}

const fn fatal(message: &'static str) -> Wording {
    Wording { severity: Severity::Fatal, message, option: "", code: "#include <$h>", mark: "<$h>", note: "" }
}

/// What gcc says.
pub const GCC: &[Wording] = &[
    error(
        "implicit declaration of function ‘$f’",
        "-Werror=implicit-function-declaration",
        "ret = $f($v, 0);",
        "$f",
        "",
    ),
    error(
        "implicit declaration of function ‘$f’; did you mean ‘$f_one’?",
        "-Werror=implicit-function-declaration",
        "return $f($v);",
        "$f",
        "",
    ),
    error(
        "‘$v’ undeclared (first use in this function)",
        "",
        "if ($v > limit)",
        "$v",
        "each undeclared identifier is reported only once for each function it appears in",
    ),
    error("‘struct $s’ has no member named ‘$m’", "", "$v->$m = 0;", "->", ""),
    error("too few arguments to function ‘$f’", "", "err = $f($v);", "$f", "declared here"),
    error("too many arguments to function ‘$f’", "", "err = $f($v, NULL, 0, 0);", "$f", "declared here"),
    error("invalid use of undefined type ‘struct $s’", "", "count += $v->$m;", "->", ""),
    error("expected ‘;’ before ‘return’", "", "$v = 1", "1", ""),
    error(
        "conflicting types for ‘$f’; have ‘int(struct $s *)’",
        "",
        "int $f(struct $s *$v)",
        "$f",
        "previous declaration of ‘$f’ with type ‘void(struct $s *)’",
    ),
    error("redefinition of ‘$f’", "", "static int $f(void)", "$f", "previous definition of ‘$f’ with type ‘int(void)’"),
    error("unknown type name ‘$s_t’", "", "static $s_t $v;", "$s_t", ""),
    error("storage size of ‘$v’ isn’t known", "", "struct $s $v;", "$v", ""),
    fatal("$h: No such file or directory"),
    warning("unused variable ‘$v’", "-Wunused-variable", "struct $s *$v;", "$v"),
    warning("variable ‘$v’ set but not used", "-Wunused-but-set-variable", "int $v, ret = 0;", "$v"),
    warning("‘$f’ defined but not used", "-Wunused-function", "static void $f(struct $s *$v)", "$f"),
    warning("no previous prototype for ‘$f’", "-Wmissing-prototypes", "int $f(struct $s *$v)", "$f"),
    warning(
        "assignment to ‘struct $s *’ from incompatible pointer type ‘struct $s_ops *’",
        "-Wincompatible-pointer-types",
        "$v = entry->$m;",
        "=",
    ),
    warning("‘$v’ may be used uninitialized", "-Wmaybe-uninitialized", "return $f($v);", "$f($v)"),
    warning(
        "format ‘%d’ expects argument of type ‘int’, but argument 3 has type ‘size_t’ {aka ‘long unsigned int’}",
        "-Wformat=",
        "report(dev, \"$v: %d\\n\", sizeof(*$v));",
        "\"$v: %d\\n\"",
    ),
    warning(
        "comparison of integer expressions of different signedness: ‘int’ and ‘u32’ {aka ‘unsigned int’}",
        "-Wsign-compare",
        "for (i = 0; i < $v->$m; i++)",
        "<",
    ),
    warning("this statement may fall through", "-Wimplicit-fallthrough=", "$v->$m = $f();", "$v->$m = $f()"),
    warning(
        "passing argument 2 of ‘$f’ makes pointer from integer without a cast",
        "-Wint-conversion",
        "$f($v, offset);",
        "offset",
    ),
    warning("ISO C90 forbids mixed declarations and code", "-Wdeclaration-after-statement", "int $v = $f();", "int"),
    warning("the frame size of 2112 bytes is larger than 2048 bytes", "-Wframe-larger-than=", "}", "}"),
    warning("initialized field overwritten", "-Woverride-init", ".$m = $f,", "$f"),
    warning(
        "dereferencing type-punned pointer will break strict-aliasing rules",
        "-Wstrict-aliasing",
        "*(u32 *)$v = 0;",
        "(u32 *)$v",
    ),
];

/// What clang says.
pub const CLANG: &[Wording] = &[
    error(
        "call to undeclared function '$f'; ISO C99 and later do not support implicit function declarations",
        "-Wimplicit-function-declaration",
        "ret = $f($v, 0);",
        "$f",
        "",
    ),
    error("use of undeclared identifier '$v'", "", "if ($v > limit)", "$v", ""),
    error(
        "use of undeclared identifier '$v'; did you mean '$v_end'?",
        "",
        "return $v - base;",
        "$v",
        "'$v_end' declared here",
    ),
    error("no member named '$m' in 'struct $s'", "", "$v->$m = 0;", "$m", ""),
    error(
        "incompatible pointer types assigning to 'struct $s *' from 'struct $s_ops *'",
        "-Wincompatible-pointer-types",
        "$v = entry->$m;",
        "=",
        "",
    ),
    error("too few arguments to function call, expected 3, have 1", "", "err = $f($v);", "$f", "'$f' declared here"),
    error(
        "incomplete definition of type 'struct $s'",
        "",
        "count += $v->$m;",
        "->",
        "forward declaration of 'struct $s'",
    ),
    error("expected ';' after expression", "", "$v = 1", "1", ""),
    error("conflicting types for '$f'", "", "int $f(struct $s *$v)", "$f", "previous declaration is here"),
    error("redefinition of '$f'", "", "static int $f(void)", "$f", "previous definition is here"),
    error("unknown type name '$s_t'", "", "static $s_t $v;", "$s_t", ""),
    error(
        "incompatible integer to pointer conversion passing 'unsigned long' to parameter of type 'void *'",
        "-Wint-conversion",
        "$f($v, offset);",
        "offset",
        "passing argument to parameter 'base' here",
    ),
    fatal("'$h' file not found"),
    warning("unused variable '$v'", "-Wunused-variable", "struct $s *$v;", "$v"),
    warning("variable '$v' set but not used", "-Wunused-but-set-variable", "int $v, ret = 0;", "$v"),
    warning("unused function '$f'", "-Wunused-function", "static void $f(struct $s *$v)", "$f"),
    warning("no previous prototype for function '$f'", "-Wmissing-prototypes", "int $f(struct $s *$v)", "$f"),
    warning(
        "variable '$v' is used uninitialized whenever 'if' condition is true",
        "-Wsometimes-uninitialized",
        "if (!$f())",
        "!$f()",
    ),
    warning(
        "format specifies type 'int' but the argument has type 'size_t' (aka 'unsigned long')",
        "-Wformat",
        "report(dev, \"$v: %d\\n\", sizeof(*$v));",
        "sizeof(*$v)",
    ),
    warning(
        "comparison of integers of different signs: 'int' and 'u32' (aka 'unsigned int')",
        "-Wsign-compare",
        "for (i = 0; i < $v->$m; i++)",
        "<",
    ),
    warning("unannotated fall-through between switch labels", "-Wimplicit-fallthrough", "case $f_DONE:", "case"),
    warning("stack frame size (2112) exceeds limit (2048) in '$f'", "-Wframe-larger-than", "int $f(void)", "$f"),
    warning(
        "implicit conversion from 'int' to 'u8' (aka 'unsigned char') changes value from 300 to 44",
        "-Wconstant-conversion",
        "$v->$m = 300;",
        "300",
    ),
    warning(
        "mixing declarations and code is incompatible with standards before C99",
        "-Wdeclaration-after-statement",
        "int $v = $f();",
        "$v",
    ),
    warning(
        "initializer overrides prior initialization of this subobject",
        "-Winitializer-overrides",
        ".$m = $f,",
        "$f",
    ),
];
