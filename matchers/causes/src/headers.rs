//! Which standard header declares a symbol, from the tables in `config/headers/`.

static C: &str = include_str!("../../../config/headers/c-standard.tsv");
static POSIX: &str = include_str!("../../../config/headers/posix-glibc.tsv");
static GLIBC: &str = include_str!("../../../config/headers/glibc.tsv");
static KERNEL: &str = include_str!("../../../config/headers/kernel.tsv");
static CXX: &str = include_str!("../../../config/headers/cxx-standard.tsv");

/// The standard header that declares a C symbol, without brackets (`unistd.h`).
pub fn c(symbol: &str) -> Option<&'static str> {
    look_up(C, symbol).or_else(|| look_up(POSIX, symbol)).or_else(|| look_up(GLIBC, symbol)).and_then(first)
}

/// The header that kernel code includes for a symbol, without brackets (`linux/slab.h`).
pub fn kernel(symbol: &str) -> Option<&'static str> {
    look_up(KERNEL, symbol).and_then(first)
}

/// The standard header that declares a C++ symbol, without brackets (`vector`). `std::` is optional.
pub fn cxx(symbol: &str) -> Option<&'static str> {
    let qualified = if symbol.starts_with("std::") { symbol.to_owned() } else { format!("std::{symbol}") };
    look_up(CXX, &qualified).or_else(|| look_up(CXX, symbol)).and_then(first).or_else(|| c(symbol))
}

/// The standard header of a name as it stands: of C, or of C++ when it is qualified.
pub fn standard(symbol: &str) -> Option<&'static str> {
    c(symbol).or_else(|| look_up(CXX, symbol).and_then(first))
}

/// All standard headers that declare a C symbol, without brackets, the best first.
pub fn all_c(symbol: &str) -> Vec<&'static str> {
    all([look_up(C, symbol), look_up(POSIX, symbol), look_up(GLIBC, symbol)])
}

/// All standard headers that declare a C++ symbol, without brackets, the best first. `std::` is optional.
pub fn all_cxx(symbol: &str) -> Vec<&'static str> {
    let bare = symbol.strip_prefix("std::").unwrap_or(symbol);
    let mut found = all([look_up(CXX, &format!("std::{bare}")), look_up(CXX, bare)]);
    found.extend(all_c(bare).into_iter().filter(|header| !found.contains(header)).collect::<Vec<_>>());
    found
}

/// The names of all standard headers of C, POSIX and C++, without brackets, sorted.
pub fn names() -> std::collections::BTreeSet<&'static str> {
    let lists = [C, POSIX, GLIBC, CXX].into_iter().flat_map(str::lines).filter_map(|line| line.split_once('\t'));
    lists.flat_map(|(_, headers)| headers.split(' ')).map(|header| header.trim_matches(['<', '>'])).collect()
}

fn all<const N: usize>(lists: [Option<&'static str>; N]) -> Vec<&'static str> {
    let mut found = Vec::new();
    for header in lists.into_iter().flatten().flat_map(|list| list.split(' ')) {
        let header = header.trim_matches(['<', '>']);
        if !found.contains(&header) {
            found.push(header);
        }
    }
    found
}

fn first(headers: &'static str) -> Option<&'static str> {
    headers.split(' ').next().map(|header| header.trim_matches(['<', '>']))
}

/// Binary search in a sorted table of lines.
fn look_up(table: &'static str, symbol: &str) -> Option<&'static str> {
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let middle = (low + high) / 2;
        let start = table[..middle].rfind('\n').map_or(0, |feed| feed + 1);
        let end = table[start..].find('\n').map_or(table.len(), |feed| start + feed);
        let (name, headers) = table[start..end].split_once('\t')?;
        match name.as_bytes().cmp(symbol.as_bytes()) {
            std::cmp::Ordering::Equal => return Some(headers),
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_the_last_and_what_lies_between() {
        for table in [C, POSIX, GLIBC, KERNEL, CXX] {
            let mut before = "";
            for line in table.lines() {
                let (name, headers) = line.split_once('\t').expect("a tab in every line");
                assert!(before.as_bytes() < name.as_bytes(), "{before} stands before {name}");
                assert_eq!(look_up(table, name), Some(headers), "{name}");
                before = name;
            }
            assert_eq!(look_up(table, ""), None);
            assert_eq!(look_up(table, "no_such_symbol"), None);
        }
    }

    #[test]
    fn names_the_header_that_a_person_would() {
        assert_eq!(c("close"), Some("unistd.h"));
        assert_eq!(c("memcpy"), Some("string.h"));
        assert_eq!(c("pollfd"), Some("poll.h"));
        assert_eq!(kernel("memcpy"), Some("linux/string.h"));
        assert_eq!(kernel("____cacheline_aligned"), Some("linux/cache.h"));
        assert_eq!(kernel("u32"), Some("linux/types.h"));
        assert_eq!(cxx("std::vector"), Some("vector"));
        assert_eq!(cxx("isnan"), Some("cmath"));
    }
}
