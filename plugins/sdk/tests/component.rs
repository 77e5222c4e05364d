//! The component type that the SDK embeds is that of the published WIT package.

use std::path::Path;
use wit_component::StringEncoding;

fn encode_published_world() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/v0.1");
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    wit_component::metadata::encode(&resolve, world, StringEncoding::UTF8, None).unwrap()
}

/// With `WRITE_COMPONENT_TYPE` set, the file is written instead of compared: a step of publishing a new ABI version.
#[test]
fn the_embedded_component_type_is_that_of_the_published_package() {
    let encoded = encode_published_world();
    if std::env::var_os("WRITE_COMPONENT_TYPE").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/component-type.bin"), &encoded).unwrap();
    } else {
        assert!(
            encoded == collector_plugin::abi::COMPONENT_TYPE,
            "src/component-type.bin is not what wit/v0.1 encodes to: run this test with WRITE_COMPONENT_TYPE=1"
        );
    }
}
