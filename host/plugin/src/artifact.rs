//! What a file is, before anything of it runs: a component, or a core module that is made into one.

use sha2::{Digest, Sha256};
use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload};

use crate::{error::LoadProblem, foreign};

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
    /// Bytes of its largest function.
    pub(crate) function_bytes: usize,
    /// What the host needs to know of it once it is compiled.
    pub(crate) facts: Facts,
}

/// What the host needs to know of a plugin to run it, beside its compiled code.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Facts {
    /// The author's examples, JSON.
    pub(crate) samples: Option<String>,
    /// The examples were run, and they hold.
    pub(crate) tried: bool,
    /// Some export has a post-return function: results must be copied before it runs.
    pub(crate) has_post_return: bool,
}

impl Artifact {
    /// Understands a file's bytes.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, LoadProblem> {
        let sha256 = sha256(bytes);
        let component = match kind(bytes)? {
            Encoding::Component => bytes.to_vec(),
            Encoding::Module => encode(bytes)?,
        };
        let found = inspect(&component)?;
        check_exports(&found.exports)?;
        found.imports.iter().try_for_each(|import| check_import(import))?;
        let Found { exports, imports, function_bytes, facts } = found;
        Ok(Artifact { sha256, component, imports, exports, function_bytes, facts })
    }

    /// Refuses what would take too long, or too much memory, to compile.
    pub(crate) fn check_functions(&self, bytes_max: usize) -> Result<(), LoadProblem> {
        match self.function_bytes {
            bytes if bytes > bytes_max => Err(LoadProblem::LargeFunction { bytes, bytes_max }),
            _ => Ok(()),
        }
    }
}

/// Of some bytes, lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
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
    match bytes {
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(Encoding::Module),
        [0, b'a', b's', b'm', _, 0, 1, 0, ..] => Ok(Encoding::Component),
        [0, b'a', b's', b'm', _, _, _, _, ..] => Err(LoadProblem::NotWasm {
            looks_like: "it has its beginning, but the version is unknown",
            fix: "build it with a current toolchain",
        }),
        [0, b'a', b's', b'm', rest @ ..] => Err(LoadProblem::CutOff { bytes: 4 + rest.len() }),
        _ => Err(foreign::refusal(bytes)),
    }
}

/// Makes a component of a core module that says what it is.
fn encode(module: &[u8]) -> Result<Vec<u8>, LoadProblem> {
    let (mut has_type, mut stranger) = (false, None);
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(|error| invalid(error, module.len()))? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(|error| invalid(error, module.len()))?;
                    if import.module.starts_with("wasi_") {
                        return Err(LoadProblem::WasiModule { module: import.module.to_owned() });
                    }
                    if !import.module.starts_with("collector:plugin/host@") {
                        stranger.get_or_insert((import.module, import.name));
                    }
                }
            }
            Payload::CustomSection(section) => has_type |= section.name().starts_with("component-type"),
            _ => {}
        }
    }
    if let Some((from, name)) = stranger {
        let fix = match from.starts_with("__wbindgen") {
            true => {
                "some crate that it uses expects a browser: turn off its features for JavaScript (wasm-bindgen, js)"
            }
            false => "a plugin may import collector:plugin/host@0.1.0 alone: link everything else into it",
        };
        return Err(LoadProblem::ForbiddenImport { import: format!("{name} from {from:?}"), fix });
    }
    if !has_type {
        return Err(LoadProblem::NoComponentType);
    }
    let mut encoder = wit_component::ComponentEncoder::default();
    encoder.validate(true);
    let encoded = encoder.module(module).and_then(|encoder| encoder.encode());
    encoded.map_err(|error| LoadProblem::Invalid { reason: format!("{error:#}").replace('\n', " ") })
}

fn invalid(error: wasmparser::BinaryReaderError, bytes: usize) -> LoadProblem {
    // The parser reads from the beginning: where it misses bytes, the file ends too early.
    match error.message().starts_with("unexpected end") {
        true => LoadProblem::CutOff { bytes },
        false => LoadProblem::Invalid { reason: error.to_string() },
    }
}

#[derive(Default)]
struct Found {
    exports: Vec<String>,
    imports: Vec<String>,
    function_bytes: usize,
    facts: Facts,
}

/// Looks at the outermost imports and exports, and at options and sections at any depth.
fn inspect(component: &[u8]) -> Result<Found, LoadProblem> {
    let mut found = Found::default();
    let invalid = |error| invalid(error, component.len());
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
                    found.facts.has_post_return |= has_post_return(&function.map_err(invalid)?);
                }
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                found.function_bytes = found.function_bytes.max((range.end - range.start) as usize);
            }
            Payload::CustomSection(section) if section.name() == SAMPLES => {
                found.facts.samples = Some(samples(section.data())?);
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
