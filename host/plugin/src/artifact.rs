//! What a file is, before anything of it runs: a component, or a core module that is made into one.

use sha2::{Digest, Sha256};
use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload};

use crate::error::LoadProblem;

/// The interface that a plugin exports; its name is the ABI version.
pub(crate) const TRANSFORM: &str = "collector:plugin/transform@0.1.0";
/// The interface that a plugin may import.
pub(crate) const HOST: &str = "collector:plugin/host@0.1.0";
const TRANSFORM_NAME: &str = "collector:plugin/transform@";
const SAMPLES: &str = "collector:samples";
const SAMPLES_BYTES_MAX: usize = 1 << 20;

/// A plugin's file, understood but not compiled.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// Of the file, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// A component.
    pub(crate) component: Vec<u8>,
    /// The interfaces that it imports.
    pub(crate) imports: Vec<String>,
    /// The interfaces that it exports.
    pub(crate) exports: Vec<String>,
    /// The author's examples, JSON.
    pub(crate) samples: Option<String>,
    /// Some export has a post-return function: results must be copied before it runs.
    pub(crate) has_post_return: bool,
}

impl Artifact {
    /// Understands a file's bytes.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, LoadProblem> {
        let sha256 = hex(&Sha256::digest(bytes));
        let component = match kind(bytes)? {
            Encoding::Component => bytes.to_vec(),
            Encoding::Module => encode(bytes)?,
        };
        let found = inspect(&component)?;
        check_exports(&found.exports)?;
        found.imports.iter().try_for_each(|import| check_import(import))?;
        let Found { exports, imports, samples, has_post_return } = found;
        Ok(Artifact { sha256, component, imports, exports, samples, has_post_return })
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

enum Encoding {
    Component,
    Module,
}

fn kind(bytes: &[u8]) -> Result<Encoding, LoadProblem> {
    let not_wasm = |looks_like, fix| Err(LoadProblem::NotWasm { looks_like, fix });
    match bytes {
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(Encoding::Module),
        [0, b'a', b's', b'm', _, 0, 1, 0, ..] => Ok(Encoding::Component),
        [0, b'a', b's', b'm', ..] => not_wasm("its version is unknown", "build it with a current toolchain"),
        [] => not_wasm("it is empty", "copy it again"),
        [0x7f, b'E', b'L', b'F', ..] => not_wasm(
            "it is machine code (a program, or a module that wasmtime compiled in advance)",
            "deploy the .wasm itself: the collector compiles it, and takes no machine code from anybody",
        ),
        _ if bytes.trim_ascii_start().starts_with(b"(") => {
            not_wasm("it is the text format", "assemble it first: `wasm-tools parse`")
        }
        _ => not_wasm("it does not begin with \\0asm", "name the .wasm file that the build made"),
    }
}

fn encode(module: &[u8]) -> Result<Vec<u8>, LoadProblem> {
    let mut has_type = false;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(invalid)? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if import.map_err(invalid)?.module == "wasi_snapshot_preview1" {
                        return Err(LoadProblem::WasiModule);
                    }
                }
            }
            Payload::CustomSection(section) => has_type |= section.name().starts_with("component-type"),
            _ => {}
        }
    }
    if !has_type {
        return Err(LoadProblem::NoComponentType);
    }
    let mut encoder = wit_component::ComponentEncoder::default();
    encoder.validate(true);
    let encoded = encoder.module(module).and_then(|encoder| encoder.encode());
    encoded.map_err(|error| LoadProblem::Invalid { reason: format!("{error:#}") })
}

fn invalid(error: wasmparser::BinaryReaderError) -> LoadProblem {
    LoadProblem::Invalid { reason: error.to_string() }
}

#[derive(Default)]
struct Found {
    exports: Vec<String>,
    imports: Vec<String>,
    samples: Option<String>,
    has_post_return: bool,
}

/// Looks at the outermost imports and exports, and at options and sections at any depth.
fn inspect(component: &[u8]) -> Result<Found, LoadProblem> {
    let mut found = Found::default();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(invalid)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= i32::from(depth > 0),
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    found.exports.push(export.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    found.imports.push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentCanonicalSection(functions) => {
                for function in functions {
                    found.has_post_return |= has_post_return(&function.map_err(invalid)?);
                }
            }
            Payload::CustomSection(section) if section.name() == SAMPLES => {
                found.samples = Some(samples(section.data())?);
            }
            _ => {}
        }
    }
    Ok(found)
}

fn has_post_return(function: &CanonicalFunction) -> bool {
    match function {
        CanonicalFunction::Lift { options, .. } => {
            options.iter().any(|option| matches!(option, CanonicalOption::PostReturn(_)))
        }
        _ => false,
    }
}

fn samples(data: &[u8]) -> Result<String, LoadProblem> {
    let bad = |reason: &str| LoadProblem::FailedSample { number: 0, reason: reason.to_owned() };
    if data.len() > SAMPLES_BYTES_MAX {
        return Err(bad("the section collector:samples is larger than 1 MiB"));
    }
    String::from_utf8(data.to_vec()).map_err(|_| bad("the section collector:samples is not UTF-8"))
}

fn check_exports(exports: &[String]) -> Result<(), LoadProblem> {
    if exports.iter().any(|name| name == TRANSFORM) {
        return Ok(());
    }
    match exports.iter().find_map(|name| name.strip_prefix(TRANSFORM_NAME)) {
        Some(found) => Err(LoadProblem::WrongVersion {
            found: found.to_owned(),
            fix: "update the collector, or build the plugin against wit/v0.1",
        }),
        None => {
            let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
            Err(LoadProblem::WrongWorld { exports })
        }
    }
}

fn check_import(import: &str) -> Result<(), LoadProblem> {
    let fix = match import {
        HOST => return Ok(()),
        _ if import.starts_with("wasi:") => return Ok(()),
        _ if import.starts_with("collector:plugin/host@") => {
            "update the collector, or build the plugin against wit/v0.1"
        }
        _ => "a plugin may import collector:plugin/host@0.1.0 alone",
    };
    Err(LoadProblem::ForbiddenImport { import: import.to_owned(), fix })
}
