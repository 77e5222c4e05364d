//! What a file that is no WebAssembly looks like, in words for whoever named it as a plugin.

use crate::{cache::MAGIC, error::LoadProblem};

const ELF: &[u8] = b"\x7fELF";
/// Bytes of text that are looked at.
const LOOKED_AT: usize = 4096;

/// Kinds of files by their first bytes, with what to do.
const BEGINNINGS: [(&[u8], &str, &str); 14] = [
    (b"MZ", "it is a program for Windows", RIGHT_TARGET),
    (b"\xcf\xfa\xed\xfe", "it is a program for macOS", RIGHT_TARGET),
    (b"\xca\xfe\xba\xbe", "it is a program for macOS or Java", RIGHT_TARGET),
    (b"\x1f\x8b", "it is packed with gzip", "unpack it: `gunzip`"),
    (b"\x28\xb5\x2f\xfd", "it is packed with zstd", "unpack it: `unzstd`"),
    (b"\xfd7zXZ", "it is packed with xz", "unpack it: `unxz`"),
    (b"BZh", "it is packed with bzip2", "unpack it: `bunzip2`"),
    (b"PK\x03\x04", "it is a zip archive", "unpack it: `unzip`, and name the .wasm file in it"),
    (b"!<arch>", "it is an archive of object files", RIGHT_TARGET),
    (b"BC\xc0\xde", "it is LLVM's code between compiler and linker", RIGHT_TARGET),
    (b"version https://git-lfs", "it is a pointer of git-lfs", "fetch the file itself: `git lfs pull`"),
    (b"<!DOCTYPE", "it is a web page", "the download did not give the file: look at the address"),
    (b"<html", "it is a web page", "the download did not give the file: look at the address"),
    (b"#!", "it is a script", NAME_THE_WASM),
];
const RIGHT_TARGET: &str = "build it for wasm32-unknown-unknown: `collector plugin build`";
const NAME_THE_WASM: &str = "name the .wasm file that the build made";

/// What the bytes look like, as a reason to refuse them.
pub(crate) fn refusal(bytes: &[u8]) -> LoadProblem {
    let (looks_like, fix) = look(bytes);
    LoadProblem::NotWasm { looks_like, fix }
}

fn look(bytes: &[u8]) -> (&'static str, &'static str) {
    if bytes.is_empty() {
        return ("it is empty", "copy it again, or build it again");
    }
    if bytes.starts_with(MAGIC) || bytes.starts_with(ELF) && contains(bytes, b".wasmtime.engine") {
        return (
            "it is machine code that was compiled from a plugin in advance",
            "name the .wasm file that it was made of: the collector compiles it itself, and takes no machine code from anybody",
        );
    }
    if bytes.starts_with(ELF) {
        return ("it is a program or library in machine code (ELF)", RIGHT_TARGET);
    }
    if let Some((_, looks_like, fix)) = BEGINNINGS.iter().find(|(beginning, ..)| bytes.starts_with(beginning)) {
        return (looks_like, fix);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return ("it is a tar archive", "unpack it: `tar xf`, and name the .wasm file in it");
    }
    look_at_text(&bytes[..bytes.len().min(LOOKED_AT)])
}

fn look_at_text(bytes: &[u8]) -> (&'static str, &'static str) {
    let is_text = !bytes.contains(&0)
        && match std::str::from_utf8(bytes) {
            Ok(_) => true,
            // The last character may have been cut.
            Err(error) => error.error_len().is_none(),
        };
    let first = bytes.trim_ascii_start();
    if is_text && (first.starts_with(b"(module") || first.starts_with(b"(component") || first.starts_with(b";;")) {
        return ("it is the text format", "assemble it first: `wasm-tools parse`");
    }
    if is_text { ("it is a text", NAME_THE_WASM) } else { ("it does not begin with \\0asm", NAME_THE_WASM) }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_name_by_mistake_is_recognised() {
        let tar = [[b'a'; 257].as_slice(), b"ustar\0"].concat();
        let cached = [MAGIC.as_slice(), b"and so on"].concat();
        let golden: [(&[u8], &str); 12] = [
            (b"", "it is empty"),
            (b"\x7fELF\x02", "it is a program or library in machine code (ELF)"),
            (b"\x7fELF..\0.wasmtime.engine\0", "it is machine code that was compiled from a plugin in advance"),
            (&cached, "it is machine code that was compiled from a plugin in advance"),
            (b"\x1f\x8b\x08", "it is packed with gzip"),
            (&tar, "it is a tar archive"),
            (b"  (module)", "it is the text format"),
            ("package main; // größer".as_bytes(), "it is a text"),
            (b"gr\xc3", "it is a text"),
            (b"a\0b", "it does not begin with \\0asm"),
            (b"a\xff b", "it does not begin with \\0asm"),
            (b"<!DOCTYPE html>", "it is a web page"),
        ];
        for (bytes, expected) in golden {
            assert_eq!(look(bytes).0, expected, "{}", bytes.escape_ascii());
        }
    }
}
