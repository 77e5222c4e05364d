//! How much memory an instance gets: all its memories together, and its tables.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use crate::limits::{Limit, LimitsMet, PARTS_MAX, TABLE_ELEMENTS_MAX};

/// Grants memory until the limit is reached.
pub(crate) struct MemoryGate {
    bytes_max: usize,
    bytes: usize,
    /// What was granted last: it is given back where the system does not have it.
    granted: usize,
    elements: usize,
    refused: bool,
    met: Arc<LimitsMet>,
}

impl MemoryGate {
    /// So many bytes for one instance.
    pub(crate) fn new(bytes_max: usize, met: Arc<LimitsMet>) -> Self {
        MemoryGate { bytes_max, bytes: 0, granted: 0, elements: 0, refused: false, met }
    }

    /// The limit.
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Whether memory was refused since the last question.
    pub(crate) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }
}

impl ResourceLimiter for MemoryGate {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.bytes.saturating_add(desired.saturating_sub(current));
        if wanted > self.bytes_max {
            if !self.refused {
                self.met.count(Limit::Memory);
            }
            self.refused = true;
            return Ok(false);
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.granted = wanted - self.bytes;
        self.bytes = wanted;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.bytes -= std::mem::take(&mut self.granted);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.elements.saturating_add(desired.saturating_sub(current));
        if wanted > TABLE_ELEMENTS_MAX || maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        PARTS_MAX
    }

    fn memories(&self) -> usize {
        PARTS_MAX
    }

    fn tables(&self) -> usize {
        PARTS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_of_an_instance_share_one_limit() {
        let mut gate = MemoryGate::new(100, Arc::default());
        assert!(gate.memory_growing(0, 60, None).unwrap());
        assert!(gate.memory_growing(0, 30, None).unwrap());
        assert!(!gate.memory_growing(30, 41, None).unwrap());
        assert!(gate.take_refused() && !gate.take_refused());
        assert!(gate.memory_growing(60, 70, None).unwrap());
        gate.memory_grow_failed(wasmtime::Error::msg("the system has none")).unwrap();
        assert!(!gate.memory_growing(60, 65, Some(64)).unwrap(), "its own maximum holds too");
        assert!(!gate.take_refused(), "and is no limit of ours");
        assert!(gate.memory_growing(60, 70, None).unwrap());
    }
}
