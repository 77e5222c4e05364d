//! Plugins that open well and then do what a plugin must not do, on every batch.

use anyhow::Context as _;

/// What one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misdeed {
    /// It traps.
    Traps,
    /// It never comes back.
    Loops,
    /// It takes memory as long as it gets some.
    EatsMemory,
    /// It answers with what lies outside of its memory.
    Lies,
}

impl Misdeed {
    /// The name of its file, without the ending.
    pub(super) fn name(self) -> &'static str {
        match self {
            Misdeed::Traps => "hostile-traps",
            Misdeed::Loops => "hostile-loops",
            Misdeed::EatsMemory => "hostile-eats",
            Misdeed::Lies => "hostile-lies",
        }
    }

    fn instructions(self) -> &'static str {
        match self {
            Misdeed::Traps => "unreachable",
            Misdeed::Loops => "(loop $again (br $again)) unreachable",
            Misdeed::EatsMemory => {
                "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable"
            }
            Misdeed::Lies => "(i32.const 2147483000)",
        }
    }

    /// The file of the plugin.
    pub(super) fn file(self) -> anyhow::Result<Vec<u8>> {
        let process = self.instructions();
        // What `open` answers is all zeros: the plugin reads nothing, writes nothing and makes no claims.
        let text = format!(
            r#"(module
              (memory (export "memory") 32)
              (global $free (mut i32) (i32.const 4096))
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local i32)
                (local.set 4 (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get 4) (local.get 3)))
                (local.get 4))
              (func (export "collector:plugin/transform@0.1.0#open") (param i32 i32) (result i32) (i32.const 1024))
              (func (export "collector:plugin/transform@0.1.0#process")
                (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {process}))"#
        );
        let mut module = wat::parse_str(text).context("assembling a plugin")?;
        let mut resolve = wit_parser::Resolve::new();
        let interface = include_str!("../../../../wit/v0.1/plugin.wit");
        let package = resolve.push_str("plugin.wit", interface).context("reading the plugins' interface")?;
        let world = resolve.select_world(&[package], Some("plugin")).context("finding the plugins' world")?;
        let encoding = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut module, &resolve, world, encoding)
            .context("embedding a plugin's type")?;
        Ok(module)
    }
}
