//! A plugin that opens well and traps on every batch.

/// The file of it.
pub(crate) fn plugin() -> Vec<u8> {
    // The manifest at 1024 is all zeros: it reads nothing, writes nothing and makes no claims.
    let text = r#"(module
      (memory (export "memory") 2)
      (global $free (mut i32) (i32.const 4096))
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (global.get $free)
        (global.set $free (i32.and (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 15)) (i32.const -8))))
      (func (export "collector:plugin/transform@0.1.0#open") (param i32 i32) (result i32) (i32.const 1024))
      (func (export "collector:plugin/transform@0.1.0#process") (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))"#;
    let mut module = wat::parse_str(text).expect("the module assembles");
    let mut resolve = wit_parser::Resolve::new();
    let interface = include_str!("../../../wit/v0.1/plugin.wit");
    let package = resolve.push_str("plugin.wit", interface).expect("the interface is valid");
    let world = resolve.select_world(&[package], Some("plugin")).expect("the world is there");
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8)
        .expect("the component type can be embedded");
    module
}
