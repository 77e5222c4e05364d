//! A plugin's own source, compiled into this process and run behind the same interface as the sandboxed one.

use std::sync::Arc;

use collector_plugin::{Driver, Plugin};
use collector_plugin_host::{Answer, Manifest, NativeOpen, NativePlugin, Request};

struct Twin<P>(Driver<P>);

impl<P: Plugin + Send> NativePlugin for Twin<P> {
    fn manifest(&self) -> Manifest {
        let manifest = self.0.manifest();
        Manifest {
            reads: manifest.reads().iter().map(ToString::to_string).collect(),
            writes: manifest.writes().iter().map(ToString::to_string).collect(),
            forks: manifest.is_forking(),
            required: manifest.is_required(),
        }
    }

    fn process(&mut self, request: Request<'_>) -> Result<Answer<'_>, String> {
        let changes = self.0.process(request.events, request.text, request.cells, request.names, request.sparse)?;
        Ok(Answer { names: changes.names, arena: changes.arena, ops: changes.ops })
    }
}

/// How to open the native twin of a plugin.
pub(crate) fn twin<P: Plugin + Send>() -> NativeOpen {
    Arc::new(|config| Ok(Box::new(Twin(Driver::<P>::open(config)?))))
}
